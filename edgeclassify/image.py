"""Pictures: a video frame or a decoded file, scaled to the model's input, and encoded as a JPEG when wanted."""

from __future__ import annotations

import copy
import io
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from PIL import Image

from edgeclassify.picturefile import read_picture
from edgeclassify.records import Pixels
from edgeclassify.view import Box, View

__all__ = ["StillPicture", "VideoPicture", "View", "load_picture"]

_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_HD_HEIGHT = 720
_FEW_PIXELS = 32
_ROUNDING = 1e-6  # a box is computed from fractions

# What decoders give: colours at half the width of brightness, and maybe half the height.
_SUBSAMPLED = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p"}


class _ViewedPicture(ABC):
    """What both kinds of picture share; a `records.Picture`."""

    def __init__(self, view: View, captured_s: float, name: str) -> None:
        self.name = name
        self.captured_s = captured_s
        self._view = view

    def model_input(self, width: int, height: int) -> Pixels:
        """Return the part that counts, as the model sees it: shape (height, width, 3), contiguous."""
        placement = self._view.place(self._size(), (width, height))
        return self._view.compose(self._scaled(placement.box, placement.size), placement, (width, height))

    def jpeg(self, width: int, quality: int) -> bytes:
        """Return the whole picture, upright, as a JPEG at most `width` pixels wide, never enlarged."""
        pixels = self._view.upright(self._whole(width))
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
        return file.getvalue()

    def _shrunk(self, size: tuple[int, int], width: int) -> tuple[int, int]:
        """Return the size, not yet upright, at which the upright picture is at most `width` wide."""
        scale = min(1.0, width / (size[1] if self._view.turned else size[0]))
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

    @abstractmethod
    def _size(self) -> tuple[int, int]:
        """Return width and height as it came."""

    @abstractmethod
    def _scaled(self, box: Box, size: tuple[int, int]) -> Pixels:
        """Return a part of it, scaled to (width, height), as it came."""

    @abstractmethod
    def _whole(self, width: int) -> Pixels:
        """Return all of it, as it came, so that it is at most `width` wide when upright."""


class VideoPicture(_ViewedPicture):
    """A frame of a camera or stream, of any pixel format.

    Args:
        frame: what the model's input is made of; also a smaller stream of the same camera.
        view: how to look at it.
        captured_s: when it was taken, `time.monotonic()` seconds.
        name: the file it came from, if any.
        full: what the JPEG is made of; `frame` by default.
    """

    def __init__(
        self, frame: av.VideoFrame, view: View, captured_s: float, name: str = "", full: av.VideoFrame | None = None
    ) -> None:
        super().__init__(view, captured_s, name)
        self._frame = frame
        self._full = full or frame

    def _size(self) -> tuple[int, int]:
        return self._frame.width, self._frame.height

    def _scaled(self, box: Box, size: tuple[int, int]) -> Pixels:
        (left, top, right, bottom), (width, height) = box, size
        frame_width, frame_height = self._size()
        # Even, because swscale takes half as long again for an odd width.
        whole_width = max(width + width % 2, 2 * round(frame_width * width / (right - left) / 2))
        whole_height = max(height, round(frame_height * height / (bottom - top)))
        if whole_width * whole_height > frame_width * frame_height:
            # The part is so small that scaling the whole frame along with it would enlarge it.
            image = Image.fromarray(_rgb(_reused, self._frame, frame_width, frame_height))
            return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))
        whole = _rgb(_reused, self._frame, whole_width, whole_height)
        column = min(round(left * whole_width / frame_width), whole_width - width)
        row = min(round(top * whole_height / frame_height), whole_height - height)
        return whole[row : row + height, column : column + width]

    def _whole(self, width: int) -> Pixels:
        # Not the reused one: its sizes differ from the model's, and changing them back and forth is slow.
        return _rgb(_Scaler(), self._full, *self._shrunk((self._full.width, self._full.height), width))


class StillPicture(_ViewedPicture):
    """A decoded picture in mode RGB, upright by its own account."""

    def __init__(self, image: Image.Image, view: View, captured_s: float, name: str) -> None:
        super().__init__(view, captured_s, name)
        self._image = image
        self._inputs: dict[tuple[int, int], Pixels] = {}

    def model_input(self, width: int, height: int) -> Pixels:
        """Return the part that counts; scaled once, however often the picture is shown. Read-only."""
        pixels = self._inputs.get((width, height))
        if pixels is None:
            pixels = super().model_input(width, height)
            pixels.flags.writeable = False
            self._inputs[width, height] = pixels
        return pixels

    def shown_at(self, captured_s: float) -> Self:
        """Return the same picture at another time; what was scaled is shared."""
        again = copy.copy(self)
        again.captured_s = captured_s
        return again

    def _size(self) -> tuple[int, int]:
        return self._image.size

    def _scaled(self, box: Box, size: tuple[int, int]) -> Pixels:
        if whole := _whole_pixels(box):
            # Pixels beyond the edge do not count, as they do in a resize with `box`.
            return np.array(self._image.crop(whole).resize(size, Image.Resampling.BILINEAR))
        return np.array(self._image.resize(size, Image.Resampling.BILINEAR, box=box))

    def _whole(self, width: int) -> Pixels:
        size = self._shrunk(self._image.size, width)
        return np.asarray(self._image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def load_picture(path: Path, view: View | None = None) -> StillPicture:
    """Decode a picture file, once; by default the middle of all of it counts.

    Raises:
        InputError: it cannot be used; the message names the file.
    """
    return StillPicture(read_picture(path), view or View(), time.monotonic(), path.name)


def _whole_pixels(box: Box) -> tuple[int, int, int, int] | None:
    """Return the box of everybody's centre crop: whole pixels, odd ones left over going to the right and below.

    None where the box is none of these: its corners are not on pixels or half-way between, or it is so small that
    half a pixel counts.
    """
    left, top, right, bottom = (round(2 * edge) for edge in box)
    if any(abs(2 * edge - half) > _ROUNDING for edge, half in zip(box, (left, top, right, bottom), strict=True)):
        return None
    width, height = right - left, bottom - top
    if width % 2 or height % 2 or min(width, height) < 2 * _FEW_PIXELS:
        return None
    return left // 2, top // 2, right // 2, bottom // 2


class _Scaler(threading.local):
    """What swscale keeps from frame to frame of equal size, which is most of the work; each thread has its own."""

    def __init__(self) -> None:
        self.size = VideoReformatter()
        self.colour = VideoReformatter()


_reused = _Scaler()


def _rgb(scaler: _Scaler, frame: av.VideoFrame, width: int, height: int) -> Pixels:
    """Scale a whole frame; colour matrix and range are the frame's own.

    HD video that does not say which matrix it uses has BT.709 by convention; swscale would take BT.601.
    """
    unmarked_hd = frame.colorspace == _UNSPECIFIED and frame.height >= _HD_HEIGHT
    # By default it takes all cores, and more CPU time.
    settings: dict[str, Any] = {"interpolation": Interpolation.AREA, "threads": 1}
    if frame.format.name in _SUBSAMPLED and (width, height) != (frame.width, frame.height):
        # Swscale is quick at sizes and at colours, and slow at both in one step: 0.37 ms against 0.21.
        frame = scaler.size.reformat(frame, width, height, "yuv422p", **settings)
    scaled = scaler.colour.reformat(
        frame, width, height, "rgb24", src_colorspace=Colorspace.ITU709 if unmarked_hd else None, **settings
    )
    plane = scaled.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[:height, : width * 3].reshape(height, width, 3)
