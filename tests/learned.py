"""A backbone whose features are known in advance, how red, green and blue a picture is, and pictures to learn with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.stored_features import stored
from tests.inference.tiny_models import Graph, Operation, Tensor, pool_options

SIDE = 8
COLOURS = {"red": (220, 30, 30), "green": (30, 220, 30), "blue": (30, 30, 220), "yellow": (200, 200, 20)}


def colour_backbone() -> bytes:
    """A picture of 8 x 8 pixels to its mean red, green and blue: it ends with a pooling, as an extractor does."""
    tensors = [Tensor((1, SIDE, SIDE, 3), "uint8", 1 / 255), Tensor((1, 1, 1, 3), "uint8", 1 / 255)]
    return Graph(tensors, [Operation("AVERAGE_POOL_2D", (0,), (1,), *pool_options(SIDE))]).pack()


def write_backbone(folder: Path, name: str = "colours") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.tflite"
    path.write_bytes(colour_backbone())
    return path


def write_class(folder: Path, name: str, count: int, spread: int = 25, seed: int = 0) -> Path:
    """Pictures of about one colour, no two alike."""
    rng = np.random.default_rng([seed, *name.encode()])
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        colour = np.clip(np.array(COLOURS.get(name, (120, 120, 120))) + rng.integers(-spread, spread + 1, 3), 0, 255)
        Image.new("RGB", (16, 16), tuple(map(int, colour))).save(target / f"{number}.png")
    return target


def examples(per_class: int, classes: int = 4, width: int = 32, noise: float = 0.4, seed: int = 0) -> Examples:
    """Directions with noise around one for each class."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, width))
    labels = np.repeat(np.arange(classes), per_class)
    features = centres[labels] + noise * rng.normal(size=(len(labels), width))
    keys = [f"{row:06d}" for row in range(len(labels))]
    return Examples.of(stored(features), [f"class {label}" for label in labels], keys, keys)
