"""What can be tried of the Pi camera without one; the rest runs in the virtual camera's rig."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.cameras.picamera import PiCamera, _copied, find_pi_cameras, lores_size
from edgeclassify.cameras.picamera_child import Stream, widest_mode
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.image import VideoPicture
from edgeclassify.view import View

without_picamera2 = pytest.mark.skipif(
    importlib.util.find_spec("picamera2") is not None, reason="needs an environment without picamera2"
)


def mode(size, crop, bit_depth=10):
    return {"size": size, "crop_limits": crop, "bit_depth": bit_depth}


IMX219 = [
    mode((640, 480), (1000, 752, 1280, 960), 8),
    mode((640, 480), (1000, 752, 1280, 960)),
    mode((1640, 1232), (0, 0, 3280, 2464), 8),
    mode((1640, 1232), (0, 0, 3280, 2464)),
    mode((1920, 1080), (680, 692, 1920, 1080)),
    mode((3280, 2464), (0, 0, 3280, 2464)),
]
IMX708 = [
    mode((1536, 864), (768, 432, 3072, 1728)),
    mode((2304, 1296), (0, 0, 4608, 2592)),
    mode((4608, 2592), (0, 0, 4608, 2592)),
]


@pytest.mark.parametrize(
    ("modes", "size", "chosen"),
    [
        (IMX219, (640, 480), (1640, 1232)),
        (IMX219, (1920, 1080), (3280, 2464)),
        (IMX219, (8000, 6000), (1640, 1232)),
        (IMX708, (640, 480), (2304, 1296)),
        (IMX708, (2560, 1440), (4608, 2592)),
    ],
)
def test_the_sensor_shows_all_it_sees_in_no_more_pixels_than_are_of_use(modes, size, chosen):
    assert widest_mode(modes, size)["size"] == chosen
    assert widest_mode(modes, size)["bit_depth"] == 10


def test_the_small_stream_just_covers_the_models_input():
    assert lores_size(View(), (640, 480), (224, 224)) == (300, 224)
    assert lores_size(View(fit="squash"), (640, 480), (224, 224)) == (300, 224)
    assert lores_size(View(fit="letterbox"), (640, 480), (224, 224)) == (224, 168)
    assert lores_size(View(region=(0.25, 0.25, 0.5, 0.5)), (1920, 1080), (224, 224)) == (798, 448)


def test_there_is_no_small_stream_that_would_save_nothing():
    assert lores_size(View(region=(0.5, 0, 0.5, 0.5)), (640, 480), (224, 224)) is None
    assert lores_size(View(), (224, 224), (224, 224)) is None


@given(
    size=st.tuples(*[st.integers(8, 2000).map(lambda half: 2 * half)] * 2),
    model_size=st.tuples(*[st.integers(16, 400)] * 2),
    left=st.floats(0, 0.9),
    part=st.floats(0.05, 1),
    fit=st.sampled_from(["crop", "squash", "letterbox"]),
    rotate=st.sampled_from([0, 90, 180, 270]),
)
def test_the_small_stream_is_even_smaller_than_the_large_one_and_never_enlarged(
    size, model_size, left, part, fit, rotate
):
    view = View((left, 0.0, min(part, 1 - left), part), fit, rotate)
    small = lores_size(view, size, model_size)
    if small is None:
        return
    assert small[0] % 2 == small[1] % 2 == 0
    assert small[0] <= size[0]
    assert small[1] <= size[1]
    # Its aspect is a little off by rounding to even, so that a pixel may be missing.
    placement = view.place(small, model_size)
    box_left, box_top, right, bottom = placement.box
    assert right - box_left > placement.size[0] * 0.97 - 1
    assert bottom - box_top > placement.size[1] * 0.97 - 1


RED = {  # luma, blue and red difference, by (full range, BT.709)
    (True, False): (76, 85, 255),
    (False, False): (81, 90, 240),
    (False, True): (63, 102, 240),
}


def red_frame(pixel_format: str, stride: int, height: int, colour) -> np.ndarray:
    """A red frame as libcamera lays it, with 0 in the padding for another colour."""
    luma, blue, red = colour
    rows = np.full((height, stride), luma, np.uint8)
    if pixel_format == "nv12":
        chroma = np.tile(np.array([blue, red], np.uint8), height // 2 * stride // 2)
    else:
        chroma = np.repeat(np.array([blue, red], np.uint8), height // 2 * stride // 2)
    return np.concatenate([rows.ravel(), chroma])


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12"])
@pytest.mark.parametrize(("full_range", "bt709"), RED)
@pytest.mark.parametrize(("width", "stride", "height"), [(224, 256, 224), (640, 640, 486), (300, 320, 226)])
def test_padding_range_and_matrix_of_a_frame_are_as_the_camera_says(
    pixel_format, full_range, bt709, width, stride, height
):
    raw = red_frame(pixel_format, stride, height, RED[full_range, bt709])
    before = 1000
    memory = np.concatenate([np.zeros(before, np.uint8), raw, np.zeros(500, np.uint8)])
    stream = Stream(pixel_format, width, height, stride, full_range, bt709, offset=before, size_bytes=len(raw))
    frame = _copied(memory, stream)
    memory[:] = 0  # the next frame overwrites it
    pixels = VideoPicture(frame, View(), 0.0).model_input(64, 64)
    assert np.abs(pixels.astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize(("pixel_format", "order"), [("rgb24", [0, 1, 2]), ("bgr24", [2, 1, 0])])
def test_packed_pixels_keep_their_order(pixel_format, order):
    width, height, stride = 30, 20, 96
    rows = np.zeros((height, stride), np.uint8)
    rows[:, : width * 3] = np.tile(np.array([10, 120, 230], np.uint8)[order], width)
    stream = Stream(pixel_format, width, height, stride, full_range=True, bt709=False, offset=0, size_bytes=rows.size)
    pixels = VideoPicture(_copied(rows.ravel(), stream), View(), 0.0).model_input(10, 10)
    assert np.abs(pixels.astype(int) - (10, 120, 230)).max() <= 3


@pytest.mark.parametrize("source", ["picamera:", "picamera:x", "picamera:-1", "picamera:1000", "picamera1"])
def test_a_source_that_names_no_pi_camera_is_said(source):
    with pytest.raises(CameraError, match=r"^camera door: source 'picamera.*' is no Pi camera; write picamera"):
        PiCamera("door", CameraConfig(source=source), (224, 224))


@without_picamera2
def test_without_picamera2_there_is_no_pi_camera():
    assert find_pi_cameras() == []


@without_picamera2
def test_without_picamera2_the_message_says_what_to_install():
    camera = PiCamera("door", CameraConfig(source="picamera"), (224, 224))
    with pytest.raises(
        CameraError, match=r"^camera door: picamera2 is missing; run: sudo apt install python3-picamera2"
    ):
        camera.__enter__()
