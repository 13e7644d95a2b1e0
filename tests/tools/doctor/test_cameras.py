"""Cameras: what is there, who has it, what comes."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgeclassify.config.sections import CameraConfig
from edgeclassify.tools.doctor import cameras
from tests.rtsp_server import RtspServer
from tests.tools.doctor.conftest import FakeKernel, as_nobody


def said(kernel: FakeKernel, base: Path, source: str, daemon: int | None = None, **more: Any) -> dict[str, str]:
    config = CameraConfig(source=source, **more)
    found = cameras.check_camera("door", config, base, kernel.machine, daemon)
    return {finding.check: finding.line.replace(f" camera door {finding.check}:", "") for finding in found}


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "_WATCH_S", 1.0)


def test_a_good_stream(kernel: FakeKernel, tmp_path: Path) -> None:
    with RtspServer() as server:
        found = said(kernel, tmp_path, server.url)
    assert [(check, line[:4]) for check, line in found.items()] == [
        ("frames", "ok  "), ("picture", "ok  "), ("rate", "ok  "),
    ]  # fmt: skip


def test_a_stream_that_is_slower_than_wanted(kernel: FakeKernel, tmp_path: Path) -> None:
    with RtspServer(rate=4) as server:
        found = said(kernel, tmp_path, server.url, frames_per_second=30)
    assert found["rate"].startswith("warn")
    assert "30 are wanted" in found["rate"]


def test_a_silent_stream_and_none_at_all(kernel: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "_FIRST_FRAME_S", 2.0)
    with RtspServer(silent=True) as server:
        url = server.url
        found = said(kernel, tmp_path, url.replace("rtsp://", "rtsp://ann:s3cret@"))
    assert found["frames"].startswith("fail rtsp://ann:***@127.0.0.1")
    assert "check" in found["frames"]
    assert said(kernel, tmp_path, url)["frames"].startswith("fail")


@pytest.mark.parametrize(
    ("colour", "says"),
    [((0, 0, 0), "all black"), ((90, 40, 200), "one single colour")],
)
def test_what_a_covered_camera_sees(
    kernel: FakeKernel, tmp_path: Path, colour: tuple[int, int, int], says: str
) -> None:
    Image.new("RGB", (64, 64), colour).save(tmp_path / "picture.png")
    assert said(kernel, tmp_path, "picture.png")["picture"].startswith(f"warn {says}")


def test_dark_and_grey_pictures(kernel: FakeKernel, tmp_path: Path) -> None:
    grey = Image.linear_gradient("L")
    grey.convert("RGB").save(tmp_path / "grey.png")
    grey.point(lambda value: value // 8).convert("RGB").save(tmp_path / "dark.png")
    assert said(kernel, tmp_path, "grey.png")["picture"].startswith("warn without colours")
    assert said(kernel, tmp_path, "dark.png")["picture"].startswith("warn very dark")


def test_a_folder_that_is_not_there(kernel: FakeKernel, tmp_path: Path) -> None:
    assert said(kernel, tmp_path, "nowhere")["frames"].startswith("fail")


def test_a_device_that_is_not_there(kernel: FakeKernel, tmp_path: Path) -> None:
    found = said(kernel, tmp_path, "/dev/video7")
    assert found == {
        "present": "fail /dev/video7 is not there; plug it in, or set source to one of: edgeclassify cameras"
    }


def test_who_has_a_device_is_named_when_it_gives_no_frames(kernel: FakeKernel, tmp_path: Path) -> None:
    kernel.process(4242, "motion", opened=kernel.write("dev/video7"))
    found = said(kernel, tmp_path, "/dev/video7")
    assert found["frames"].startswith("fail")
    assert found["owner"] == (
        "warn it is open in motion (pid 4242); stop that program: one at a time can have a camera"
    )


def test_a_daemon_of_another_user(open_kernel: FakeKernel, tmp_path: Path) -> None:
    open_kernel.write("dev/media0")
    open_kernel.process(77, "edgeclassify")
    (open_kernel.root / "proc/77/fd").chmod(0o500)
    with as_nobody():
        found = said(open_kernel, tmp_path, "picamera", 77)
    assert found == {"frames": "skip probably in use by the running daemon; run with sudo to be sure"}


def test_the_running_daemon_may_have_it_also_through_a_child(kernel: FakeKernel, tmp_path: Path) -> None:
    kernel.process(77, "edgeclassify")
    kernel.process(78, "python3", parent=77, opened=kernel.write("dev/video0"))
    assert said(kernel, tmp_path, "/dev/video0", 77)["frames"] == "ok   in use by the running daemon (pid 77)"
    kernel.process(79, "python3", parent=77, opened=kernel.write("dev/media3"))
    assert said(kernel, tmp_path, "picamera", 77) == {"frames": "ok   in use by the running daemon (pid 77)"}


def test_no_permission(open_kernel: FakeKernel, tmp_path: Path) -> None:
    open_kernel.write("dev/video0").chmod(0o600)
    with as_nobody():
        found = said(open_kernel, tmp_path, "/dev/video0")
    assert list(found) == ["permission"]
    assert "0600); run: sudo adduser $USER video" in found["permission"]
