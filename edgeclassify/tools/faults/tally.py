"""The true count: what was accepted against what arrived, event by event."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Key = tuple[str, int]
"""Epoch and id: what names an event."""

USUAL_S = 0.5
"""Pictures change several times as often; a longer time without a decision is time without classification."""


@dataclass(frozen=True)
class Gap:
    """No decision was made from one moment to another, seconds since 1970."""

    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Count:
    """What came of it."""

    accepted: int
    delivered: int
    waiting: tuple[Key, ...]
    """Have not arrived, but are safe in the outbox."""
    lost: tuple[Key, ...]
    """Have not arrived, and are nowhere any more."""
    doubled: int
    """Arrivals beyond the first of an event, the same but for `late`: at least once allows it."""
    altered: tuple[Key, ...]
    """Arrived again under the same id with something else in it."""
    disordered: tuple[Key, ...]
    gaps: tuple[Gap, ...]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.altered or self.disordered)


class Tally:
    """Takes in what is known of events."""

    def __init__(self) -> None:
        self._last_ids: dict[str, int] = {}
        self._first: dict[Key, Mapping[str, Any]] = {}
        self._doubled = 0
        self._altered: list[Key] = []
        self._disordered: list[Key] = []
        self._newest: dict[str, int] = {}

    def accepted(self, epoch: str, last_id: int) -> None:
        """Ids have no gaps: all up to `last_id` were accepted, whatever happened since."""
        self._last_ids[epoch] = max(last_id, self._last_ids.get(epoch, 0))

    def arrived(self, event: Mapping[str, Any]) -> None:
        """Take in one arrival.

        Raises:
            KeyError, TypeError, ValueError: it is none of ours.
        """
        key = str(event["epoch"]), int(event["id"])
        datetime.fromisoformat(event["time"])
        if (known := self._first.get(key)) is not None:
            if {**known, "late": None} == {**event, "late": None}:
                self._doubled += 1
            else:
                self._altered.append(key)
            return
        self._first[key] = event
        self.accepted(*key)
        if key[1] < self._newest.get(key[0], 0):
            self._disordered.append(key)
        self._newest[key[0]] = max(key[1], self._newest.get(key[0], 0))

    def missing(self) -> list[Key]:
        """Return what was accepted and has not arrived."""
        return [
            (epoch, number)
            for epoch, last_id in self._last_ids.items()
            for number in range(1, last_id + 1)
            if (epoch, number) not in self._first
        ]

    def count(self, outbox: Collection[Key], until_s: float) -> Count:
        """Return the count.

        Args:
            outbox: what still waits there.
            until_s: when the daemon was stopped, seconds since 1970.
        """
        missing = self.missing()
        return Count(
            accepted=sum(self._last_ids.values()),
            delivered=len(self._first),
            waiting=tuple(key for key in missing if key in outbox),
            lost=tuple(key for key in missing if key not in outbox),
            doubled=self._doubled,
            altered=tuple(self._altered),
            disordered=tuple(self._disordered),
            gaps=self._gaps(until_s),
        )

    def _gaps(self, until_s: float) -> tuple[Gap, ...]:
        """Judge by frames: only an `appeared` is always decided by one, and carries the frame's own time."""
        times_s = sorted(time_of(event) for event in self._first.values() if event.get("event_type") == "appeared")
        pairs = itertools.pairwise([*times_s, max([until_s, *times_s])])
        return tuple(Gap(start_s, end_s) for start_s, end_s in pairs if end_s - start_s > USUAL_S)


def time_of(event: Mapping[str, Any]) -> float:
    """Return when it was decided, seconds since 1970."""
    return datetime.fromisoformat(event["time"]).timestamp()
