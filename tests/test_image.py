"""Pictures become what the model sees: every pixel format, size, rotation and kind of file, against Pillow."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgeclassify.errors import InputError
from edgeclassify.image import StillPicture, VideoPicture, View, load_picture

FITS, ROTATIONS, FLIPS = ("crop", "squash", "letterbox"), (0, 90, 180, 270), ("none", "horizontal", "vertical", "both")
PILLOW_TURN = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
TOLERANCE = 4.0
"""Mean difference per channel, of 255, to Pillow's own crop, turn and resize; a shift by half a pixel is within it."""


def scene(width: int, height: int) -> Image.Image:
    """Make a picture in which every place looks different: gradients and soft blobs."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (
        255 * x / max(1, width - 1),
        255 * y / max(1, height - 1),
        127 + 120 * np.sin(9 * x / width) * np.cos(7 * y / height),
    )
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def frame_of(image: Image.Image, pixel_format: str = "rgb24") -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.asarray(image).copy(), "rgb24").reformat(format=pixel_format)


def by_pillow(image: Image.Image, view: View, width: int, height: int) -> np.ndarray:
    """Do the same in the plainest way: turn the whole picture, cut, resize."""
    upright = image.transpose(PILLOW_TURN[view.rotate]) if view.rotate else image
    if view.flip in ("horizontal", "both"):
        upright = upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if view.flip in ("vertical", "both"):
        upright = upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    left, top, part_width, part_height = (a * b for a, b in zip(view.region, upright.size * 2, strict=True))
    if view.fit == "squash":
        return np.asarray(upright.resize((width, height), 2, (left, top, left + part_width, top + part_height)))
    scales = (width / part_width, height / part_height)
    scale = max(scales) if view.fit == "crop" else min(scales)
    used_width, used_height = min(part_width, width / scale), min(part_height, height / scale)
    left, top = left + (part_width - used_width) / 2, top + (part_height - used_height) / 2
    size = (max(1, round(used_width * scale)), max(1, round(used_height * scale)))
    canvas = Image.new("RGB", (width, height))
    part = upright.resize(size, 2, (left, top, left + used_width, top + used_height))
    canvas.paste(part, ((width - size[0]) // 2, (height - size[1]) // 2))
    return np.asarray(canvas)


def assert_alike(pixels: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    assert pixels.shape == expected.shape
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert np.abs(pixels.astype(int) - expected).mean() <= tolerance


@pytest.mark.parametrize("region", [(0, 0, 1, 1), (0.1, 0.2, 0.6, 0.5), (0.85, 0.8, 0.1, 0.1)])
@pytest.mark.parametrize("fit", FITS)
def test_every_view_agrees_with_pillow(region, fit):
    image = scene(321, 243)
    frame = frame_of(image)
    for rotate, flip in itertools.product(ROTATIONS, FLIPS):
        view = View(region, fit, rotate, flip)
        for width, height in ((96, 96), (64, 40)):
            expected = by_pillow(image, view, width, height)
            assert_alike(VideoPicture(frame, view, 0).model_input(width, height), expected)
            assert_alike(StillPicture(image, view, 0, "").model_input(width, height), expected, 1)


@pytest.mark.parametrize(
    "pixel_format",
    ["yuv420p", "yuvj420p", "nv12", "nv21", "yuyv422", "yuvj422p", "yuv444p", "yuv422p10le", "rgb24", "bgr24", "bgra"],
)
def test_every_pixel_format_gives_the_same_colours(pixel_format):
    image = scene(640, 480)
    pixels = VideoPicture(frame_of(image, pixel_format), View(), 0).model_input(224, 224)
    assert_alike(pixels, by_pillow(image, View(), 224, 224))


def test_grey_frames_are_grey():
    image = scene(640, 480)
    pixels = VideoPicture(frame_of(image, "gray"), View(), 0).model_input(96, 96)
    assert_alike(pixels, by_pillow(image.convert("L").convert("RGB"), View(), 96, 96))


BT709, SMPTE170M, UNSPECIFIED, LIMITED, FULL = 1, 6, 2, 1, 2


@pytest.mark.parametrize(
    ("colour", "matrix", "colour_range", "height"),
    [
        ((81, 90, 240), SMPTE170M, LIMITED, 480),
        ((81, 90, 240), UNSPECIFIED, LIMITED, 480),
        ((76, 85, 255), SMPTE170M, FULL, 480),
        ((63, 102, 240), BT709, LIMITED, 480),
        ((63, 102, 240), UNSPECIFIED, LIMITED, 720),
        ((54, 99, 255), BT709, FULL, 1080),
    ],
)
def test_red_is_red_in_every_colour_space(colour, matrix, colour_range, height):
    frame = av.VideoFrame(64, height, "yuv420p")
    for plane, value in zip(frame.planes, colour, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace, frame.color_range = matrix, colour_range
    pixel = VideoPicture(frame, View(fit="squash"), 0).model_input(32, 24)[5, 5].astype(int)
    assert np.abs(pixel - (255, 0, 0)).max() <= 6


SIDES = st.integers(1, 400)


@given(
    size=st.tuples(SIDES, SIDES),
    model_size=st.tuples(st.integers(1, 256), st.integers(1, 256)),
    region=st.tuples(*[st.floats(0, 0.99)] * 2, *[st.floats(0.01, 1)] * 2),
    fit=st.sampled_from(FITS),
    rotate=st.sampled_from(ROTATIONS),
    flip=st.sampled_from(FLIPS),
)
def test_what_is_cut_lies_inside_the_frame_and_fills_the_input(size, model_size, region, fit, rotate, flip):
    left, top, width, height = region
    view = View((left, top, min(width, 1 - left), min(height, 1 - top)), fit, rotate, flip)
    placement = view.place(size, model_size)
    assert 0 <= placement.box[0] < placement.box[2] <= size[0]
    assert 0 <= placement.box[1] < placement.box[3] <= size[1]
    inner = placement.size[::-1] if view.turned else placement.size
    if fit == "letterbox":
        assert inner[0] == model_size[0] or inner[1] == model_size[1]
        assert 1 <= inner[0] <= model_size[0]
        assert 1 <= inner[1] <= model_size[1]
    else:
        assert inner == model_size
    part = np.full((placement.size[1], placement.size[0], 3), 9, np.uint8)
    filled = view.compose(part, placement, model_size)
    assert filled.shape == (model_size[1], model_size[0], 3)
    assert np.count_nonzero(filled) == part.size


@pytest.mark.parametrize("size", [(1, 1), (2000, 10), (10, 2000), (2, 3), (639, 479), (20000, 10)])
@pytest.mark.parametrize("fit", FITS)
def test_odd_sizes_work(size, fit):
    image = scene(*size)
    for view in (View(fit=fit), View(fit=fit, rotate=90)):
        expected = by_pillow(image, view, 96, 96)
        # A frame so flat that one pixel of it is many of the input's is scaled differently where it is stretched.
        assert_alike(VideoPicture(frame_of(image), view, 0).model_input(96, 96), expected, 12)
        assert_alike(StillPicture(image, view, 0, "").model_input(96, 96), expected, 1)


@pytest.mark.parametrize(("rotate", "size"), [(0, (320, 240)), (90, (320, 427))])
def test_a_jpeg_is_the_whole_frame_upright_and_at_most_so_wide(rotate, size):
    image = scene(640, 480)
    view = View((0.4, 0.4, 0.1, 0.1), rotate=rotate, flip="horizontal")
    expected = by_pillow(image, View(fit="squash", rotate=rotate, flip="horizontal"), *size)
    for picture in (VideoPicture(frame_of(image, "yuv420p"), view, 0), StillPicture(image, view, 0, "")):
        encoded = Image.open(io.BytesIO(picture.jpeg(320, 90)))
        assert encoded.size == size
        assert_alike(np.asarray(encoded).copy(), expected)


def test_a_jpeg_is_never_enlarged_and_may_be_of_the_larger_stream():
    small, large = frame_of(scene(320, 240)), frame_of(scene(1280, 960))
    assert Image.open(io.BytesIO(VideoPicture(small, View(), 0).jpeg(8192, 85))).size == (320, 240)
    assert Image.open(io.BytesIO(VideoPicture(small, View(), 0, full=large).jpeg(8192, 85))).size == (1280, 960)


def test_one_picture_may_be_used_by_several_threads():
    picture = VideoPicture(frame_of(scene(640, 480), "yuv420p"), View(), 0)
    expected, wrong = picture.model_input(224, 224), []

    def use() -> None:
        for _ in range(30):
            if not np.array_equal(picture.model_input(224, 224), expected):
                wrong.append(1)
            picture.jpeg(320, 85)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def pixels_of(path: Path) -> np.ndarray:
    return load_picture(path, View(fit="squash")).model_input(64, 48)


def _sixteen_bit(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def _transparent(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.putalpha(255)
    return image


@pytest.mark.parametrize(
    ("name", "convert", "grey"),
    [
        ("a.jpg", lambda image: image, False),
        ("a.png", lambda image: image, False),
        ("a.webp", lambda image: image, False),
        ("a.bmp", lambda image: image, False),
        ("cmyk.jpg", lambda image: image.convert("CMYK"), False),
        ("cmyk.tiff", lambda image: image.convert("CMYK"), False),
        ("grey.png", lambda image: image.convert("L"), True),
        ("grey.jpg", lambda image: image.convert("L"), True),
        ("grey-alpha.png", lambda image: image.convert("LA"), True),
        ("16-bit.png", _sixteen_bit, True),
        ("16-bit.tiff", _sixteen_bit, True),
        ("32-bit.tiff", lambda image: Image.fromarray(np.asarray(_sixteen_bit(image)).astype(np.int32)), True),
        ("palette.png", lambda image: image.convert("P", palette=Image.Palette.ADAPTIVE), False),
        ("palette.gif", lambda image: image.convert("P", palette=Image.Palette.ADAPTIVE), False),
        ("alpha.png", _transparent, False),
    ],
)
def test_pictures_of_every_kind_look_the_same(tmp_path, name, convert, grey):
    image = scene(200, 150)
    expected = by_pillow(image.convert("L").convert("RGB") if grey else image, View(fit="squash"), 64, 48)
    assert_alike(pixels_of(save(tmp_path / name, convert(image))), expected, 6)


def test_what_is_transparent_is_white(tmp_path):
    clear = Image.new("P", (20, 20), 0)
    clear.putpalette([255, 0, 0] * 256)
    path = save(tmp_path / "a.png", clear, transparency=0)
    assert pixels_of(path).min() == 255


def test_black_and_white_is_black_and_white(tmp_path):
    assert pixels_of(save(tmp_path / "a.png", Image.new("1", (20, 20), 1))).min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(tmp_path, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transposition that makes this orientation of it
    upright = scene(200, 150)
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.jpg", stored, exif=exif, quality=95)
    assert_alike(pixels_of(path), by_pillow(upright, View(fit="squash"), 64, 48))


def test_of_an_animation_the_first_picture_counts(tmp_path):
    red, blue = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    path = save(tmp_path / "a.gif", red, save_all=True, append_images=[blue, blue])
    assert tuple(pixels_of(path)[0, 0]) == (255, 0, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "no such file; check the path"),
        (lambda path: path.mkdir(), "is a folder; name a picture, or a folder with pictures in it"),
        (lambda path: path.touch(), "not a picture: the file is empty"),
        (lambda path: path.write_text("hello"), "not a picture of a known kind; use JPEG"),
        (lambda path: path.write_bytes(bytes(range(256)) * 9), "not a picture of a known kind"),
        (lambda path: scene(300, 300).save(path) or path.write_bytes(path.read_bytes()[:999]), "a damaged picture: "),
        (lambda path: save(path, Image.new("1", (20000, 10000)), format="PNG"), "20000 x 10000 pixels are too many"),
    ],
)
def test_what_is_no_picture_says_so_and_what_to_do(tmp_path, make, message):
    path = tmp_path / "cat.jpg"
    make(path)
    with pytest.raises(InputError, match=message) as error:
        load_picture(path)
    assert str(error.value).startswith(f"{path}: ")


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=9))
def test_damaged_pictures_are_read_or_refused_but_never_crash(tmp_path_factory, position, damage):
    path = tmp_path_factory.getbasetemp() / f"damaged-{threading.get_ident()}.jpg"
    file = io.BytesIO()
    scene(80, 60).save(file, "JPEG")
    content = bytearray(file.getvalue())
    position %= len(content)
    content[position : position + len(damage)] = damage
    path.write_bytes(content)
    try:
        assert load_picture(path).model_input(32, 32).shape == (32, 32, 3)
    except InputError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize(("kind", "most_mb"), [("JPEG", 80), ("PNG", 400)])
def test_a_hundred_megapixels_fit_into_memory(tmp_path, kind, most_mb):
    path = save(tmp_path / "large", Image.new("RGB", (10_000, 10_000), "red"), format=kind)
    code = (
        "import resource, sys; from pathlib import Path; from edgeclassify.image import load_picture\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "before = peak(); picture = load_picture(Path(sys.argv[1])); pixels = picture.model_input(224, 224)\n"
        "print(peak() - before, *pixels[0, 0])"
    )
    output = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout
    used_mb, red, green, blue = map(int, output.split())
    assert used_mb < most_mb
    assert (red > 250, green < 5, blue < 5) == (True, True, True)


@pytest.mark.parametrize("size", [(640, 480), (511, 384), (384, 511), (640, 427), (4001, 3000), (64, 64)])
def test_a_picture_is_cropped_and_scaled_as_pillow_does_it_to_the_bit(size):
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8))
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    expected = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BILINEAR)
    assert np.array_equal(StillPicture(image, View(), 0, "").model_input(224, 224), np.asarray(expected))
