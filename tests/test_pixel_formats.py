"""A photograph, in every pixel format that a camera gives, is cropped and scaled as Pillow would do it."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from edgeclassify.image import VideoPicture, View
from edgeclassify.records import Pixels

SIZE, MODEL_SIZE = (640, 480), (224, 224)
MIDDLE = (80, 0, 560, 480)
MEAN, NINETY_NINE_PERCENT = 4.0, 20.0
"""At most so far from Pillow, of 255: the mean over all values, and all but one in a hundred of them.

Formats that keep colour at half the resolution or fewer bits come near to it, RGB stays below half of it.
"""

# V4L2's raw formats as FFmpeg names them, what JPEG, H.264 and H.265 decode to, and what a Pi camera is asked for.
V4L2 = "yuv420p yuv422p yuv411p yuv410p yuyv422 uyvy422 yvyu422 nv12 nv21 nv16 rgb24 bgr24 bgr0 0rgb rgb565le rgb555le"
DECODED = "yuvj420p yuvj422p yuvj444p yuv444p yuv420p10le yuv422p10le p010le gbrp"
PI_CAMERA = "rgb24 bgr24 rgba bgra rgb0 bgr0 yuv420p"
FORMATS = sorted({*V4L2.split(), *DECODED.split(), *PI_CAMERA.split()})


@pytest.fixture(scope="module")
def photograph(shared: Path) -> Image.Image:
    with Image.open(shared / "images/owl.jpg") as image:
        return image.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)


def assert_near(frame: av.VideoFrame, image: Image.Image, share_of_tolerance: float = 1.0) -> None:
    pixels = VideoPicture(frame, View(fit="crop"), 0).model_input(*MODEL_SIZE)
    by_pillow = np.asarray(image.crop(MIDDLE).resize(MODEL_SIZE, Image.Resampling.BILINEAR))
    apart: npt.NDArray[np.int_] = np.abs(pixels.astype(int) - by_pillow)
    assert apart.mean() <= share_of_tolerance * MEAN
    assert np.percentile(apart, 99) <= share_of_tolerance * NINETY_NINE_PERCENT


def frame_of(pixels: Pixels, pixel_format: str) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24").reformat(format=pixel_format)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_the_middle_of_a_photograph_in_every_format(pixel_format: str, photograph: Image.Image) -> None:
    assert_near(frame_of(np.asarray(photograph), pixel_format), photograph)


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "rgba", "bgra", "gbrp"])
def test_formats_that_lose_nothing_come_nearer(pixel_format: str, photograph: Image.Image) -> None:
    assert_near(frame_of(np.asarray(photograph), pixel_format), photograph, 0.5)


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le", "gray16le"])
def test_grey_cameras(pixel_format: str, photograph: Image.Image) -> None:
    assert_near(frame_of(np.asarray(photograph), pixel_format), photograph.convert("L").convert("RGB"), 0.5)


@pytest.mark.parametrize("order", ["rggb", "bggr", "gbrg", "grbg"])
def test_sensors_whose_raw_picture_is_a_mosaic_of_colours(order: str, photograph: Image.Image) -> None:
    pixels = np.asarray(photograph)
    mosaic = np.empty(pixels.shape[:2], np.uint8)
    for place, colour in enumerate(order):
        row, column = divmod(place, 2)
        mosaic[row::2, column::2] = pixels[row::2, column::2, "rgb".index(colour)]
    assert_near(av.VideoFrame.from_ndarray(mosaic, f"bayer_{order}8"), photograph)
