"""Whether a new model is worse than the one it would replace, on the pictures that both were tested with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify.inference.bundle_files import damaged
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.training import Trained

_DEVIATIONS = 1.64  # of a bell curve, beyond which lies a twentieth on one side


@dataclass(frozen=True)
class Comparison:
    """How often each was right on the same held-out pictures."""

    pictures: int
    old_right: int
    new_right: int
    differing: int
    """Pictures on which just one of them is right."""

    @property
    def worse(self) -> bool:
        """Whether the new one is right less often, by more than what chance does in one case of twenty.

        Chance there is: with a class or a picture more, all others are tested with other folds.
        """
        return self.old_right - self.new_right > _DEVIATIONS * math.sqrt(self.differing)

    def __str__(self) -> str:
        return (
            f"on the {self.pictures} pictures that both were tested with {self.new_right} are right, "
            f"and {self.old_right} with the one that is there"
        )


def held_out_arrays(trained: Trained) -> dict[str, Any]:
    """Return what is kept of a model's test, to be compared with the next."""
    if trained.held_out is None:
        return {"tested": np.empty(0, np.intp), "scores": np.empty((0, trained.labels_none + 1), np.float16)}
    return {"tested": trained.held_out.rows, "scores": trained.scores.astype(np.float16)}


def check_held_out(kept: Mapping[str, Any], examples: Examples, where: Path) -> None:
    """Raise ModelError when what was kept does not fit the examples."""
    try:
        rows, scores = kept["tested"], kept["scores"]
        fits = scores.shape == (len(rows), examples.real_classes + 1)
        fits = fits and (not len(rows) or 0 <= rows.min() <= rows.max() < len(examples.labels))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise damaged(where, error) from error
    if not fits:
        raise damaged(where, "its tests do not fit its pictures")


def compare(examples: Examples, trained: Trained, old_examples: Examples, old: Mapping[str, Any]) -> Comparison | None:
    """Compare over the classes that both know; None when there are no pictures to compare with."""
    shared = [name for name in examples.classes if name in old_examples.classes]
    if trained.held_out is None or len(shared) < 2:
        return None
    mine = _rights(examples, trained.held_out.rows, trained.scores, shared)
    theirs = _rights(old_examples, old["tested"], old["scores"], shared)
    both = mine.keys() & theirs.keys()
    if not both:
        return None
    new, before = sum(mine[key] for key in both), sum(theirs[key] for key in both)
    return Comparison(len(both), before, new, sum(mine[key] != theirs[key] for key in both))


def _rights(examples: Examples, rows: Any, scores: Any, shared: list[str]) -> dict[tuple[str, str], bool]:  # noqa: ANN401
    """Return whether each tested picture was told rightly among the shared classes, by its checksum and class."""
    columns = [examples.classes.index(name) for name in shared]
    found = {}
    for row, values in zip(rows, scores[:, columns], strict=True):
        label = examples.label_of(int(row))
        if label in shared:
            found[examples.keys[int(row)], label] = bool(shared[int(values.argmax())] == label)
    return found
