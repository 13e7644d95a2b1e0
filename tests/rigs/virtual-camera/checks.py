"""What the Pi camera promises, tried inside the rig: run -m pytest tests/rigs/virtual-camera/checks.py."""

import io
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeclassify.cameras import NoFrameError
from edgeclassify.cameras.capture import capture
from edgeclassify.cameras.picamera import PiCamera, find_pi_cameras
from edgeclassify.cameras.picamera_child import PiCameraServer
from edgeclassify.cameras.status import CameraStatus, CameraWishes
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.processes import Child
from tests.broker import free_port
from tests.notify import NotifySocket
from tests.running import Daemon
from tests.waiting import wait_until

RED, GREEN, BLUE, WHITE = (200, 40, 40), (40, 180, 40), (40, 40, 200), (220, 220, 220)
MODEL_SIZE = (224, 224)
STALL = Path(os.environ["CAM_STALL_FILE"])


@pytest.fixture
def stall() -> Iterator[Path]:
    """While this file exists, no camera of the rig gives a frame."""
    yield STALL
    STALL.unlink(missing_ok=True)


def pi_camera(source: str = "picamera", **more) -> PiCamera:
    return PiCamera("door", CameraConfig(source=source, **more), MODEL_SIZE)


def read_all(camera: PiCamera, timeout_s: float) -> None:
    """Read on until there is nothing more under way."""
    while True:
        camera.read(timeout_s)


def camera_reads(camera: PiCamera) -> bool:
    try:
        camera.read(0.2)
    except NoFrameError:
        return False
    return True


def looks_like(pixel, colour) -> bool:
    """The virtual camera says that its range is limited, and it is not: every value may be some steps off."""
    return bool(np.abs(pixel.astype(int) - colour).max() <= 20)


