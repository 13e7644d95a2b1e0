"""Counting how right a model is, one picture after the other; memory does not grow with their number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from edgeclassify.events.ranking import EPSILON, rank
from edgeclassify.events.rules import Rules
from edgeclassify.inference.ranking import best_indexes
from edgeclassify.tools.truths import Truth
from edgeclassify.vocabulary import Vocabulary

THRESHOLDS = np.arange(5, 100, 5) / 100
"""The thresholds that are compared; each in place of all those of the configuration."""

SOMETHING_ELSE = -1
"""In place of an answer's number, for what the model does not know."""


@dataclass(eq=False)
class Sweep:
    """Answers at each of THRESHOLDS."""

    right: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(THRESHOLDS), np.int64))
    wrong: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(THRESHOLDS), np.int64))
    """Something was in the picture, but not this."""
    false_alarms: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(THRESHOLDS), np.int64))
    """Nothing that may be answered was in the picture."""

    @property
    def answered(self) -> npt.NDArray[np.int64]:
        """All of them."""
        return self.right + self.wrong + self.false_alarms


class Evaluation:
    """Takes in one picture's scores after the other.

    Args:
        vocabulary: labels and groups.
        rules: thresholds, margin and ignored labels; times do not count, a picture stands alone.
    """

    def __init__(self, vocabulary: Vocabulary, rules: Rules) -> None:
        self.vocabulary = vocabulary
        self.rules = rules
        self.images = 0
        """Pictures of what the model knows: `top1` and `top5` are of these."""
        self.others = 0
        """Pictures of something else."""
        self.expected = 0
        """Pictures that should be answered: those of what it knows and does not ignore."""
        self.top1 = self.top5 = self.best_answer = 0
        """How often the best label, one of the five best, the best answer (groups summed) was right."""
        self.confusion: Counter[tuple[int, int]] = Counter()
        """Pictures by the answer that is right (or SOMETHING_ELSE) and the best one."""
        self.outcomes: Counter[str] = Counter()
        """With the rules: `right`, `wrong`, `false_alarm`, or why there was no answer."""
        self.sweep = Sweep()
        self._without_thresholds = replace(rules, thresholds=np.zeros_like(rules.thresholds))

    def add(self, truth: Truth, scores: npt.NDArray[np.float32]) -> None:
        """Take in one picture; `scores` has the shape (labels,)."""
        answers = self.vocabulary.answer_scores(scores)
        if truth.indexes:
            self._count_ranks(truth, scores)
        else:
            self.others += 1
        silent = all(self.rules.ignored[answer] for answer in truth.answers)
        self.expected += not silent
        candidate = rank(answers, self.rules, _no_cooldown)
        best = candidate.answer
        right = best in truth.answers
        self.best_answer += right
        self.confusion[best if right else next(iter(truth.answers), SOMETHING_ELSE), best] += 1

        kind = "false_alarm" if silent else "right" if right else "wrong"
        self.outcomes[kind if candidate.outcome == "answered" else candidate.outcome] += 1
        if rank(answers, self._without_thresholds, _no_cooldown).outcome == "answered":
            passed = int(np.searchsorted(THRESHOLDS, candidate.score + EPSILON, side="right"))
            counts = {"right": self.sweep.right, "wrong": self.sweep.wrong, "false_alarm": self.sweep.false_alarms}
            counts[kind][:passed] += 1

    def _count_ranks(self, truth: Truth, scores: npt.NDArray[np.float32]) -> None:
        self.images += 1
        best = best_indexes(scores, 5)
        self.top1 += best[0] in truth.indexes
        self.top5 += not truth.indexes.isdisjoint(best)


def _no_cooldown(_answer: int) -> float:
    return 0.0
