"""What is done with the outbox's store inside one transaction, and which events are on their way to the broker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edgeclassify.config.sections import OutboxConfig
from edgeclassify.mqtt import acceptance, messages
from edgeclassify.mqtt.clock import this_instant
from edgeclassify.mqtt.messages import Message
from edgeclassify.mqtt.shelter import Shelter
from edgeclassify.mqtt.store import Row
from edgeclassify.mqtt.topics import Topics
from edgeclassify.records import Decision, Presence, State

log = logging.getLogger(__name__)

_MAX_HANDED_OUT = 200
"""Events in memory on their way to the broker: enough to fill the time that a commit takes on an SD card."""
_UPKEEP_SECONDS = 60.0
_BEFORE_ALL = -(2**62)


@dataclass(slots=True)
class Outcome:
    """What a batch came to; told and done only when it is committed."""

    accepted: int = 0
    delivered: int = 0
    expired: int = 0
    dead: int = 0
    snapshots: dict[int, bytes] = field(default_factory=dict)
    """By the number of their event."""
    retained: list[Message] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    after: list[Callable[[], object]] = field(default_factory=list)
    """What is to be done first after the commit."""
    flushed: list[threading.Event] = field(default_factory=list)
    """Set last."""


class Ledger:
    """Used by the writer thread only. What takes an `Outcome` belongs inside a transaction and may be done again."""

    def __init__(self, shelter: Shelter, limits: OutboxConfig, topics: Topics) -> None:
        self._shelter = shelter
        self._limits = limits
        self._topics = topics
        self._expire_at_s = 0.0
        self._drop_said = False
        # Handing out: to which connection, how far, and what is not done yet.
        self.connection: int | None = None
        self._cursor = _BEFORE_ALL
        self._handed: set[int] = set()

    def limit(self, limits: OutboxConfig) -> None:
        """Keep so many events for so long from now on."""
        self._limits = limits
        self._expire_at_s = 0.0

    def accept(self, decision: Decision, snapshot: bytes | None, outcome: Outcome) -> None:
        """Add the events that fit, and tell the new state after that."""
        store = self._shelter.store
        for event in decision.events:
            row = acceptance.accept(store, self._topics, event)
            if row is None:
                continue
            outcome.accepted += 1
            if snapshot is not None and event.event_type == "appeared":
                outcome.snapshots[row.seq] = snapshot
        if decision.state is not None:
            outcome.retained.append(self._state_message(decision.state))
        outcome.presences.extend(decision.presences)

    def close_open_presences(self, reason: str, now_s: float, outcome: Outcome) -> None:
        """Add the `gone` of everything that is open."""
        outcome.accepted += len(acceptance.close_open_presences(self._shelter.store, self._topics, reason, now_s))

    def delivered(self, seq: int, outcome: Outcome) -> None:
        """Delete an event that the broker has."""
        outcome.delivered += self._shelter.store.delete([seq])
        self._handed.discard(seq)

    def refused(self, seq: int, reason: str, outcome: Outcome) -> None:
        """Bury an event that the broker will never take."""
        outcome.dead += self._shelter.store.bury(seq, reason, this_instant())
        self._handed.discard(seq)

    def attach(self, connection: int | None) -> None:
        """Hand out from the oldest on, to another connection or to none."""
        self.connection = connection
        self._cursor = _BEFORE_ALL
        self._handed.clear()
        self._drop_said = False

    def look_back(self) -> None:
        """Hand out also what is older than what was handed out already."""
        self._cursor = _BEFORE_ALL

    def seconds_to_expiry(self) -> float | None:
        """Return when `expire` is due; None while nothing waits."""
        return max(0.0, self._expire_at_s - time.monotonic()) if self._shelter.store.waiting else None

    def expire(self, outcome: Outcome) -> None:
        """Delete what is too old and not on its way."""
        limit_s = self._limits.expire_seconds
        expired = self._shelter.store.delete_expired(self._cursor, limit_s, this_instant())
        if expired:
            log.warning("outbox: %d events were older than %g s and are dropped", expired, limit_s)
        outcome.expired += expired
        self._expire_at_s = time.monotonic() + min(_UPKEEP_SECONDS, limit_s)

    def drop_oldest(self, outcome: Outcome) -> None:
        """Delete the oldest of what is not on its way, if there is too much of it."""
        excess = self._shelter.store.waiting - len(self._handed) - self._limits.max_events
        if excess <= 0:
            return
        outcome.expired += self._shelter.store.delete_oldest(self._cursor, excess)
        if not self._drop_said:
            log.warning("outbox: more than %d events wait; the oldest are dropped", self._limits.max_events)
        self._drop_said = True

    def next_rows(self) -> list[Row]:
        """Return the events to hand out now; they count as on their way."""
        room = _MAX_HANDED_OUT - len(self._handed)
        if self.connection is None or room <= 0:
            return []
        rows = self._shelter.store.rows_after(self._cursor, _MAX_HANDED_OUT)
        rows = [row for row in rows if row.seq not in self._handed][:room]
        if rows:
            self._cursor = rows[-1].seq
            self._handed.update(row.seq for row in rows)
        return rows

    def _state_message(self, now: State) -> Message:
        store = self._shelter.store
        presence = store.presence(now.camera, messages.plain_text(now.label), now.index)
        if presence is None:
            return messages.state(self._topics, now, store.epoch, None)
        return messages.state(self._topics, now, presence.epoch, presence.event_id)
