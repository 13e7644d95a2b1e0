"""The small part of a learned model: from the features of a picture to the scores of its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.quantization import Tensor, ValueDecoder, softmax

Array = npt.NDArray[np.float32]

NONE = "none"
"""The class of pictures that show nothing of the others."""


class Head(Protocol):
    """What comes behind a backbone."""

    @property
    def features(self) -> int:
        """How many numbers it takes."""
        ...

    def scores(self, features: Array) -> Array:
        """Return what the model gives for a picture's features, shape (features,); a new array."""
        ...


@dataclass(frozen=True)
class Gate:
    """How near a picture must come to some class to count as one: below, it is `none`."""

    nearness: float
    """At which both are as likely."""
    slope: float

    def share(self, nearness: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return how much of a picture is of the classes, 0 to 1."""
        exponents = np.clip(self.slope * (self.nearness - nearness.astype(np.float64)), -60, 60)
        share: npt.NDArray[np.float64] = 1 / (1 + np.exp(exponents))
        return share


@dataclass(frozen=True, eq=False)
class Nearness:
    """How much better a picture suits a class that was taught than one that nobody taught.

    It is the logarithm of a ratio of likelihoods, but for a constant. Pictures of a class lie around its mean, those of
    all classes spread alike: much in some directions, little in the rest. A class that nobody taught may be anywhere
    around the centre.
    """

    weights: Array
    """Shape (classes but `none`, features)."""
    bias: Array
    """Shape (classes but `none`,)."""
    centre: Array
    """Shape (features,), the mean of the classes."""
    directions: Array
    """Shape (directions, features), each of length 1, in which pictures of one class differ most."""
    within: Array
    """Shape (directions,), how little a difference there tells from a known class: 0 as much as any, 1 nothing."""
    anywhere: Array
    """The same from one that nobody taught."""
    precision: float
    """One by the variance in all other directions."""
    anywhere_precision: float
    """The same of one that nobody taught, which is less."""

    def to_each(self, unit: Array) -> Array:
        """Return it for each class, shape (pictures, classes but `none`); `unit` has rows of length 1."""
        along = unit @ self.directions.T
        away = unit - self.centre
        known = self.precision * (_squares(unit) - along**2 @ self.within)
        aside = (along - self.directions @ self.centre) ** 2 @ self.anywhere
        unknown = self.anywhere_precision * (_squares(away) - aside)
        fit = unit @ self.weights.T + self.bias
        return (fit + (unknown - known)[:, np.newaxis] / 2).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ClassHead:
    """Scores of classes; the features are scaled to length 1 first.

    The last label is `none`. It has what the gate does not give to the classes, besides what a class of that name got.
    """

    weights: Array
    """Shape (classes, features)."""
    bias: Array
    """Shape (classes,)."""
    nearness: Nearness
    temperature: float
    gate: Gate
    none_learned: bool
    """The last class is `none`: pictures of nothing were learned."""

    @property
    def features(self) -> int:
        """How many numbers it takes."""
        return int(self.weights.shape[1])

    def scores(self, features: Array) -> Array:
        """Return the scores of all labels, which sum to 1."""
        one: Array = self.scores_of_many(features[np.newaxis])[0]
        return one

    def scores_of_many(self, features: Array) -> Array:
        """Return the same for several pictures: shape (pictures, features) in, (pictures, labels) out."""
        unit = scaled_to_one(features)
        return gated(
            unit @ self.weights.T + self.bias, self.nearness.to_each(unit).max(axis=1), self.temperature, self.gate,
            none_learned=self.none_learned,
        )  # fmt: skip


@dataclass(frozen=True)
class FeatureHead:
    """Gives the features themselves, scaled to length 1: for learning."""

    features: int

    def scores(self, features: Array) -> Array:
        """Return them scaled."""
        one: Array = scaled_to_one(features[np.newaxis])[0]
        return one


def scaled_to_one(features: Array) -> Array:
    """Return each row, shape (pictures, features), scaled to length 1; a row of zeros stays one."""
    lengths = np.sqrt(_squares(features))[:, np.newaxis]
    return np.divide(features, np.maximum(lengths, 1e-12).astype(np.float32), dtype=np.float32)


def gated(
    logits: npt.NDArray[np.floating],
    nearness: npt.NDArray[np.floating],
    temperature: float,
    gate: Gate,
    *,
    none_learned: bool,
) -> Array:
    """Return scores, shape (pictures, labels), with `none` as the last.

    Args:
        logits: shape (pictures, classes).
        nearness: shape (pictures,), to the nearest class.
        temperature: what the logits are divided by.
        gate: how near is near enough.
        none_learned: the last class is `none` already.
    """
    share = gate.share(nearness)[:, np.newaxis]
    known = share * softmax((logits / temperature).astype(np.float32))
    if none_learned:
        known[:, -1:] += 1 - share
    else:
        known = np.hstack([known, 1 - share])
    return known.astype(np.float32)


def _squares(rows: Array) -> npt.NDArray[np.float64]:
    """Return the squared length of each row."""
    squares: npt.NDArray[np.float64] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return squares


class HeadDecoder:
    """Turns the output tensor of a backbone into a head's scores."""

    def __init__(self, tensor: Tensor, head: Head) -> None:
        self._values = ValueDecoder(tensor)
        self._head = head

    @property
    def damaged(self) -> bool:
        """Some value was no number: the backbone's weights are damaged."""
        return self._values.damaged

    def decode(self, stored: npt.NDArray[Any]) -> Array:
        """Return the scores, a new array."""
        return self._head.scores(self._values.decode(stored))
