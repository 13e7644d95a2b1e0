"""How pictures of one class differ among themselves, measured over all classes together.

What varies within every class, the light say, tells little of which class it is. The covariance within the classes is
shrunk towards one that is alike in all directions, as in regularized discriminant analysis; beyond the first directions
it is taken to be alike anyhow. What is not known yet, of one picture a class, is taken from what is usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.head import Array, Nearness
from edgeclassify.tools.learn.stored_features import Labels, StoredFeatures

_DIRECTIONS = 64
_ENOUGH = 1000  # pictures measure it well
# Variances of all features together, each picture's of length 1, within classes and between them: the medians of Tiny
# ImageNet's classes with the embedding extractor. They count as much as so many pictures and classes.
_WITHIN, _WITHIN_PICTURES = 0.4, 2.0
_BETWEEN, _BETWEEN_CLASSES = 0.07, 1.0


@dataclass(frozen=True, eq=False)
class Spread:
    """A covariance within classes, `rest` in all directions and besides `variances` in some, and one between them."""

    directions: Array
    """Shape (directions, features), each of length 1."""
    variances: Array
    """Shape (directions,), largest first."""
    rest: float
    """Variance in each of all directions."""
    between: float
    """Variance of the classes' means, in each direction."""
    noise: float
    """How far a picture is from its class's mean, squared and weighed by what `undone` does."""
    centre: Array
    """Shape (features,), the mean of the classes."""

    def undone(self, features: Array) -> Array:
        """Return the inverse covariance times each row."""
        along = (features @ self.directions.T) * (self.variances / (self.rest + self.variances))
        return ((features - along @ self.directions) / self.rest).astype(np.float32)

    def discriminant(self, means: Array, counts: npt.NDArray[np.intp]) -> tuple[Array, Array]:
        """Return weights and bias of each class: its likelihood's logarithm, but for what all classes have alike.

        A mean of few pictures is further from all pictures than that of many, by chance; this is allowed for.
        """
        # One by one, so that each has the same bits whatever classes are beside it.
        weights = np.concatenate([self.undone(mean[np.newaxis]) for mean in means])
        lengths = np.einsum("ij,ij->i", weights, means) - self.noise / np.maximum(counts, 1)
        return weights, (-lengths / 2).astype(np.float32)

    def nearness(self, means: Array, counts: npt.NDArray[np.intp]) -> Nearness:
        """Return what tells how near a picture comes to classes with these means."""
        weights, bias = self.discriminant(means, counts)
        wide = self.rest + self.between
        return Nearness(
            weights, bias, self.centre, self.directions, self.variances / (self.rest + self.variances),
            self.variances / (wide + self.variances), 1 / self.rest, 1 / wide,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Variation:
    """How pictures differ from the means of their classes, as it was measured."""

    directions: Array
    """Shape (directions, features), each of length 1, in which they differ most."""
    variances: npt.NDArray[np.float64]
    """In these directions, largest first."""
    within: float
    """All variance of the pictures around the means of their classes."""
    between: float
    """All variance of the means."""
    centre: Array
    """Shape (features,), the mean of the classes."""

    def spread(self, shrinkage: float) -> Spread:
        """Return the covariance; `shrinkage` 1 is alike in all directions, 0 as it was measured."""
        width = len(self.centre)
        rest = shrinkage * self.within / width
        variances = ((1 - shrinkage) * self.variances).astype(np.float32)
        left = self.within - float((self.variances * variances / (rest + variances)).sum())
        return Spread(self.directions, variances, rest, self.between / width, left / rest, self.centre)


@dataclass(frozen=True, eq=False)
class Classes:
    """The means of classes, and how pictures differ from these."""

    means: Array
    """Shape (classes, features); zeros of a class without pictures."""
    counts: npt.NDArray[np.intp]
    variation: Variation


def class_means(features: StoredFeatures, labels: Labels, classes: int) -> tuple[Array, npt.NDArray[np.intp]]:
    """Return the mean of each class, shape (classes, features), and how many pictures it has."""
    means = np.zeros((classes, features.width), np.float32)
    counts = np.bincount(labels, minlength=classes)
    for number in np.flatnonzero(counts):
        own = features.taken(labels == number).chunks()
        means[number] = sum(floats.sum(axis=0, dtype=np.float64) for _, floats in own) / counts[number]
    return means, counts


def measured(features: StoredFeatures, labels: Labels, classes: int) -> Classes:
    """Return the means of classes and how their pictures differ; some may have no pictures."""
    means, counts = class_means(features, labels, classes)
    there = means[counts > 0]
    centre = there.mean(axis=0)
    sample = np.arange(0, len(features), max(1, -(-len(features) // _ENOUGH)))
    rest = features.taken(sample).floats()
    rest -= means[labels[sample]]
    free = len(sample) - len(there)
    squares = float(np.einsum("ij,ij->", rest, rest, dtype=np.float64))
    within = (_WITHIN_PICTURES * _WITHIN + squares) / (_WITHIN_PICTURES + max(free, 0))
    directions, variances = _main_directions(rest, free + _WITHIN_PICTURES)
    apart = float(((there - centre) ** 2).sum()) - within * float((1 / counts[counts > 0]).mean()) * (len(there) - 1)
    between = (_BETWEEN_CLASSES * _BETWEEN + max(apart, 0.0)) / (_BETWEEN_CLASSES + len(there) - 1)
    return Classes(means, counts, Variation(directions, variances, within, between, centre))


def _main_directions(rest: Array, free: float) -> tuple[Array, npt.NDArray[np.float64]]:
    """Return the directions in which rows differ most from zero, and the variances there."""
    pictures, width = rest.shape
    small = rest @ rest.T if pictures < width else rest.T @ rest
    squares, vectors = np.linalg.eigh(small.astype(np.float64))
    first = squares > max(squares[-1] * 1e-5, 1e-8)
    squares, vectors = squares[first][::-1][:_DIRECTIONS], vectors[:, first][:, ::-1][:, :_DIRECTIONS]
    if pictures < width:
        vectors = (rest.T @ vectors.astype(np.float32)) / np.sqrt(squares).astype(np.float32)
    return np.ascontiguousarray(vectors.T, np.float32), squares / free
