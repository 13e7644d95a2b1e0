"""Pictures from a camera: which are kept, and that they are whole files."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from edgeclassify.config.sections import CameraConfig
from edgeclassify.picturefile import read_picture
from edgeclassify.tools.learn.capturing import Choice, captured


def noisy(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((64, 64), Image.Resampling.NEAREST)


def test_near_duplicates_and_blurred_pictures_are_skipped() -> None:
    choice = Choice()
    for seed in range(5):
        assert choice.takes(np.asarray(noisy(seed)))
    same = np.clip(np.asarray(noisy(3)).astype(int) + 2, 0, 255).astype(np.uint8)
    assert not choice.takes(same)
    assert not choice.takes(np.asarray(noisy(50).filter(ImageFilter.GaussianBlur(6))))
    assert not choice.takes(np.zeros((64, 64, 3), np.uint8))
    assert (choice.duplicates, choice.blurred) == (1, 2)


def test_a_camera_that_is_always_soft_gives_pictures_all_the_same() -> None:
    choice = Choice()
    kept = [choice.takes(np.asarray(noisy(seed).filter(ImageFilter.GaussianBlur(2)))) for seed in range(12)]
    assert sum(kept) >= 10


def test_pictures_are_written_as_the_model_sees_them_until_nothing_new_comes(tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    for seed in range(3):
        noisy(seed).resize((128, 64)).save(shown / f"{seed}.png")
    config = CameraConfig(source=str(shown), picture_seconds=0.1, frames_per_second=30)
    taken = list(captured("door", config, tmp_path, tmp_path / "to/cat", (32, 32), Choice(), 1.0, lambda: False))
    assert sorted(taken) == sorted((tmp_path / "to/cat").iterdir())
    assert len(taken) == 3
    assert {read_picture(path).size for path in taken} == {(64, 64)}
