"""Models and frames for these tests."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeclassify.config.sections import ModelConfig
from edgeclassify.image import StillPicture, View
from edgeclassify.inference import Model, load_model
from edgeclassify.records import Frame, Pixels


def frame(pixels: Pixels) -> Frame:
    picture = StillPicture(Image.fromarray(pixels), View(), time.monotonic(), "")
    return Frame("camera", picture.captured_s, pixels, picture)


def middle(path: Path, size: tuple[int, int]) -> Pixels:
    """The middle square of a picture, scaled."""
    with Image.open(path) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        box = (left, top, left + side, top + side)
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR, box=box))


Load = Callable[..., Model]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write a model (and its labels) and load it."""

    def load_it(
        content: bytes, labels: str | bytes | None = "a\nb\nc\n", name: str = "tiny", **config: object
    ) -> Model:
        (tmp_path / f"{name}.tflite").write_bytes(content)
        if labels is not None:
            (tmp_path / f"{name}.txt").write_bytes(labels.encode() if isinstance(labels, str) else labels)
        return load_model(ModelConfig(name=f"{name}.tflite", **config), tmp_path)

    return load_it
