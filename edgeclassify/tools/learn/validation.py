"""Cross-validation: each picture is judged by a head that was trained without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.head import Array
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.softmax import Linear, fit_softmax
from edgeclassify.tools.learn.spread import Classes, class_means, measured
from edgeclassify.tools.learn.stored_features import Labels, StoredFeatures

FOLDS = 5
_FOLDS_OF_MANY = 3
_MANY = 2000
_FEWEST_TO_HALVE = 10

NEAR_SHRINKAGE = 0.8
"""Of the covariance that tells how near a picture is."""


class Recipe(NamedTuple):
    """How a head is trained."""

    kind: str
    """`softmax` or `imprinting`."""
    strength: float
    """Of softmax regression as `C` of scikit-learn; of imprinting the shrinkage of the covariance, 0 to 1."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What heads said of pictures that they had not seen; all arrays have a row for each."""

    rows: npt.NDArray[np.intp]
    """Of the examples. A class of one picture has none here: it is needed for training."""
    labels: Labels
    logits: Array
    """Shape (pictures, classes)."""
    nearest: npt.NDArray[np.float64]
    """Nearness to the nearest class but `none`."""
    nearest_other: npt.NDArray[np.float64]
    """The same without its own class: as if it showed something that nobody taught. NaN where there is no other."""

    @property
    def right(self) -> int:
        """How many were taken for what they are."""
        return int((self.logits.argmax(axis=1) == self.labels).sum())


def fit(recipe: Recipe, features: StoredFeatures, labels: Labels, found: Classes) -> Linear:
    """Train a head; `found` is measured of the same pictures, or of some of them."""
    if recipe.kind == "softmax":
        return fit_softmax(features, labels, len(found.means), recipe.strength)
    return Linear(*found.variation.spread(recipe.strength).discriminant(found.means, found.counts))


def folds_of(examples: Examples) -> npt.NDArray[np.intp]:
    """Return the fold of each picture, dealt out class by class in the order of the files' checksums; -1: never out."""
    count = FOLDS if len(examples.labels) <= _MANY else _FOLDS_OF_MANY
    folds = np.full(len(examples.labels), -1, np.intp)
    dealt = 0
    for number, pictures in enumerate(examples.counts):
        if pictures > 1:
            own = np.flatnonzero(examples.labels == number)
            folds[own] = (dealt + np.arange(pictures)) % count
            dealt += pictures
    return folds


def held_out(
    examples: Examples, recipes: Sequence[Recipe], folds: npt.NDArray[np.intp], spread_of: Sequence[str] | None = None
) -> list[HeldOut]:
    """Train by each recipe without each fold and judge it; the spread is measured of these classes, else of all."""
    parts = [_judged(examples, recipes, folds == fold, spread_of) for fold in range(folds.max() + 1)]
    rows, nearest, other = (np.concatenate([part[n] for part in parts]) for n in range(3))
    return [
        HeldOut(rows, examples.labels[rows], np.concatenate([part[3][n] for part in parts]), nearest, other)
        for n in range(len(recipes))
    ]


def half_trained(examples: Examples, recipe: Recipe) -> float | None:
    """Return how often heads are right that had half of the pictures; None with few of some class."""
    if min(examples.counts) < _FEWEST_TO_HALVE:
        return None
    half = np.zeros(len(examples.labels), np.intp)
    for number in range(len(examples.classes)):
        own = np.flatnonzero(examples.labels == number)
        half[own] = np.arange(len(own)) % 2
    return balanced(held_out(examples, [recipe], half)[0], len(examples.classes))


def balanced(found: HeldOut, classes: int) -> float:
    """Return the mean over the classes of how often they are told rightly."""
    right = found.logits.argmax(axis=1) == found.labels
    shown = [found.labels == number for number in range(classes)]
    return float(np.mean([right[own].mean() for own in shown if own.any()]))


def classes_of(
    examples: Examples, features: StoredFeatures, labels: Labels, spread_of: Sequence[str] | None
) -> Classes:
    """Measure classes, of some of the examples; how their pictures spread only of these classes, else of all."""
    if spread_of is None:
        return measured(features, labels, len(examples.classes))
    measuring = np.isin(labels, [number for number, name in enumerate(examples.classes) if name in spread_of])
    means, counts = class_means(features, labels, len(examples.classes))
    if not measuring.any():
        return measured(features, labels, len(examples.classes))
    own = measured(features.taken(measuring), labels[measuring], len(examples.classes))
    return Classes(means, counts, own.variation)


def without_own(nearness: Array, labels: Labels) -> npt.NDArray[np.float64]:
    """Return the nearness to the nearest class but a picture's own; NaN where there is no other."""
    others = nearness.astype(np.float64)
    own = np.flatnonzero(labels < others.shape[1])
    others[own, labels[own]] = -np.inf
    nearest = others.max(axis=1)
    return np.where(np.isinf(nearest), np.nan, nearest)


def _judged(
    examples: Examples, recipes: Sequence[Recipe], out: npt.NDArray[np.bool_], spread_of: Sequence[str] | None
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64], list[Array]]:
    features, labels = examples.features.taken(~out), examples.labels[~out]
    found = classes_of(examples, features, labels, spread_of)
    heads = [fit(recipe, features, labels, found) for recipe in recipes]
    real = examples.real_classes
    near = found.variation.spread(NEAR_SHRINKAGE).nearness(found.means[:real], found.counts[:real])
    shown = [floats for _, floats in examples.features.taken(out).chunks()]
    to_each = np.concatenate([near.to_each(floats) for floats in shown])
    logits = [np.concatenate([head.logits(floats) for floats in shown]) for head in heads]
    nearest, nearest_other = to_each.max(axis=1).astype(np.float64), without_own(to_each, examples.labels[out])
    return np.flatnonzero(out), nearest, nearest_other, logits
