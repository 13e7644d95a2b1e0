"""The best answer of one frame, and whether it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.events.rules import Rules

SUPPRESSED = ("below_threshold", "ambiguous", "cooldown", "ignored")
"""Why a frame has no answer; every other frame is `answered`."""
TOP = 5
"""So many of the best are told."""
EPSILON = 1e-9
"""Scores and seconds nearer than this are equal: 0.7 - 0.6 is a margin of 0.1 to a person."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The best answer of one frame and the runner-up (None when there is only one answer)."""

    answer: int
    score: float
    runner_up: int | None
    runner_up_score: float
    outcome: str
    """`answered` or the first of SUPPRESSED that applies."""

    @property
    def margin(self) -> float:
        """How far the best is ahead."""
        return self.score - self.runner_up_score


def rank(answers: npt.NDArray[np.float64], rules: Rules, cooldown_left_s: Callable[[int], float]) -> Candidate:
    """Find the best answer, shape (answers,) in; ignored ones take part."""
    best = int(answers.argmax())
    score = float(answers[best])
    runner_up, runner_up_score = None, 0.0
    if len(answers) > 1:
        answers[best] = -1.0
        runner_up = int(answers.argmax())
        runner_up_score = float(answers[runner_up])
        answers[best] = score
    if rules.ignored[best]:
        outcome = "ignored"
    elif score < rules.thresholds[best] - EPSILON:
        outcome = "below_threshold"
    elif runner_up is not None and score - runner_up_score < rules.margin - EPSILON:
        outcome = "ambiguous"
    elif cooldown_left_s(best) > 0:
        outcome = "cooldown"
    else:
        outcome = "answered"
    return Candidate(best, score, runner_up, runner_up_score, outcome)


def best_of(scores: npt.NDArray[np.float64], count: int) -> list[int]:
    """Return the numbers of the highest scores above 0, the best first, of equal ones the first."""
    count = min(count, len(scores))
    best = np.argpartition(-scores, count - 1)[:count] if count < len(scores) else np.arange(count)
    return [int(i) for i in best[np.lexsort((best, -scores[best]))] if scores[i] > 0]
