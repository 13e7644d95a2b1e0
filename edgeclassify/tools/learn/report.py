"""What was measured of a learned model: a document for its card and for programs, and the same in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgeclassify.inference.head import NONE
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.training import Trained
from edgeclassify.tools.learn.validation import balanced

_Z = 1.96  # of an interval that holds the truth in 95 of 100 cases
_MOST = 30  # pairs and suspects told
_SURE_OF_ANOTHER, _NOT_ITS_OWN = 0.7, 0.15
_FEW = 20
_WORTH_IT = 0.01
_LEAST = 30  # hundredths: a lower threshold would be no help with pictures that nobody thought of


def labels_of(examples: Examples) -> tuple[str, ...]:
    """Return the labels of what is learned from them: the classes, and `none` as the last."""
    return (*examples.classes[: examples.real_classes], NONE)


def measured(examples: Examples, trained: Trained, precision: float) -> dict[str, Any]:
    """Return everything, for JSON; what cannot be said of no held-out pictures is None."""
    labels, counts = labels_of(examples), examples.counts
    document: dict[str, Any] = {
        "pictures": dict(zip(examples.classes, counts, strict=True)),
        "head": trained.kind,
        "strength": trained.recipe.strength,
        "calibrated": trained.calibrated,
        "held_out": 0,
        "accuracy": None,
        "accuracy_with_half": trained.half_accuracy,
        "accuracy_with_twice": None,
        "calibration_error": None,
        "wanted_precision": precision,
        "threshold": None,
        "classes": [],
        "confusions": [],
        "suspects": [],
    }
    found, scores = trained.held_out, trained.scores
    if found is None:
        return document
    best, truth = scores.argmax(axis=1), found.labels
    right = best == truth
    document["held_out"] = len(truth)
    document["accuracy"] = _share(int(right.sum()), len(truth))
    whole = balanced(found, len(examples.classes))
    document["accuracy_with_twice"] = _with_twice(trained.half_accuracy, whole, float(right.mean()))
    document["calibration_error"] = _calibration_error(scores.max(axis=1), right)
    if trained.calibrated:
        document["threshold"] = _threshold(scores, right, precision, labels)
    for number, name in enumerate(examples.classes):
        own = truth == number
        share = _share(int(right[own].sum()), int(own.sum()))
        document["classes"].append({"label": name, "pictures": counts[number], **share})
    pairs = Counter((int(t), int(b)) for t, b in zip(truth, best, strict=True) if t != b)
    document["confusions"] = [
        {"label": labels[t], "taken_for": labels[b], "pictures": n} for (t, b), n in pairs.most_common(_MOST)
    ]
    own_scores = scores[np.arange(len(truth)), truth]
    suspects = [
        {"picture": examples.names[found.rows[row]], "label": labels[truth[row]], "looks_like": labels[best[row]],
         "score": round(float(scores[row, best[row]]), 3)}
        for row in np.argsort(own_scores)
        if own_scores[row] < _NOT_ITS_OWN and scores[row, best[row]] > _SURE_OF_ANOTHER and labels[best[row]] != NONE
    ]  # fmt: skip
    document["suspects"] = suspects[:_MOST]
    return document


def in_words(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines for a document."""
    total = sum(told["pictures"].values())
    yield f"{total} pictures of {len(told['pictures'])} classes, head {told['head']}"
    if not told["held_out"]:
        yield "Not measured: no class has two pictures. Scores are guessed; take at least five pictures of each class."
        return
    yield f"Right on pictures that were held out: {_interval(told['accuracy'])}"
    width = max(len(row["label"]) for row in told["classes"])
    for row in told["classes"]:
        shown = _interval(row) if row["of"] else "not measured: one picture"
        yield f"  {row['label']:{width}}  {row['pictures']:5} pictures  {shown}"
    for pair in told["confusions"][:5]:
        yield f"  {pair['pictures']} of {pair['label']} taken for {pair['taken_for']}"
    if not told["calibrated"]:
        yield "Scores are guessed, not measured: that takes ten pictures or more that can be held out."
    yield from _advice(told)
    if told["suspects"]:
        yield "Is one of these in the wrong folder?"
        for one in told["suspects"][:10]:
            yield f"  {one['label']}/{one['picture']} looks like {one['looks_like']} ({one['score']:.2f})"


