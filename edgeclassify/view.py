"""Which part of a frame counts and how it becomes the model's input: pure geometry."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Self

import numpy as np

from edgeclassify.config.sections import CameraConfig
from edgeclassify.records import Pixels

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the model's input comes from: scale `box` of the frame to `size`, make it upright, put it at `offset`."""

    box: Box
    """In pixels of the frame as it came, before it is turned upright."""
    size: tuple[int, int]
    """Width and height of the scaled part, not yet upright."""
    offset: tuple[int, int]
    """Left and top in the model's input; (0, 0) unless letterboxed."""


@dataclass(frozen=True)
class View:
    """How a camera's frames are looked at; see `cameras:` in config.yaml."""

    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    """Left, top, width, height as fractions of the upright frame: turned and flipped."""
    fit: str = "crop"
    """`crop` cuts the region's middle, `squash` distorts it, `letterbox` adds black."""
    rotate: int = 0
    """Degrees clockwise: 0, 90, 180, 270."""
    flip: str = "none"
    """`none`, `horizontal`, `vertical`, `both`; after the rotation."""

    @classmethod
    def of(cls, config: CameraConfig) -> Self:
        """Return the view that a camera's section asks for."""
        left, top, width, height = config.region
        return cls((left, top, width, height), config.fit, config.rotate, config.flip)

    @property
    def turned(self) -> bool:
        """Whether width and height change places."""
        return self.rotate in (90, 270)

    @functools.lru_cache(maxsize=64)  # noqa: B019 - views are few and live as long as the program
    def place(self, frame_size: tuple[int, int], model_size: tuple[int, int]) -> Placement:
        """Return what to cut from a frame of this (width, height) for a model's input of that one."""
        upright_width, upright_height = frame_size[::-1] if self.turned else frame_size
        width, height = model_size
        left, top = self.region[0] * upright_width, self.region[1] * upright_height
        part_width, part_height = self.region[2] * upright_width, self.region[3] * upright_height
        inner_width, inner_height = width, height
        if self.fit == "crop":
            scale = min(part_width / width, part_height / height)
            left += (part_width - width * scale) / 2
            top += (part_height - height * scale) / 2
            part_width, part_height = width * scale, height * scale
        elif self.fit == "letterbox":
            scale = min(width / part_width, height / part_height)
            inner_width = min(width, max(1, round(part_width * scale)))
            inner_height = min(height, max(1, round(part_height * scale)))
        box = self._as_it_came(
            (
                left / upright_width,
                top / upright_height,
                (left + part_width) / upright_width,
                (top + part_height) / upright_height,
            )
        )
        return Placement(
            box=_inside(box, frame_size),
            size=(inner_height, inner_width) if self.turned else (inner_width, inner_height),
            offset=((width - inner_width) // 2, (height - inner_height) // 2),
        )

    def upright(self, pixels: Pixels) -> Pixels:
        """Turn and flip; a view of the same memory."""
        turned = np.rot90(pixels, -self.rotate // 90)
        if self.flip in ("horizontal", "both"):
            turned = turned[:, ::-1]
        if self.flip in ("vertical", "both"):
            turned = turned[::-1]
        return turned

    def compose(self, part: Pixels, placement: Placement, model_size: tuple[int, int]) -> Pixels:
        """Return the model's input, shape (height, width, 3), contiguous, from its scaled part."""
        upright = self.upright(part)
        width, height = model_size
        if upright.shape[:2] == (height, width):
            return np.ascontiguousarray(upright)
        canvas = np.zeros((height, width, 3), np.uint8)
        left, top = placement.offset
        canvas[top : top + upright.shape[0], left : left + upright.shape[1]] = upright
        return canvas

    def _as_it_came(self, box: Box) -> Box:
        """Undo flip and rotation of a box in fractions."""
        left, top, right, bottom = box
        if self.flip in ("horizontal", "both"):
            left, right = 1 - right, 1 - left
        if self.flip in ("vertical", "both"):
            top, bottom = 1 - bottom, 1 - top
        if self.rotate == 90:
            return top, 1 - right, bottom, 1 - left
        if self.rotate == 180:
            return 1 - right, 1 - bottom, 1 - left, 1 - top
        if self.rotate == 270:
            return 1 - bottom, left, 1 - top, right
        return left, top, right, bottom


def _inside(box: Box, size: tuple[int, int]) -> Box:
    """Scale fractions to pixels; rounding must not reach out of the frame."""
    (left, top, right, bottom), (width, height) = box, size
    return max(0.0, left * width), max(0.0, top * height), min(width, right * width), min(height, bottom * height)
