"""Cameras that are not there, or not as they should be."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from tests.broker import free_port
from tests.catalogue.server import Page, serving
from tests.errors.case import Group, Show
from tests.errors.desk import Desk, Said
from tests.rtsp_server import RtspServer

CAMERAS = Group(
    "Cameras",
    "`edgeclassify learn capture`, which opens a camera as the daemon does. `run` logs the same, says that the camera "
    "is offline, and tries again with growing pauses; `doctor` and `cameras --save` say it too.",
)


def _opened(source: str, **more: Any) -> Show:
    return lambda desk: _open(desk, source, **more)


def _open(desk: Desk, source: str, patience_s: float = 1, **more: Any) -> Said:
    desk.configure(cameras={"door": {"source": source, "stale_seconds": 2, **more}})
    return desk.run("learn", "capture", "parcel", "--count", 1, "--patience", patience_s).only("edgeclassify: ")


@contextlib.contextmanager
def _rtsp(desk: Desk, **more: Any) -> Iterator[RtspServer]:
    with RtspServer(**more) as server:
        desk.call_port(server.port, 554)
        yield server


CAMERAS.add("a file that is not there", _opened("visit.mp4"))
CAMERAS.add("a device that is not there", _opened("/dev/video7"))
CAMERAS.add("no Pi camera, or no picamera2", _opened("picamera"))
CAMERAS.add("a Pi camera's number that is none", _opened("picamera:x"))
CAMERAS.add("`auto`, and no camera at all", _opened("auto"))
CAMERAS.add("a home that there is not", _opened("~nobody-of-that-name/visit.mp4"))


@CAMERAS.case("an empty folder")
def _empty_folder(desk: Desk) -> Said:
    (desk.folder / "photos").mkdir()
    return _open(desk, "photos")


@CAMERAS.case("a folder of damaged pictures")
def _damaged(desk: Desk) -> Said:
    desk.write("photos/a.jpg", b"\xff\xd8\xff\xe0 damaged")
    return _open(desk, "photos")


@CAMERAS.case("a file that is no video")
def _no_video(desk: Desk) -> Said:
    desk.write("visit.mp4", b"a letter " * 50)
    return _open(desk, "visit.mp4")


@CAMERAS.case("an empty file")
def _empty(desk: Desk) -> Said:
    desk.write("visit.mp4")
    return _open(desk, "visit.mp4")


@CAMERAS.case("RTSP: nobody listens there")
def _refused(desk: Desk) -> Said:
    return _open(desk, f"rtsp://127.0.0.1:{desk.call_port(free_port(), 554)}/door")


@CAMERAS.case("RTSP: a wrong password")
def _login(desk: Desk) -> Said:
    with _rtsp(desk, login="ann:right") as server:
        return _open(desk, server.url.replace("//", "//ann:wrong@"))


@CAMERAS.case("RTSP: a wrong path, 404")
def _path(desk: Desk) -> Said:
    with _rtsp(desk) as server:
        return _open(desk, server.url.replace("/door", "/gate"))


@CAMERAS.case("RTSP: it takes the connection and is silent")
def _silent(desk: Desk) -> Said:
    with _rtsp(desk, silent=True) as server:
        desk.configure(cameras={"door": {"source": server.url}})
        return desk.run("cameras", "--save", "seen").only("edgeclassify: ")


@CAMERAS.case("RTSP: it hangs up")
def _hangs_up(desk: Desk) -> Said:
    with _rtsp(desk, frames=1, sizes=((64, 48),)) as server:
        return _open(desk, server.url, patience_s=10)


@CAMERAS.case("HTTP: 404")
def _web(desk: Desk) -> Said:
    with serving() as server:
        desk.call_port(server.server_address[1], 80)
        server.pages["/snapshot"] = Page(status=404)
        return _open(desk, server.address("/snapshot"))


@CAMERAS.case("something that is no camera")
def _other(desk: Desk) -> Said:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = desk.call_port(listening.getsockname()[1], 554)
        listening.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            listening.accept()
        return _open(desk, f"foo://127.0.0.1:{port}/door")
