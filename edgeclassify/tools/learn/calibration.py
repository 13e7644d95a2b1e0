"""Scores that mean something: the temperature of the logits, and the gate to `none`, fitted on held-out pictures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.head import Gate
from edgeclassify.inference.quantization import softmax
from edgeclassify.tools.learn.softmax import Array, Labels

FEWEST = 10
"""Held-out pictures below which nothing is fitted."""

Values = npt.NDArray[np.float64]

_KNOWN = 5.0  # a picture of a class weighs so much more than one of something else
_STEPS = 60
_GOLDEN = (math.sqrt(5) - 1) / 2
# What is taken as long as too few pictures are held out: how sure a picture that lies halfway to the mean of all is of
# its class, and how near, on the way from other classes' pictures (0) to the class itself (1), is near enough.
_SURE = 0.985
_NEAR, _SLOPE = 0.0, 15.0


def fitted_temperature(logits: Array, labels: Labels) -> float:
    """Return what makes the scores of held-out pictures as sure as they are right: the least cross-entropy.

    The targets are a little below 1, as of one picture more that is wrong: without it, no mistake would mean no doubt.
    """
    pictures, classes = logits.shape
    target = np.full((pictures, classes), 1 / (pictures + 2) / max(classes - 1, 1))
    target[np.arange(pictures), labels] = 1 - 1 / (pictures + 2)

    def entropy(log_temperature: float) -> float:
        scores = softmax((logits / math.exp(log_temperature)).astype(np.float32))
        return -float((target * np.log(np.maximum(scores, 1e-30))).sum())

    return math.exp(_lowest(entropy, math.log(1e-3), math.log(1e2)))


def guessed_temperature(logits: Array, labels: Labels) -> float:
    """Return a temperature when no picture can be held out.

    Args:
        logits: of pictures that were moved halfway to the mean of all.
        labels: their classes.
    """
    rows = np.arange(len(labels))

    def too_sure(log_temperature: float) -> float:
        scores = softmax((logits / math.exp(log_temperature)).astype(np.float32))
        return abs(float(scores[rows, labels].mean()) - _SURE)

    return math.exp(_lowest(too_sure, math.log(1e-3), math.log(1e1)))


def fitted_gate(near: Values, far: Values) -> Gate:
    """Return the gate that tells pictures of the classes from others, by their cosine to the nearest class.

    Args:
        near: of held-out pictures of the classes.
        far: of pictures of something else: `none`, and those of each class to the other classes.
    """
    x = np.concatenate([near, far])
    target = np.concatenate(
        [np.full(len(near), 1 - 1 / (len(near) + 2)), np.full(len(far), 1 / (len(far) + 2))]
    )  # as Platt has it
    weight = np.concatenate([np.full(len(near), _KNOWN / len(near)), np.full(len(far), 1 / len(far))])
    centre, spread = float(x.mean()), max(float(x.std()), 1e-6)
    design = np.stack([(x - centre) / spread, np.ones_like(x)], axis=1)
    beta = np.zeros(2)
    for _ in range(_STEPS):  # Newton's method
        share = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (share - target)) + 1e-3 * beta
        hessian = (design * (weight * share * (1 - share))[:, np.newaxis]).T @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        beta -= step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    slope = float(beta[0]) / spread
    if slope <= 0:  # the features do not tell them apart
        return Gate(-1.0, 1000.0)
    return Gate(centre - float(beta[1]) / slope, slope)


def guessed_gate(far: Values) -> Gate:
    """Return a gate when no picture can be held out; `far` as above."""
    usual = float(far.mean()) if len(far) else 0.5
    room = max(1 - usual, 1e-3)
    return Gate(usual + _NEAR * room, _SLOPE / room)


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function of one number with one valley is lowest, by golden section."""
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_inner, at_outer = function(inner), function(outer)
    for _ in range(_STEPS):
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = function(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = function(outer)
    return (low + high) / 2
