"""Scores that mean something: the temperature of the logits, and the gate to `none`, fitted on held-out pictures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.head import Array, Gate
from edgeclassify.inference.quantization import softmax
from edgeclassify.tools.learn.stored_features import Labels

FEWEST = 10
"""Held-out pictures below which nothing is fitted."""

Values = npt.NDArray[np.float64]

LOST = 0.04
"""Of the held-out pictures that are told rightly so many may fall to `none`."""

_DEVIATIONS = 1.75  # from the mean: beyond it lies LOST of a bell curve
_KNOWN = 30.0  # a picture of a class weighs so much more than one of something else
_STEPS = 60
_GOLDEN = (math.sqrt(5) - 1) / 2
# What is taken as long as too few pictures are held out, for each feature of the backbone: fitted to small problems,
# one or two pictures of each of a few classes that differ well (tests/benchmarks/few_pictures.py).
_TEMPERATURE = 0.104  # of imprinting's logits
_NEARNESS, _SLOPE = -0.35, 8.5


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

    return math.exp(_lowest(entropy, math.log(1e-3), math.log(1e4)))


def guessed_temperature(logits: Array, imprinted: Array, width: int) -> float:
    """Return a temperature when no picture can be held out: scores as sure as those of imprinting with the usual one.

    Args:
        logits: of pictures that were moved halfway to the mean of all.
        imprinted: the same by imprinting.
        width: how many features there are.
    """
    usual = float(softmax(imprinted / np.float32(_TEMPERATURE * width)).max(axis=1).mean())

    def other(log_temperature: float) -> float:
        return abs(float(softmax((logits / math.exp(log_temperature)).astype(np.float32)).max(axis=1).mean()) - usual)

    return math.exp(_lowest(other, math.log(1e-3), math.log(1e4)))


def fitted_gate(near: Values, sure: Values, far: Values) -> Gate:
    """Return the gate that loses few pictures of the classes, as steep as it tells them from others.

    Args:
        near: nearness of held-out pictures of the classes that are told rightly.
        sure: their scores before the gate; the more a picture is in doubt, the nearer it must come not to be `none`.
        far: nearness of pictures of something else: `none`, and those of each class to the other classes.
    """
    target = np.concatenate(
        [np.full(len(near), 1 - 1 / (len(near) + 2)), np.full(len(far), 1 / (len(far) + 2))]
    )  # as Platt has it
    weight = np.concatenate([np.full(len(near), _KNOWN / len(near)), np.full(len(far), 1 / max(len(far), 1))])

    def losing_few(slope: float) -> Gate:
        needed = near + np.log(sure) / slope  # a picture falls to `none` where this is below the gate
        of_a_bell = float(needed.mean() - _DEVIATIONS * needed.std())  # few pictures have no quantile so far out
        return Gate(min(float(np.quantile(needed, LOST, method="lower")), of_a_bell) - 1e-3 / slope, slope)

    def entropy(log_slope: float) -> float:
        share = np.clip(losing_few(math.exp(log_slope)).share(np.concatenate([near, far])), 1e-12, 1 - 1e-12)
        return -float((weight * (target * np.log(share) + (1 - target) * np.log(1 - share))).sum())

    return losing_few(math.exp(_lowest(entropy, math.log(1e-4), math.log(1e2))))


def guessed_gate(width: int) -> Gate:
    """Return the gate when no picture can be held out, for so many features."""
    return Gate(_NEARNESS * width, _SLOPE / width)


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
