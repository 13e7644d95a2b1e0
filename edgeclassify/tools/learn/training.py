"""From examples to a head: which kind, how strong, how sure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify.inference.bundle_files import damaged
from edgeclassify.inference.head import Array, ClassHead, Gate, gated, scaled_to_one
from edgeclassify.inference.quantization import softmax
from edgeclassify.tools.learn import calibration, validation
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.softmax import Linear
from edgeclassify.tools.learn.spread import Classes, Variation, class_means, measured
from edgeclassify.tools.learn.validation import HeldOut, Recipe

KINDS = ("softmax", "imprinting")
_STRENGTHS = {"softmax": (10.0, 100.0), "imprinting": (0.95, 0.85, 0.7)}  # the simpler one first


@dataclass(frozen=True, eq=False)
class Imprint:
    """What stays as it is when classes are added by imprinting."""

    shrinkage: float
    variation: Variation
    classes: tuple[str, ...]
    """That it was measured of."""

    @property
    def sha256(self) -> str:
        """Stands for all of it."""
        return hashlib.sha256(b"".join(np.asarray(value).tobytes() for value in self.arrays().values())).hexdigest()

    def arrays(self) -> dict[str, Any]:
        """Return what `from_arrays` takes."""
        return {f"imprint_{name}": value for name, value in vars(self.variation).items()} | {
            "imprint_shrinkage": self.shrinkage, "imprint_classes": np.array(self.classes)
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], where: Path) -> Imprint:
        """Return what was kept.

        Raises:
            ModelError: it is damaged.
        """
        try:
            variation = Variation(
                arrays["imprint_directions"], arrays["imprint_variances"], float(arrays["imprint_within"]),
                float(arrays["imprint_between"]), arrays["imprint_centre"],
            )  # fmt: skip
            shape = (variation.variances.size, arrays["features"].shape[1])
            fits = variation.directions.shape == shape and variation.centre.shape == shape[1:]
            imprint = cls(float(arrays["imprint_shrinkage"]), variation, tuple(map(str, arrays["imprint_classes"])))
        except (KeyError, ValueError, TypeError) as error:
            raise damaged(where, error) from error
        if not fits:
            raise damaged(where, "what it imprints with does not fit")
        return imprint


@dataclass(frozen=True, eq=False)
class Trained:
    """A head and what was measured of it on pictures that were held out."""

    recipe: Recipe
    head: ClassHead
    held_out: HeldOut | None
    """None: every class has one picture only."""
    scores: Array
    """Of the held-out pictures, shape (pictures, labels), `none` last."""
    calibrated: bool
    """Temperature and gate were fitted on held-out pictures, not guessed."""
    half_accuracy: float | None
    """How often heads of half of the pictures are right."""
    imprint: Imprint | None
    """Of imprinting."""

    @property
    def kind(self) -> str:
        """The kind of head."""
        return self.recipe.kind

    @property
    def labels_none(self) -> int:
        """The number of the label `none`."""
        return len(self.head.nearness.weights)


def train(examples: Examples, kind: str, imprint: Imprint | None = None) -> Trained:
    """Train a head.

    Args:
        examples: of two classes or more.
        kind: one of KINDS, or `auto`: the one that is right more often, imprinting when none is.
        imprint: of a model that classes are added to by imprinting.
    """
    recipe, found = _chosen(examples, kind, imprint)
    classes = _classes(examples, imprint if recipe.kind == "imprinting" else None)
    linear = validation.fit(recipe, examples.features, examples.labels, classes)
    real = examples.real_classes
    near = classes.variation.spread(validation.NEAR_SHRINKAGE).nearness(classes.means[:real], classes.counts[:real])
    calibrated = found is not None and len(found.rows) >= calibration.FEWEST
    if calibrated and found is not None:
        temperature = calibration.fitted_temperature(found.logits, found.labels)
        gate = _gate(examples, found, temperature)
    else:
        temperature = _guessed_temperature(examples, classes, linear)
        gate = calibration.guessed_gate(examples.features.width)
    head = ClassHead(linear.weights, linear.bias, near, temperature, gate, examples.has_none)
    scores = _scores(found, head) if found else np.empty((0, real + 1), np.float32)
    half = validation.half_trained(examples, recipe) if calibrated else None
    kept = None
    if recipe.kind == "imprinting":
        kept = imprint or Imprint(recipe.strength, classes.variation, examples.classes)
    return Trained(recipe, head, found, scores, calibrated, half, kept)


def _chosen(examples: Examples, kind: str, imprint: Imprint | None) -> tuple[Recipe, HeldOut | None]:
    """Return the recipe that is right most often; of equals imprinting, and the simpler one."""
    kinds = reversed(KINDS) if kind == "auto" else (kind,)
    recipes = [Recipe(one, strength) for one in kinds for strength in _STRENGTHS[one]]
    if imprint and kind == "imprinting":
        recipes = [Recipe(kind, imprint.shrinkage)]
    folds = validation.folds_of(examples)
    if folds.max() < 0:
        return recipes[0], None
    tried = validation.held_out(examples, recipes, folds, imprint.classes if imprint else None)
    best = max(range(len(recipes)), key=lambda number: tried[number].right)
    return recipes[best], tried[best]


def _classes(examples: Examples, imprint: Imprint | None) -> Classes:
    if imprint is None:
        return measured(examples.features, examples.labels, len(examples.classes))
    means, counts = class_means(examples.features, examples.labels, len(examples.classes))
    return Classes(means, counts, imprint.variation)


def _gate(examples: Examples, found: HeldOut, temperature: float) -> Gate:
    real = found.labels < examples.real_classes
    right = real & (found.logits.argmax(axis=1) == found.labels)
    far = np.concatenate([found.nearest_other[real], found.nearest[~real]])
    far = far[~np.isnan(far)]
    if not right.any():
        return calibration.guessed_gate(examples.features.width)
    sure = softmax((found.logits[right] / temperature).astype(np.float32)).max(axis=1)
    return calibration.fitted_gate(found.nearest[right], sure.astype(np.float64), far)


def _guessed_temperature(examples: Examples, classes: Classes, linear: Linear) -> float:
    features = examples.features.floats()
    halfway = scaled_to_one(features + scaled_to_one(features.mean(axis=0, keepdims=True)))
    recipe = Recipe("imprinting", _STRENGTHS["imprinting"][0])
    usual = validation.fit(recipe, examples.features, examples.labels, classes)
    return calibration.guessed_temperature(linear.logits(halfway), usual.logits(halfway), features.shape[1])


def _scores(found: HeldOut, head: ClassHead) -> Array:
    return gated(found.logits, found.nearest, head.temperature, head.gate, none_learned=head.none_learned)
