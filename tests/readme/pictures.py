"""Pictures for the world: crops of scikit-image's photographs, no two alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
from PIL import Image, ImageEnhance

_DATA = Path(skimage.__file__).parent / "data"
_SIDE = 256
_CAT = ("chelsea.png",)
_NOTHING = ("brick.png", "grass.png", "gravel.png")
_OF = {"cat": _CAT, "fox": _CAT, "none": _NOTHING, "background": _NOTHING}
_OTHER = ("coffee.png",)


def crop_of(photograph: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A part of a photograph, most of it, in another light."""
    width, height = photograph.size
    side = int(min(width, height) * rng.uniform(0.6, 1.0))
    left, top = int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))
    part = photograph.crop((left, top, left + side, top + side)).resize((_SIDE, _SIDE))
    return ImageEnhance.Brightness(part).enhance(float(rng.uniform(0.5, 1.4)))


def show(subject: str, folder: Path, count: int, prefix: str = "") -> None:
    """Write so many pictures of a subject."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([*subject.encode()])
    names = _OF.get(subject, _OTHER)
    for number in range(count):
        with Image.open(_DATA / names[number % len(names)]) as photograph:
            crop_of(photograph.convert("RGB"), rng).save(folder / f"{prefix}{number:03d}.jpg", quality=92)


def one(name: str, target: Path) -> None:
    """Write one whole photograph."""
    with Image.open(_DATA / name) as photograph:
        photograph.convert("RGB").save(target, quality=92)