def corners(pixels):
    """Near the corners, in the order in which one reads."""
    height, width = pixels.shape[:2]
    return [pixels[y, x] for y in (height // 8, -height // 8) for x in (width // 8, -width // 8)]


def test_the_cameras_are_found_by_number():
    assert [(c.source, c.name) for c in find_pi_cameras()] == [
        ("picamera", "virtual pictures"),
        ("picamera:1", "virtual bars"),
    ]


def test_a_machine_without_a_camera_is_said(monkeypatch):
    monkeypatch.setenv("LIBCAMERA_PIPELINES_MATCH_LIST", "simple")
    assert find_pi_cameras() == []
    with pytest.raises(CameraError, match=r"^camera door: no Pi camera found; check its cable"), pi_camera():
        pass


def test_a_frame_has_its_colours_in_the_small_stream_and_in_the_large_one():
    with pi_camera() as camera:
        picture = camera.read(5)
    assert camera.description == "picamera (virtual pictures), 640 x 480 nv12 and 300 x 224 nv12"
    model_input = picture.model_input(*MODEL_SIZE)
    snapshot = np.asarray(Image.open(io.BytesIO(picture.jpeg(640, 95))))
    assert model_input.shape == (224, 224, 3)
    assert snapshot.shape == (480, 640, 3)
    for pixels in (model_input, snapshot):
        assert all(map(looks_like, corners(pixels), [RED, GREEN, BLUE, WHITE]))


@pytest.mark.parametrize("fit", ["crop", "squash", "letterbox"])
@pytest.mark.parametrize(
    ("rotate", "flip", "seen"),
    [
        (0, "none", [RED, GREEN, BLUE, WHITE]),
        (90, "none", [BLUE, RED, WHITE, GREEN]),
        (180, "none", [WHITE, BLUE, GREEN, RED]),
        (270, "none", [GREEN, WHITE, RED, BLUE]),
        (90, "horizontal", [RED, BLUE, GREEN, WHITE]),
        (0, "vertical", [BLUE, WHITE, RED, GREEN]),
    ],
)
def test_every_view_shows_the_same_world(fit, rotate, flip, seen):
    with pi_camera(fit=fit, rotate=rotate, flip=flip) as camera:
        picture = camera.read(5)
    model_input = picture.model_input(*MODEL_SIZE)
    assert model_input.shape == (224, 224, 3)
    inner = model_input
    if fit == "letterbox":
        upright = model_input.swapaxes(0, 1) if rotate in (90, 270) else model_input
        assert not upright[:27].any(), "black above"
        assert not upright[-27:].any(), "and below"
        inner = model_input[:, 28:-28] if rotate in (90, 270) else model_input[28:-28]
    # 640 pixels are 300 in a cropped view, of which 224 are left: the middle stays in the middle.
    middle = [
        inner[y, x]
        for y in (inner.shape[0] // 2 - 4, inner.shape[0] // 2 + 4)
        for x in (inner.shape[1] // 2 - 4, inner.shape[1] // 2 + 4)
    ]
    assert all(map(looks_like, corners(inner), seen))
    assert all(map(looks_like, middle, seen))


def test_a_small_region_is_cut_from_the_large_stream():
    with pi_camera(region=[0.5, 0, 0.5, 0.5]) as camera:
        assert "and" not in camera.description
        model_input = camera.read(5).model_input(*MODEL_SIZE)
    assert all(looks_like(pixel, GREEN) for pixel in corners(model_input))


def test_a_size_that_the_camera_does_not_have_is_read_back():
    with pi_camera("picamera:1", size=[800, 600]) as camera:
        assert "1280 x 720" in camera.description
        assert camera.read(5).model_input(*MODEL_SIZE).shape == (224, 224, 3)


def test_each_frame_is_new():
    with pi_camera() as camera:
        camera.read(5)
        for _ in range(10):
            asked_s = time.monotonic()
            taken_s = camera.read(5).captured_s
            assert asked_s - 0.1 < taken_s <= time.monotonic()


def test_two_cameras_run_at_once():
    with pi_camera() as pictures, pi_camera("picamera:1") as bars:
        for _ in range(5):
            first, second = pictures.read(5).model_input(*MODEL_SIZE), bars.read(5).model_input(*MODEL_SIZE)
            assert looks_like(first[10, 10], RED)
            assert not np.array_equal(first, second)


def test_a_stall_is_noticed_and_the_same_camera_goes_on_with_fresh_frames(stall):
    with pi_camera() as camera:
        camera.read(5)
        stall.touch()
        for _ in range(6):  # more often than picamera2 has buffers
            with pytest.raises(NoFrameError, match=r"^camera door: no frame from the Pi camera for 0\.2 s; check"):
                read_all(camera, 0.2)
        stall.unlink()
        wait_until(lambda: camera_reads(camera))
        for _ in range(10):
            asked_s = time.monotonic()
            assert camera.read(5).captured_s > asked_s - 0.1


def test_the_capture_thread_opens_a_stalled_camera_again_and_ends_in_time_while_it_stalls(stall):
    config = CameraConfig(source="picamera", stale_seconds=1, frames_per_second=0)
    mailbox, status, stopping = FrameMailbox(), CameraStatus(), threading.Event()
    arguments = ("door", config, mailbox, lambda: MODEL_SIZE, status, CameraWishes(), stopping, Path())
    capturing = threading.Thread(target=capture, args=arguments)
    capturing.start()
    try:
        wait_until(lambda: mailbox.take(0.1))
        stall.touch()
        wait_until(lambda: "no frame from the Pi camera" in status.error)
        stall.unlink()
        wait_until(lambda: status.restarts_total == 1)
        assert status.error == ""
        stall.touch()
    finally:
        stopping_s = time.monotonic()
        stopping.set()
        capturing.join(10)
    assert time.monotonic() - stopping_s < 3


def test_a_camera_that_stalls_is_closed_in_time_and_can_be_opened_again(stall):
    with pi_camera() as camera:
        stall.touch()
        with pytest.raises(NoFrameError):
            read_all(camera, 0.2)
        closing_s = time.monotonic()
    assert time.monotonic() - closing_s < 1.5
    assert not Path(f"/proc/{camera._child.pid}").exists()
    stall.unlink()
    with pi_camera() as camera:
        camera.read(5)


@pytest.mark.parametrize(("number", "said"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGSTOP, "no answer to read")])
def test_a_child_that_is_killed_or_frozen_is_a_camera_error(number, said):
    with pi_camera() as camera:
        camera.read(5)
        os.kill(camera._child.pid, number)
        with pytest.raises(CameraError, match=said):
            camera.read(0.5)
    with pi_camera() as camera:
        camera.read(5)


def test_a_camera_that_is_not_there_is_said():
    with pytest.raises(CameraError) as error, pi_camera("picamera:7"):
        pass
    assert str(error.value) == (
        "camera door: there is no picamera:7; 2 Pi camera(s) found, "
        "set source: picamera:0 (virtual pictures), picamera:1 (virtual bars)"
    )


SERVER = {"name": "door", "number": 0, "size": (640, 480), "lores_size": None, "fps": 5}


class OpensTwice:
    """Holds one camera twice; the virtual one is locked within one process only."""

    def __init__(self, memory):
        self.first = PiCameraServer(memory, **SERVER)
        self.second = PiCameraServer(memory, **SERVER)

    def close(self):
        self.first.close()


class LoopDies(PiCameraServer):
    """An error in picamera2's own thread, which ends without a word."""

    def kill_loop(self):
        self._camera.pre_callback = lambda _request: 1 / 0


def test_a_busy_camera_is_said():
    child = Child("camera door", f"{__name__}:OpensTwice", {}, memory_bytes=1 << 20)
    with pytest.raises(CameraError, match=r"^camera door: the Pi camera is in use by another program; stop"), child:
        pass
    wait_until(lambda: not Path(f"/proc/{child.pid}").exists())


def test_the_death_of_picamera2s_own_thread_is_noticed_and_never_hangs():
    with Child("camera door", f"{__name__}:LoopDies", SERVER, memory_bytes=1 << 20) as child:
        child.call("read", 5, timeout_s=6)
        child.call("kill_loop", timeout_s=1)
        with pytest.raises(NoFrameError, match="no frame from the Pi camera"):
            child.call("read", 0.5, timeout_s=1.5)
        closing_s = time.monotonic()
    assert time.monotonic() - closing_s < 1.5
    with pi_camera() as camera:
        camera.read(5)


def test_a_camera_that_hangs_while_it_is_opened_holds_up_neither_a_reload_nor_the_end(tmp_path):
    def freeze() -> int:
        """Stop the camera's process as soon as it imports picamera2."""
        wait_until(lambda: any(_imports_picamera2(pid) for pid in daemon.children()), 20)
        (pid,) = daemon.children()
        os.kill(pid, signal.SIGSTOP)
        return pid

    with Daemon(tmp_path, free_port(), {"porch": {"source": "picamera", "fit": "squash"}}) as daemon:
        first = freeze()
        daemon.config["cameras"]["porch"]["rotate"] = 180
        daemon.write_config()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("camera porch: starts anew with other rotate")
        wait_until(lambda: not Path(f"/proc/{first}").exists())
        freeze()
        assert daemon.stop(within_s=4) == 0


def _imports_picamera2(pid: int) -> bool:
    """Whether libcamera is in its memory already, and it is the camera's process."""
    try:
        return "libcamera" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def test_the_daemon_with_two_cameras_tells_a_stall_restarts_one_alone_and_never_hangs(stall, tmp_path):
    cameras = {
        "porch": {"source": "picamera", "stale_seconds": 1, "fit": "squash"},
        "yard": {"source": "picamera:1", "stale_seconds": 1, "fit": "squash"},
    }
    with NotifySocket(tmp_path, watchdog_s=3) as systemd:
        daemon = Daemon(tmp_path, free_port(), cameras)  # nobody listens there
        daemon.variables = dict(systemd.variables)
        with daemon:
            wait_until(lambda: systemd.said("READY"), 40)
            wait_until(lambda: "offline" not in systemd.status, 20)
            daemon.config["cameras"]["yard"]["rotate"] = 180
            daemon.write_config()
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("camera yard: starts anew with other rotate")
            daemon.wait_for("camera yard: open", times=2, timeout_s=40)
            assert daemon.said().count("camera porch: open") == 1
            stall.touch()
            wait_until(lambda: "porch offline" in systemd.status and "yard offline" in systemd.status, 20)
            fed = len(systemd.fed)
            wait_until(lambda: len(systemd.fed) > fed + 5, 20)
            stall.unlink()
            wait_until(lambda: "offline" not in systemd.status, 60)
            stall.touch()
            wait_until(lambda: "porch offline" in systemd.status, 20)
            assert daemon.stop(within_s=6) == 0
        assert max(later - earlier for earlier, later in itertools.pairwise(systemd.fed)) < 3
