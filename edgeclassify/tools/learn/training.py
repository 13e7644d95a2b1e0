"""From examples to a head: which kind, how strong, how sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeclassify.inference.head import ClassHead, Gate, gated, scaled_to_one
from edgeclassify.tools.learn import calibration, validation
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.imprinting import class_means
from edgeclassify.tools.learn.softmax import Array, Linear
from edgeclassify.tools.learn.validation import HeldOut

KINDS = ("softmax", "imprinting")
_STRENGTHS = (10.0, 100.0)


@dataclass(frozen=True, eq=False)
class Trained:
    """A head and what was measured of it on pictures that were held out."""

    kind: str
    strength: float
    """Of softmax regression."""
    head: ClassHead
    held_out: HeldOut | None
    """None: every class has one picture only."""
    scores: Array
    """Of the held-out pictures, shape (pictures, labels), `none` last."""
    calibrated: bool
    """Temperature and gate were fitted on held-out pictures, not guessed."""
    half_accuracy: float | None
    """How often heads of half of the pictures are right."""

    @property
    def labels_none(self) -> int:
        """The number of the label `none`."""
        return len(self.head.means)


def train(examples: Examples, kind: str) -> Trained:
    """Train a head; `kind` is one of KINDS, or `auto`: the one that is right more often, imprinting when none is."""
    tried = [_tried(examples, one) for one in (KINDS if kind == "auto" else (kind,))]
    chosen, strength, found = max(tried, key=lambda one: (one[2].right if one[2] else 0, one[0] == "imprinting"))
    fit = validation.fit_with(chosen, strength)
    linear = fit(examples.features, examples.labels, len(examples.classes))
    means = class_means(examples.features, examples.labels, len(examples.classes))[: examples.real_classes]
    calibrated = found is not None and len(found.rows) >= calibration.FEWEST
    if calibrated and found is not None:
        temperature, gate = calibration.fitted_temperature(found.logits, found.labels), _gate(examples, found)
    else:
        temperature, gate = _guessed(examples, linear, means)
    head = ClassHead(linear.weights, linear.bias, means, temperature, gate, examples.has_none)
    scores = _scores(found, head) if found else np.empty((0, len(means) + 1), np.float32)
    half = validation.half_trained(examples, fit) if calibrated else None
    return Trained(chosen, strength, head, found, scores, calibrated, half)


def _tried(examples: Examples, kind: str) -> tuple[str, float, HeldOut | None]:
    folds = validation.folds_of(examples)
    if folds.max() < 0:
        return kind, _STRENGTHS[0], None
    strengths = _STRENGTHS if kind == "softmax" else _STRENGTHS[:1]
    found = [(s, validation.held_out(examples, validation.fit_with(kind, s), folds)) for s in strengths]
    strength, best = max(found, key=lambda one: one[1].right)  # of equals the first, which is the simplest
    return kind, strength, best


def _gate(examples: Examples, found: HeldOut) -> Gate:
    real = found.labels < examples.real_classes
    far = np.concatenate([found.nearest_other[real], found.nearest[~real]])
    far = far[~np.isnan(far)]
    if not real.any() or not len(far):
        return calibration.guessed_gate(far)
    return calibration.fitted_gate(found.nearest[real], far)


def _guessed(examples: Examples, linear: Linear, means: Array) -> tuple[float, Gate]:
    middle = scaled_to_one(examples.features.mean(axis=0, keepdims=True))
    halfway = scaled_to_one(examples.features + middle)
    temperature = calibration.guessed_temperature(linear.logits(halfway), examples.labels)
    _, far = validation.similarities(examples.features, examples.labels, means)
    return temperature, calibration.guessed_gate(far[~np.isnan(far)])


def _scores(found: HeldOut, head: ClassHead) -> Array:
    return gated(found.logits, found.nearest, head.temperature, head.gate, none_learned=head.none_learned)