def _advice(told: Mapping[str, Any]) -> Iterator[str]:
    wanted = told["wanted_precision"]
    threshold = told["threshold"]
    if threshold is None and told["calibrated"]:
        yield f"No threshold makes {wanted:.0%} of the answers right."
    if threshold is not None:
        yield (
            f"Threshold {threshold['threshold']:.2f}: {threshold['precision']:.0%} of the answers right, "
            f"{threshold['answered']:.0%} of the pictures answered (wanted: {wanted:.0%} right)"
        )
    if (twice := told["accuracy_with_twice"]) is not None:
        hardly = "would hardly help:" if twice - told["accuracy"]["accuracy"] < _WORTH_IT else "would help:"
        yield f"Twice as many pictures of this kind {hardly} about {twice:.0%} right."
    if few := [name for name, pictures in told["pictures"].items() if pictures < _FEW]:
        names = f"{', '.join(few[:10])}{' ...' if len(few) > 10 else ''}"
        yield f"Fewer than {_FEW} pictures, so that these figures are rough: {names}"
    if NONE not in told["pictures"]:
        yield "A folder `none` with pictures of the empty scene makes false alarms rarer."


def _share(right: int, of: int) -> dict[str, Any]:
    """Return a share with Wilson's interval."""
    if not of:
        return {"right": 0, "of": 0, "accuracy": None, "low": None, "high": None}
    p = right / of
    middle = (p + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(p * (1 - p) / of + _Z**2 / (4 * of**2))
    return {"right": right, "of": of, "accuracy": round(p, 4), "low": round(middle - half, 4),
            "high": round(min(1.0, middle + half), 4)}  # fmt: skip


def _interval(share: Mapping[str, Any]) -> str:
    return f"{share['right']} of {share['of']}, {share['accuracy']:.0%} ({share['low']:.0%} to {share['high']:.0%})"


def _with_twice(half: float | None, whole: float, right: float) -> float | None:
    """Return how many would be right with twice as many pictures.

    Errors are taken to shrink by the root of what they shrank by from heads of half of the pictures; which is what they
    do, as measured, and where nothing shrank nothing is promised.

    Args:
        half: what heads of half of the pictures tell rightly, without the gate.
        whole: the same of heads of nearly all.
        right: the same with the gate.
    """
    if half is None:
        return None
    errors_half, errors = 1 - half, 1 - whole
    shrunk = math.sqrt(min(1.0, errors / errors_half)) if errors_half > 0 else 1.0
    return round(min(1.0, right + errors * (1 - shrunk)), 4)


def _calibration_error(sure: Any, right: Any) -> float:  # noqa: ANN401 - arrays
    """Return how far scores and shares of right answers are apart, over tenths of the scores."""
    tenths = np.minimum((sure * 10).astype(int), 9)
    parts = [abs(float(sure[tenths == t].sum() - right[tenths == t].sum())) for t in range(10)]
    return round(sum(parts) / len(sure), 4)


def _threshold(scores: Any, right: Any, precision: float, labels: tuple[str, ...]) -> dict[str, float] | None:  # noqa: ANN401
    """Return the lowest threshold, in hundredths, above which so many of the answers are right; `none` is no answer."""
    sure = scores.max(axis=1)
    answer = scores.argmax(axis=1) != len(labels) - 1
    for hundredth in range(_LEAST, 100):
        above = answer & (sure >= hundredth / 100)
        if above.any() and right[above].mean() >= precision:
            share = float(above.sum() / len(sure))
            return {"threshold": hundredth / 100, "precision": round(float(right[above].mean()), 4),
                    "answered": round(share, 4)}  # fmt: skip
    return None
