"""Softmax regression: L2-regularized, each class counting as much as any other, the same result each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.head import Array
from edgeclassify.inference.quantization import softmax
from edgeclassify.tools.learn.stored_features import CHUNK, Labels, StoredFeatures

Values = npt.NDArray[np.float64]

Chunks = Iterable[tuple[slice, Array]]

_STEPS = 100
_MEMORY = 10
_GRADIENT = 1e-4
_ENOUGH = 1e-4  # of the slope along a step must be gained


@dataclass(frozen=True, eq=False)
class Linear:
    """`features @ weights.T + bias`."""

    weights: Array
    """Shape (classes, features)."""
    bias: Array

    def logits(self, features: Array) -> Array:
        """Return them, shape (pictures, classes)."""
        values: Array = features @ self.weights.T + self.bias
        return values


def fit_softmax(features: StoredFeatures, labels: Labels, classes: int, strength: float) -> Linear:
    """Return the regression of pictures.

    Args:
        features: of the pictures.
        labels: the class of each; every class has at least one.
        classes: how many.
        strength: how much the pictures count against small weights, as `C` of scikit-learn.
    """
    if len(features) <= features.width // 4:
        return _fit_in_span(features.floats(), labels, classes, strength)
    if len(features) <= CHUNK:
        whole = [(slice(None), features.floats())]
        return _fit(lambda: whole, labels, features.width, classes, strength)
    return _fit(features.chunks, labels, features.width, classes, strength)


def _fit_in_span(features: Array, labels: Labels, classes: int, strength: float) -> Linear:
    """Do the same with fewer numbers: the best weights are a sum of the pictures, so that only their span counts."""
    values, vectors = np.linalg.eigh((features @ features.T).astype(np.float64))
    kept = values > values[-1] * 1e-7
    lengths, vectors = np.sqrt(values[kept]), vectors[:, kept]
    whole = [(slice(None), (vectors * lengths).astype(np.float32))]
    small = _fit(lambda: whole, labels, len(lengths), classes, strength)
    onto = ((vectors / lengths).T @ features).astype(np.float32)
    return Linear(small.weights @ onto, small.bias)


def _fit(chunks: Callable[[], Chunks], labels: Labels, width: int, classes: int, strength: float) -> Linear:
    share = 1 / (classes * np.bincount(labels, minlength=classes)[labels])
    penalty = 1 / (strength * len(labels))

    def loss(flat: Values) -> tuple[float, Values]:
        parameters = flat.reshape(classes, width + 1)
        weights, bias = parameters[:, :width].astype(np.float32), parameters[:, width].astype(np.float32)
        gradient = np.zeros_like(parameters)
        gradient[:, :width] = penalty * parameters[:, :width]
        entropy = penalty / 2 * float((parameters[:, :width] ** 2).sum())
        for part, features in chunks():
            scores = softmax(features @ weights.T + bias)
            rows = np.arange(len(features))
            entropy -= float((share[part] * np.log(np.maximum(scores[rows, labels[part]], 1e-30))).sum())
            scores[rows, labels[part]] -= 1
            error = share[part][:, np.newaxis] * scores
            gradient[:, :width] += error.T.astype(np.float32) @ features
            gradient[:, width] += error.sum(axis=0)
        return entropy, gradient.reshape(-1)

    best = _minimized(loss, np.zeros(classes * (width + 1))).reshape(classes, width + 1).astype(np.float32)
    return Linear(np.ascontiguousarray(best[:, :width]), np.ascontiguousarray(best[:, width]))


def _minimized(loss: Callable[[Values], tuple[float, Values]], start: Values) -> Values:
    """Return where a smooth convex function is lowest, by L-BFGS."""
    at, (value, gradient) = start, loss(start)
    history: list[tuple[Values, Values]] = []
    for _ in range(_STEPS):
        if np.abs(gradient).max() < _GRADIENT:
            break
        step = -_inverse_hessian_times(gradient, history)
        slope, length = float(step @ gradient), 1.0
        while True:
            new_value, new_gradient = loss(at + length * step)
            if new_value <= value + _ENOUGH * length * slope or length < 1e-8:
                break
            length /= 2
        moved, turned = length * step, new_gradient - gradient
        if float(moved @ turned) > 1e-12:
            history = [*history[1 - _MEMORY :], (moved, turned)]
        at, value, gradient = at + moved, new_value, new_gradient
    return at


def _inverse_hessian_times(gradient: Values, history: list[tuple[Values, Values]]) -> Values:
    """Return the two-loop recursion's estimate; without a history the gradient itself, shortened to length 1."""
    if not history:
        return gradient / max(1.0, float(np.linalg.norm(gradient)))
    rest = gradient.copy()
    factors = []
    for moved, turned in reversed(history):
        factor = float(moved @ rest) / float(moved @ turned)
        factors.append(factor)
        rest -= factor * turned
    moved, turned = history[-1]
    rest *= float(moved @ turned) / float(turned @ turned)
    for (moved, turned), factor in zip(history, reversed(factors), strict=True):
        rest += (factor - float(turned @ rest) / float(moved @ turned)) * moved
    return rest
