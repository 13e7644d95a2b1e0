"""Files of a learned model that cannot be right, whatever their checksums say."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeclassify.errors import ModelError
from edgeclassify.inference.bundle import INDEX, read_bundle
from edgeclassify.tools.learn.learning import read_before
from tests.tools.learn.test_saving import learned


def _changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    index = json.loads((folder / INDEX).read_text())
    change(index)
    (folder / INDEX).write_text(json.dumps(index))


def _repacked(folder: Path, kind: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change an array and all checksums with it: only its content is wrong."""
    path = next(folder.glob(f"{kind}-*.npz"))
    arrays = dict(np.load(path))
    change(arrays)
    path.unlink()
    part = folder / "new.npz"
    np.savez(part, **arrays)
    name = f"{kind}-{hashlib.sha256(part.read_bytes()).hexdigest()[:12]}.npz"
    part.rename(folder / name)
    _changed(folder, lambda index: index["head"].update(file=name) if kind == "head" else index.update(examples=name))


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index["head"].update(temperature=float("nan")),
        lambda index: index["head"]["gate"].update(slope=float("inf")),
        lambda index: index.update(labels=index["labels"][:1] + index["labels"]),
        lambda index: index.update(labels=index["labels"][::-1]),
        lambda index: index.update(labels="none"),
        lambda index: index.update(measured=3),
        lambda index: index["backbone"].update(path=5),
        lambda index: index["backbone"].update(name="../colours"),
        lambda index: index.pop("learned_from"),
    ],
)
def test_an_index_that_cannot_be_right_is_told(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    folder = learned(tmp_path).folder
    _changed(folder, change)
    with pytest.raises(ModelError, match=r"bundle\.json: is damaged .*learn again: edgeclassify learn DIR --name mine"):
        read_bundle(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays["weights"].fill(np.nan),
        lambda arrays: arrays["near_bias"].fill(np.inf),
        lambda arrays: arrays.update(weights=arrays["weights"][:, :-1]),
        lambda arrays: arrays.update(weights=np.array(["a"])),
        lambda arrays: arrays.update(near_precisions=np.ones(1)),
        lambda arrays: arrays.update(near_centre=arrays["near_centre"][:1]),
        lambda arrays: arrays.pop("near_within"),
    ],
)
def test_a_head_that_cannot_be_right_is_told(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    folder = learned(tmp_path).folder
    _repacked(folder, "head", change)
    with pytest.raises(ModelError, match=r"head-.*: is damaged"):
        read_bundle(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.update(features=arrays["features"].astype(np.float32)),
        lambda arrays: arrays["labels"].fill(9),
        lambda arrays: arrays.update(keys=arrays["keys"][:-1]),
        lambda arrays: arrays.update(tested=arrays["tested"] + 1000),
        lambda arrays: arrays.update(scores=arrays["scores"][:, :1]),
        lambda arrays: arrays.pop("classes"),
    ],
)
def test_examples_that_cannot_be_right_are_told(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    folder = learned(tmp_path).folder
    _repacked(folder, "examples", change)
    with pytest.raises(ModelError, match=r"examples-.*: is damaged"):
        read_before(folder)
