"""Scenes for the tracker: a few labels, scores over time, and what was decided."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from edgeclassify.config.sections import EventsConfig
from edgeclassify.events.rules import rules_for
from edgeclassify.events.tracker import Tracker
from edgeclassify.records import Decision, Event, Scores
from edgeclassify.vocabulary import LabelName, Vocabulary

LABELS = ("cat", "dog", "bird", "background")
WALL_S = 1_800_000_000.0
"""Seconds since 1970 at monotonic second 0 of every scene."""


def make_tracker(
    labels: Sequence[str] = LABELS,
    groups: Mapping[str, Sequence[LabelName]] | None = None,
    layers: Iterable[Mapping[LabelName, float]] = (),
    **events: Any,
) -> Tracker:
    """A tracker without smoothing, unless the scene asks for it."""
    config = EventsConfig(**{"smoothing_seconds": 0.0, **events})
    vocabulary = Vocabulary(labels, groups)
    rules = rules_for(config, [config.thresholds, *layers], vocabulary)
    return Tracker("porch", vocabulary, rules, to_wall=lambda monotonic_s: WALL_S + monotonic_s)


def scores(at_s: float, *values: float) -> Scores:
    return Scores("porch", at_s, np.array(values, np.float32), "model", "cpu", 12.3)


class Scene:
    """Feeds a tracker and keeps what it decided."""

    def __init__(self, tracker: Tracker, frames_per_second: float = 10.0) -> None:
        self.tracker = tracker
        self.now_s = 0.0
        self.decisions: list[Decision] = []
        self._interval_s = 1 / frames_per_second

    def show(self, *values: float, seconds: float = 0.0) -> list[Event]:
        """Show one frame, or as many as fit into `seconds`; return the events."""
        events: list[Event] = []
        for _ in range(max(1, round(seconds / self._interval_s))):
            decision = self.tracker.update(scores(self.now_s, *values))
            self.decisions.append(decision)
            events += decision.events
            self.now_s += self._interval_s
        return events

    def end(self, reason: str) -> list[Event]:
        decision = self.tracker.end(reason, self.now_s)
        self.decisions.append(decision)
        return list(decision.events)

    @property
    def events(self) -> list[Event]:
        return [event for decision in self.decisions for event in decision.events]

    @property
    def states(self) -> list[str]:
        """The labels of the state, each change once."""
        told = [decision.state.label for decision in self.decisions if decision.state]
        return [label for n, label in enumerate(told) if n == 0 or told[n - 1] != label]

    @property
    def presences(self) -> list[tuple[str, bool]]:
        return [(p.label, p.present) for decision in self.decisions for p in decision.presences]


def brief(events: Iterable[Event]) -> list[str]:
    return [f"{event.event_type} {event.label}" for event in events]
