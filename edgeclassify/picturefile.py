"""Decoding picture files of every usual kind to RGB, upright, without filling the memory."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from edgeclassify.errors import InputError

MAX_PIXELS = 180_000_000
"""Larger ones are taken for decompression bombs."""

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif", ".mpo"}
"""What the names of picture files end with, in lower case."""

_KEPT_PIXELS = 4_000_000  # a picture of four times as many, or more, is halved until it comes near
_AVERAGED_MODES = {
    "L",
    "LA",
    "RGB",
    "RGBA",
    "RGBX",
    "CMYK",
    "YCbCr",
    "F",
    "I",
}  # palettes are not: indices have no mean

# By the EXIF orientation: what makes the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Sizes are checked here, before anything is decoded; Pillow's own limit would print a warning first.
Image.MAX_IMAGE_PIXELS = None


def is_picture(path: Path) -> bool:
    """Whether the file looks like a picture by its first bytes; it may still be damaged."""
    try:
        if not path.is_file():  # to open a pipe would wait for its other end
            return False
        with Image.open(path):
            return True
    except Exception:  # noqa: BLE001 - Pillow's parsers raise whatever foreign bytes make them trip over
        return False


def read_picture(path: Path) -> Image.Image:
    """Decode a file (of an animation the first frame) to mode RGB, upright; very large ones come smaller.

    Raises:
        InputError: it is not there, cannot be read, is damaged, too large or not a picture.
    """
    try:
        _check_is_file(path)
        with Image.open(path) as image:
            return _decode(image, path)
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: not a picture of a known kind; use JPEG, PNG, WebP, BMP, TIFF or GIF") from error
    except PermissionError as error:
        raise InputError(f"{path}: may not be read; check the file's permissions") from error
    except MemoryError as error:
        raise InputError(f"{path}: does not fit into memory; make it smaller") from error
    except Exception as error:  # Pillow's decoders raise whatever damaged bytes make them trip over
        raise InputError(f"{path}: a damaged picture: {str(error) or type(error).__name__}; copy it again") from error


def _check_is_file(path: Path) -> None:
    if not path.is_file():
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a picture, or a folder with pictures in it")
        reason = "is not a file; name a picture" if path.exists() else "no such file; check the path"
        raise InputError(f"{path}: {reason}")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: not a picture: the file is empty; copy it again")


def _decode(image: Image.Image, path: Path) -> Image.Image:
    if image.width * image.height > MAX_PIXELS:
        raise InputError(
            f"{path}: {image.width} x {image.height} pixels are too many; "
            f"make it smaller than {MAX_PIXELS // 10**6} megapixels"
        )
    orientation = _orientation(image)
    factor = int(math.sqrt(image.width * image.height / _KEPT_PIXELS))
    if factor > 1:
        wanted = (image.width // factor, image.height // factor)
        image.draft(None, wanted)  # a JPEG is decoded smaller at once
    image.load()
    smaller = _to_rgb(_reduced(image, int(math.sqrt(image.width * image.height / _KEPT_PIXELS))))
    return smaller.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else smaller


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF raises anything, and the picture is still good without it
        return 1


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    if factor <= 1:
        return image
    wide, high = min(factor, image.width), min(factor, image.height)
    if image.mode in _AVERAGED_MODES:
        return image.reduce((wide, high))
    return image.resize((image.width // wide, image.height // high), Image.Resampling.NEAREST)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode; 16 bits lose their lower half, what is transparent becomes white."""
    if image.mode.startswith("I"):  # Pillow would clip at 255
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray(np.clip(values >> 8, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(white, coloured).convert("RGB")
    # A copy also where it is RGB already: the file's own image is closed.
    return image.convert("RGB")
