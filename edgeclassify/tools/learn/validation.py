"""Cross-validation: each picture is judged by a head that was trained without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.imprinting import class_means, fit_imprinting
from edgeclassify.tools.learn.softmax import Array, Labels, Linear, fit_softmax

FOLDS = 5
_FOLDS_OF_MANY = 3
_MANY = 2000

Fit = Callable[[Array, Labels, int], Linear]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What heads said of pictures that they had not seen; all arrays have a row for each."""

    rows: npt.NDArray[np.intp]
    """Of the examples. A class of one picture has none here: it is needed for training."""
    labels: Labels
    logits: Array
    """Shape (pictures, classes)."""
    nearest: npt.NDArray[np.float64]
    """Cosine to the mean of the nearest class but `none`."""
    nearest_other: npt.NDArray[np.float64]
    """The same without its own class: as if it showed something that nobody taught. NaN where there is no other."""

    @property
    def right(self) -> int:
        """How many were taken for what they are."""
        return int((self.logits.argmax(axis=1) == self.labels).sum())


def fit_with(kind: str, strength: float) -> Fit:
    """Return what trains a head of this kind."""
    if kind == "imprinting":
        return fit_imprinting
    return lambda features, labels, classes: fit_softmax(features, labels, classes, strength)


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


def held_out(examples: Examples, fit: Fit, folds: npt.NDArray[np.intp]) -> HeldOut:
    """Train without each fold and judge it."""
    parts = [_judged(examples, fit, folds != fold, np.flatnonzero(folds == fold)) for fold in range(folds.max() + 1)]
    rows, logits, nearest, other = (np.concatenate([part[n] for part in parts]) for n in range(4))
    return HeldOut(rows, examples.labels[rows], logits, nearest, other)


def half_trained(examples: Examples, fit: Fit) -> float | None:
    """Return how often heads are right that had half of the pictures; None with fewer than four of some class."""
    if min(examples.counts) < 4:
        return None
    half = np.zeros(len(examples.labels), np.intp)
    for number in range(len(examples.classes)):
        own = np.flatnonzero(examples.labels == number)
        half[own] = np.arange(len(own)) % 2
    return balanced(held_out(examples, fit, half), len(examples.classes))


def balanced(found: HeldOut, classes: int) -> float:
    """Return the mean over the classes of how often they are told rightly."""
    right = found.logits.argmax(axis=1) == found.labels
    shown = [found.labels == number for number in range(classes)]
    return float(np.mean([right[own].mean() for own in shown if own.any()]))


def similarities(
    features: Array, labels: Labels, means: Array
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the cosine of each picture to the nearest class, and to the nearest but its own."""
    cosines = (features @ means.T).astype(np.float64)
    others = cosines.copy()
    own = np.flatnonzero(labels < len(means))
    others[own, labels[own]] = -np.inf
    nearest_other = others.max(axis=1)
    nearest_other[np.isinf(nearest_other)] = np.nan
    return cosines.max(axis=1), nearest_other


def _judged(
    examples: Examples, fit: Fit, train: npt.NDArray[np.bool_], test: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], Array, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    features, labels = examples.features[train], examples.labels[train]
    head = fit(features, labels, len(examples.classes))
    means = class_means(features, labels, len(examples.classes))[: examples.real_classes]
    shown = examples.features[test]
    return test, head.logits(shown), *similarities(shown, examples.labels[test], means)
