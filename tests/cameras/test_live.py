"""Network streams, over real sockets: what a camera does when the other end does not behave."""

from __future__ import annotations

import io
import socket
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest
from PIL import Image

from edgeclassify.cameras import Camera, NoFrameError, open_camera
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.records import Picture
from tests.cameras.conftest import COLOURS, colour_of, http_server, make_video, mjpeg_parts
from tests.rtsp_server import RtspServer
from tests.waiting import wait_until

MULTIPART = "multipart/x-mixed-replace; boundary=frame"


def opened(source: str, stale_seconds: float = 10):
    return open_camera("door", CameraConfig(source=source, stale_seconds=stale_seconds), (32, 24), Path())


def first_picture(camera: Camera) -> Picture:
    """Wait for the stream to open, in slices as the capture loop does."""
    deadline_s = time.monotonic() + 15
    while True:
        try:
            return camera.read(0.2)
        except NoFrameError:
            assert time.monotonic() < deadline_s, "no frame in time"


def error_of(source: str, stale_seconds: float = 2) -> str:
    with opened(source, stale_seconds) as camera, pytest.raises(CameraError) as error:
        read_on(camera, timeout_s=15)
    return str(error.value)


def read_on(camera: Camera, timeout_s: float = 2) -> NoReturn:
    """Read until it fails."""
    while True:
        camera.read(timeout_s)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_an_rtsp_stream_gives_its_newest_frame():
    with RtspServer(rate=30) as server, opened(server.url) as camera:
        first = first_picture(camera)
        assert camera.live
        assert camera.description == f"{server.url}, h264 320 x 240"
        sent = server.sent_total
        wait_until(lambda: server.sent_total > sent + 15)  # meanwhile the reader is away
        assert time.monotonic() - camera.read(1).captured_s < 0.1
        assert first.model_input(32, 24).shape == (24, 32, 3)
        with pytest.raises(NoFrameError):  # no frame is returned twice
            camera.read(0.001), camera.read(0.001)


def test_a_stream_may_change_its_size():
    sizes = ((320, 240), (640, 480), (176, 144))
    with RtspServer(rate=30, frames=10, sizes=sizes) as server, opened(server.url) as camera:
        picture, seen = first_picture(camera), set()
        while (176, 144) not in seen:
            assert picture.model_input(32, 24).shape == (24, 32, 3)
            seen.add(Image.open(io.BytesIO(picture.jpeg(8192, 85))).size)
            picture = camera.read(2)
    assert seen >= {(640, 480), (176, 144)}


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_refused_connection_is_told_without_the_password(scheme, capfd):
    port = free_port()
    error = error_of(f"{scheme}://ann:s3cr%65t@127.0.0.1:{port}/x?token=s3cret")
    assert error.startswith(f"camera door: {scheme}://ann:***@127.0.0.1:{port}/x?token=***: connection refused; check")
    assert capfd.readouterr().err == ""


def test_a_wrong_path_and_a_refused_login_are_told_apart():
    with RtspServer(login="ann:s3cret") as server:
        assert "refuses user name or password" in error_of(server.url.replace("//", "//ann:other@"))
        assert "no such stream; check the path" in error_of(
            server.url.replace("//", "//ann:s3cret@").replace("door", "x")
        )
        with opened(server.url.replace("//", "//ann:s3cret@")) as camera:
            first_picture(camera)


def test_a_hang_up_and_the_end_of_a_stream_are_errors():
    with RtspServer(frames=5) as server:
        assert "the stream ended" in error_of(server.url)
    with RtspServer() as server, opened(server.url) as camera:
        first_picture(camera)
        server.hang_up()
        with pytest.raises(CameraError, match="the stream ended"):
            read_on(camera)


def test_a_stream_that_stalls_never_blocks_its_reader_and_may_go_on():
    with RtspServer(rate=30) as server, opened(server.url) as camera:
        first_picture(camera)
        server.stalled.set()
        with pytest.raises(NoFrameError):
            read_on(camera, 0.3)
        server.stalled.clear()
        assert time.monotonic() - camera.read(2).captured_s < 0.1


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_silent_server_can_be_left_at_once(scheme):
    with RtspServer(silent=True) as server:
        with opened(server.url.replace("rtsp", scheme), stale_seconds=1) as camera:
            wait_until(lambda: server.clients)
            with pytest.raises(NoFrameError, match="check that it is switched on"):
                camera.read(0.2)
            left_s = time.monotonic()
        assert time.monotonic() - left_s < 1
        assert any(thread.name == "decode-door" for thread in threading.enumerate())
    wait_until(lambda: all(thread.name != "decode-door" for thread in threading.enumerate()))


def test_mjpeg_over_http_goes_on_after_a_damaged_picture():
    with http_server(*mjpeg_parts(), content_type=MULTIPART, endless=True) as url, opened(url) as camera:
        first_picture(camera)
        seen = {colour_of(camera.read(2).model_input(32, 24)) for _ in range(12)}
    assert len(seen & {*COLOURS[:2], *COLOURS[3:]}) == 4


def test_a_recording_over_http_is_played_in_its_own_time_again_and_again(tmp_path):
    video = make_video(tmp_path / "a.mkv", rate=25, frames=10).read_bytes()
    with http_server(video, content_type="video/x-matroska") as url, opened(url) as camera:
        started_s = first_picture(camera).captured_s
        last = [camera.read(2) for _ in range(15)][-1]
    assert last.captured_s - started_s > 15 * 0.04 - 0.1


def test_what_is_no_video_is_told():
    with http_server(b"<html>hello</html>", content_type="text/html") as url:
        assert "no video came; check the address" in error_of(url)


def test_a_missing_device_is_told():
    assert error_of("/dev/video99") == (
        "camera door: /dev/video99: no such camera; plug it in, or see which there are: edgeclassify cameras"
    )


def test_a_device_that_is_no_camera_is_told():
    assert "/dev/null: is no camera" in error_of("/dev/null")


def test_nothing_is_left_after_many_openings(tmp_path):
    def things() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    path = make_video(tmp_path / "a.mkv")
    with http_server(*mjpeg_parts(), content_type=MULTIPART, endless=True) as url:
        files, threads = 0, 0
        for _ in range(26):
            for source in (url, str(path)):
                with opened(source) as camera:
                    first_picture(camera)
            if not files:  # the first time, libraries may open something for good
                files, threads = things()
        wait_until(lambda: things()[0] <= files and things()[1] <= threads)
