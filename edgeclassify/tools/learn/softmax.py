"""Softmax regression: L2-regularized, each class counting as much as any other, the same result each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.quantization import softmax

Array = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

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


def fit_softmax(features: Array, labels: Labels, classes: int, strength: float) -> Linear:
    """Return the regression of pictures, shape (pictures, features), each row of length 1.

    Args:
        features: of the pictures.
        labels: the class of each; every class has at least one.
        classes: how many.
        strength: how much the pictures count against small weights, as `C` of scikit-learn.
    """
    if features.shape[0] < features.shape[1]:
        return _fit_in_span(features, labels, classes, strength)
    return _fit(features, labels, classes, strength)


def _fit_in_span(features: Array, labels: Labels, classes: int, strength: float) -> Linear:
    """Do the same with fewer numbers: the best weights are a sum of the pictures, so that only their span counts."""
    values, vectors = np.linalg.eigh((features @ features.T).astype(np.float64))
    kept = values > values[-1] * 1e-7
    lengths, vectors = np.sqrt(values[kept]), vectors[:, kept]
    small = _fit((vectors * lengths).astype(np.float32), labels, classes, strength)
    onto = ((vectors / lengths).T @ features).astype(np.float32)
    return Linear(small.weights @ onto, small.bias)


def _fit(features: Array, labels: Labels, classes: int, strength: float) -> Linear:
    pictures, width = features.shape
    share = 1 / (classes * np.bincount(labels, minlength=classes)[labels])[:, np.newaxis]
    wanted = np.eye(classes)[labels]
    penalty = 1 / (strength * pictures)

    def loss(flat: Values) -> tuple[float, Values]:
        parameters = flat.reshape(classes, width + 1)
        weights, bias = parameters[:, :width].astype(np.float32), parameters[:, width].astype(np.float32)
        scores = softmax(features @ weights.T + bias)
        entropy = -float((share[:, 0] * np.log(np.maximum(scores[np.arange(pictures), labels], 1e-30))).sum())
        error = share * (scores - wanted)
        gradient = np.empty_like(parameters)
        gradient[:, :width] = error.T.astype(np.float32) @ features + penalty * parameters[:, :width]
        gradient[:, width] = error.sum(axis=0)
        return entropy + penalty / 2 * float((parameters[:, :width] ** 2).sum()), gradient.reshape(-1)

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
