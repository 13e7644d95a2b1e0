"""The decisions for one camera: a state machine over (scores, time), without clocks, threads or files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.events import reasons
from edgeclassify.events.ranking import EPSILON, TOP, Candidate, best_of, rank
from edgeclassify.events.rules import Rules
from edgeclassify.events.smoothing import RunningMean
from edgeclassify.events.states import StateTeller
from edgeclassify.events.verdicts import best_answers, verdict_of
from edgeclassify.records import Decision, Event, Presence, PresentAnswer, ScoredLabel, Scores, Verdict
from edgeclassify.vocabulary import Vocabulary


def wall_time(monotonic_s: float) -> float:
    """Return the seconds since 1970 of a monotonic time."""
    return time.time() - time.monotonic() + monotonic_s


@dataclass(slots=True)
class _Present:
    """An answer that is in front of the camera."""

    since_s: float
    since_wall_s: float
    last_above_s: float
    score: float
    best_score: float
    announced_s: float | None = None
    """When its `appeared` was sent; None while a cooldown silences its events."""
    started_s: float | None = None
    """The same in seconds since 1970."""


class Tracker:
    """Turns the scores of one camera into decisions; takes frames in the order of their time.

    Args:
        camera: its id.
        vocabulary: what the model can answer.
        rules: thresholds and times for these answers.
        to_wall: seconds since 1970 of a monotonic time.
    """

    def __init__(
        self, camera: str, vocabulary: Vocabulary, rules: Rules, to_wall: Callable[[float], float] = wall_time
    ) -> None:
        self.counts: Counter[str] = Counter()
        """Frames by outcome: `answered` or one of SUPPRESSED."""
        self._camera = camera
        self._vocabulary = vocabulary
        self._rules = rules
        self._to_wall = to_wall
        self._mean = RunningMean(rules.smoothing_s)
        self._present: dict[int, _Present] = {}
        self._counting: tuple[int, float] | None = None  # which answer qualifies, and since when
        self._steady: tuple[int, str] | None = None  # the candidate and its outcome,
        self._steady_since_s = 0.0  # and since when
        self._last_gone_s: dict[int, float] = {}
        self._states = StateTeller(camera, to_wall)
        self._scores: Scores | None = None

    def retune(self, rules: Rules) -> None:
        """Go on with other thresholds and times for the same answers: what is present stays, as far as they let it."""
        self._rules = rules
        self._mean.half_life_s = rules.smoothing_s

    def update(self, scores: Scores, *, explain: bool = True) -> Decision:
        """Decide on one frame; with `explain` the decision holds a verdict in words."""
        now_s, self._scores = scores.captured_s, scores
        mean = self._mean.update(scores.values, now_s)
        answers = self._vocabulary.answer_scores(mean)
        candidate = rank(answers, self._rules, lambda answer: self._cooldown_left_s(answer, now_s))
        self.counts[candidate.outcome] += 1
        if (candidate.answer, candidate.outcome) != self._steady:
            self._steady, self._steady_since_s = (candidate.answer, candidate.outcome), now_s
        for_s = self._count_to_appear(candidate, now_s)

        changed: list[tuple[int, bool]] = []
        events: list[Event] = []
        for answer, reason in self._faded(answers, now_s):
            changed.append((answer, False))
            events += self._end(answer, now_s, reason, self._top(mean))
        if for_s is not None and for_s > self._rules.appear_after_s - EPSILON:
            if candidate.answer not in self._present:
                changed.append((candidate.answer, True))
                self._present[candidate.answer] = _Present(
                    now_s, self._to_wall(now_s), now_s, candidate.score, candidate.score
                )
            present = self._present[candidate.answer]
            if candidate.outcome == "answered" and present.announced_s is None:
                present.announced_s, present.started_s = now_s, self._to_wall(now_s)
                threshold = self._rules.thresholds[candidate.answer]
                reason = reasons.appeared(candidate.score, threshold, for_s, candidate.margin)
                top = self._top(mean)
                events.append(self._event("appeared", candidate.answer, now_s, candidate.score, reason, top))
        verdict = self._verdict(candidate, now_s, answers, self._top(mean)) if explain else None
        return self._decision(events, changed, now_s, verdict)

    def end(self, reason: str, now_s: float) -> Decision:
        """End everything that is present (the camera is offline, say) and forget the running mean."""
        changed = [(answer, False) for answer in self._present]
        events = [event for answer in list(self._present) for event in self._end(answer, now_s, reason, ())]
        self._mean.reset()
        self._counting = self._steady = None
        return self._decision(events, changed, now_s, None)

    def _cooldown_left_s(self, answer: int, now_s: float) -> float:
        present = self._present.get(answer)
        if answer not in self._last_gone_s or (present and present.announced_s is not None):
            return 0.0
        return self._last_gone_s[answer] + self._rules.cooldown_s - now_s

    def _count_to_appear(self, candidate: Candidate, now_s: float) -> float | None:
        """Return for how many seconds the candidate has qualified without a break; None when it does not.

        A cooldown does not break the count: it silences events, not presence.
        """
        if candidate.outcome not in ("answered", "cooldown"):
            self._counting = None
            return None
        if self._counting is None or self._counting[0] != candidate.answer:
            self._counting = (candidate.answer, now_s)
        return now_s - self._counting[1]

    def _faded(self, answers: npt.NDArray[np.float64], now_s: float) -> Iterator[tuple[int, str]]:
        """Yield what is gone by now, and why."""
        for answer, present in list(self._present.items()):
            present.score = float(answers[answer])
            present.best_score = max(present.best_score, present.score)
            stay_level = self._rules.stay_levels[answer]
            if present.score > stay_level - EPSILON:
                present.last_above_s = now_s
            elif now_s - present.last_above_s > self._rules.gone_after_s - EPSILON:
                yield answer, reasons.gone(stay_level, now_s - present.last_above_s)

    def _end(self, answer: int, now_s: float, reason: str, top: tuple[ScoredLabel, ...]) -> list[Event]:
        """Forget a presence; return its `gone`, or nothing when it was never announced."""
        present = self._present.pop(answer)
        if present.announced_s is None:
            return []
        self._last_gone_s[answer] = now_s
        return [self._event("gone", answer, now_s, present.score, reason, top, present)]

    def _event(
        self,
        event_type: str,
        answer: int,
        now_s: float,
        score: float,
        reason: str,
        top: tuple[ScoredLabel, ...],
        ended: _Present | None = None,
    ) -> Event:
        scores = self._scores
        assert scores is not None, "nothing is present before the first frame"
        return Event(
            event_type=event_type,
            camera=self._camera,
            time_s=self._to_wall(now_s),
            label=self._label(answer),
            index=self._vocabulary.answers[answer].index,
            score=score,
            top=top,
            model=scores.model,
            accelerator=scores.accelerator,
            inference_ms=scores.inference_ms,
            reason=reason,
            started_s=ended.started_s if ended else None,
            duration_seconds=now_s - ended.announced_s if ended and ended.announced_s is not None else None,
            best_score=ended.best_score if ended else None,
        )

    def _decision(
        self, events: list[Event], changed: list[tuple[int, bool]], now_s: float, verdict: Verdict | None
    ) -> Decision:
        best = max(self._present, key=lambda answer: self._present[answer].score, default=None)
        if best is None:
            state = self._states.nothing(now_s)
        else:
            present = self._present[best]
            answer = self._vocabulary.answers[best]
            state = self._states.present(best, answer.label, answer.index, present.score, present.since_wall_s, now_s)
        presences = [
            Presence(self._camera, self._label(answer), self._vocabulary.answers[answer].index, there)
            for answer, there in changed
        ]
        return Decision(tuple(events), state, tuple(presences), verdict)

    def _label(self, answer: int) -> str:
        return self._vocabulary.answers[answer].label

    def _top(self, mean: npt.NDArray[np.float64]) -> tuple[ScoredLabel, ...]:
        """Return the model's own best labels, groups or not."""
        labels = self._vocabulary.labels
        return tuple(ScoredLabel(i, labels[i], float(mean[i])) for i in best_of(mean, TOP))

    def _verdict(
        self, candidate: Candidate, now_s: float, answers: npt.NDArray[np.float64], top: tuple[ScoredLabel, ...]
    ) -> Verdict:
        rules, known = self._rules, self._vocabulary.answers
        present = [
            PresentAnswer(known[i].index, known[i].label, one.score, now_s - one.since_s, self._gone_in_s(one, now_s))
            for i, one in sorted(self._present.items(), key=lambda pair: -pair[1].score)
        ]
        left_s = None
        if candidate.outcome == "cooldown":
            left_s = self._cooldown_left_s(candidate.answer, now_s)
        elif self._counting is not None and candidate.answer not in self._present:
            left_s = max(0.0, rules.appear_after_s - (now_s - self._counting[1]))
        return verdict_of(
            self._camera,
            self._to_wall(now_s),
            candidate.outcome,
            top,
            best_answers(answers, self._vocabulary, rules),
            tuple(present),
            margin=rules.margin,
            for_s=now_s - self._steady_since_s,
            left_s=left_s,
            appear_after_s=rules.appear_after_s,
        )

    def _gone_in_s(self, present: _Present, now_s: float) -> float | None:
        return None if present.last_above_s == now_s else present.last_above_s + self._rules.gone_after_s - now_s
