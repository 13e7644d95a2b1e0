"""What the Pi camera promises, tried inside the rig: run -m pytest tests/rigs/virtual-camera/checks.py."""

import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeclassify.cameras.picamera import PiCamera, find_pi_cameras
from edgeclassify.cameras.picamera_child import PiCameraServer
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.processes import Child
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


def read_often(camera: PiCamera) -> None:
    """More often than there can be frames under way."""
    for _ in range(10):
        camera.read(0.5)


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


def test_rotation_turns_clockwise():
    with pi_camera(rotate=90) as camera:
        model_input = camera.read(5).model_input(*MODEL_SIZE)
    assert all(map(looks_like, corners(model_input), [BLUE, RED, WHITE, GREEN]))


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


def test_a_stall_is_noticed_and_a_new_camera_goes_on(stall):
    with pi_camera() as camera:
        camera.read(5)
        stall.touch()
        with pytest.raises(CameraError, match=r"^camera door: no .* from the Pi camera for 0.5 s"):
            read_often(camera)
        closing_s = time.monotonic()
    assert time.monotonic() - closing_s < 3
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
        with pytest.raises(CameraError, match="no frame from the Pi camera"):
            child.call("read", 0.5, timeout_s=1.5)
        closing_s = time.monotonic()
    assert time.monotonic() - closing_s < 3
    with pi_camera() as camera:
        camera.read(5)
