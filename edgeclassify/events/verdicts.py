"""What one frame came to, in numbers and in words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeclassify.events import reasons
from edgeclassify.events.ranking import TOP, best_of
from edgeclassify.events.rules import Rules
from edgeclassify.records import PresentAnswer, RankedAnswer, ScoredLabel, Verdict
from edgeclassify.vocabulary import Vocabulary

_NO_OTHER = RankedAnswer(None, "none", 0.0, None)
"""The runner-up of a model with one answer."""


def best_answers(scores: npt.NDArray[np.float64], vocabulary: Vocabulary, rules: Rules) -> tuple[RankedAnswer, ...]:
    """Return the best labels and groups, shape (answers,) in; when all scores are 0, the first."""
    return tuple(
        RankedAnswer(
            vocabulary.answers[i].index,
            vocabulary.answers[i].label,
            float(scores[i]),
            None if rules.ignored[i] else float(rules.thresholds[i]),
        )
        for i in best_of(scores, TOP) or [0]
    )


def verdict_of(
    camera: str,
    time_s: float,
    outcome: str,
    top: tuple[ScoredLabel, ...],
    answers: tuple[RankedAnswer, ...],
    present: tuple[PresentAnswer, ...],
    *,
    margin: float,
    for_s: float,
    left_s: float | None,
    appear_after_s: float,
) -> Verdict:
    """Return the verdict on `answers[0]`; the arguments are those of the record."""
    best, other = (*answers, _NO_OTHER)[:2]
    since = next((one.for_s for one in present if (one.index, one.label) == (best.index, best.label)), None)
    if outcome == "ignored":
        why = reasons.ignored(best.label, best.score, other.label, other.score)
    elif outcome == "below_threshold" and best.threshold is not None:
        why = reasons.below_threshold(best.label, best.score, best.threshold)
    elif outcome == "ambiguous":
        why = reasons.ambiguous(best.label, best.score, other.label, other.score, margin)
    elif outcome == "cooldown":
        why = reasons.cooldown(best.label, best.score, left_s or 0.0)
    elif since is not None:
        why = reasons.present(best.label, best.score, since)
    else:
        why = reasons.waiting(best.label, best.score, appear_after_s - (left_s or 0.0), appear_after_s)
    return Verdict(
        camera, time_s, best.label, best.score, outcome, why, top, answers, margin, for_s, left_s, present
    )  # fmt: skip
