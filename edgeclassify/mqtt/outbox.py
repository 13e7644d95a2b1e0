"""The outbox: the thread that commits events to disk, hands them out while there is a broker, and forgets them after.

Accepted means committed. What waits together is committed together.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from edgeclassify.config.sections import OutboxConfig
from edgeclassify.heartbeats import Beat, no_beat
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.clock import this_instant
from edgeclassify.mqtt.labels import WatchedLabels
from edgeclassify.mqtt.ledger import Ledger, Outcome
from edgeclassify.mqtt.messages import Message
from edgeclassify.mqtt.shelter import Shelter
from edgeclassify.mqtt.store import Row
from edgeclassify.mqtt.topics import LabelKey, Topics
from edgeclassify.records import Decision

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

_MAX_BATCH = 500
_MAX_QUEUED = 10_000
"""Decisions that wait for a disk that hangs; what comes then is not accepted."""
_MAX_QUEUED_WITH_SNAPSHOT = 20
_LONGEST_WAIT_S = 2.0  # whoever looks whether this thread goes on must not wait for an event


class Outlet(Protocol):
    """Where the outbox puts what is to be sent; called by its thread, returns at once."""

    def hand(self, connection: int, row: Row, snapshot: bytes | None) -> None:
        """Take an event for the connection of this number; `snapshot` only if the event is fresh."""

    def retain(self, message: Message) -> None:
        """Take a new retained state."""


@dataclass(frozen=True, slots=True)
class Counters:
    """The part `outbox` of health; totals count from the start of the daemon."""

    waiting: int = 0
    accepted_total: int = 0
    delivered_total: int = 0
    expired_total: int = 0
    """Too old, or pushed out by newer ones."""
    dead_total: int = 0
    durable: bool = True


_Command = Callable[[Outcome], None]


class Outbox:
    """Events on disk, or in memory while the disk fails. Every method but `run` may be called by any thread."""

    def __init__(
        self, folder: Path | None, limits: OutboxConfig, topics: Topics, outlet: Outlet, *, retry_seconds: float = 60.0
    ) -> None:
        self._outlet = outlet
        self._shelter = Shelter(folder, retry_seconds)
        self._ledger = Ledger(self._shelter, limits, topics)
        self._labels = WatchedLabels(topics)
        self._commands: queue.SimpleQueue[_Command | None] = queue.SimpleQueue()
        self._overrun_said = False
        self._changed = threading.Condition()
        self._counters = Counters()
        self._expire_seconds = limits.expire_seconds

    @property
    def counters(self) -> Counters:
        """What is known after the last commit."""
        return self._counters

    def accept(self, decision: Decision, snapshot: bytes | None) -> None:
        """Take what one frame changed; it is committed soon after, in the order of the calls."""
        if not (decision.events or decision.presences or decision.state):
            return
        queued = self._commands.qsize()
        if queued >= _MAX_QUEUED:
            if not self._overrun_said:
                log.error("outbox: the disk does not keep up, %d decisions wait; events are not accepted", queued)
            self._overrun_said = True
            return
        picture = snapshot if queued < _MAX_QUEUED_WITH_SNAPSHOT else None
        self._commands.put(lambda outcome: self._ledger.accept(decision, picture, outcome))

    def close_open_presences(self, reason: str, now_s: float) -> None:
        """Write the `gone` of everything that is still open."""
        self._commands.put(lambda outcome: self._ledger.close_open_presences(reason, now_s, outcome))

    def watch(self, camera: str, parts: Mapping[LabelKey, str]) -> None:
        """Give exactly these labels of a camera a topic of their own."""
        self._after_commit(lambda: self._retain(self._labels.watch(camera, parts)))

    def message(self, row: Row) -> Message:
        """Return an event as it is sent now."""
        now = this_instant()
        left_s = self._expire_seconds - row.accepted.age_s(now)
        return messages.event(row.topic, row.body, late=row.accepted.is_late(now), expires_after_s=left_s)

    def limit(self, limits: OutboxConfig) -> None:
        """Keep so many events for so long from now on."""
        self._expire_seconds = limits.expire_seconds
        self._after_commit(lambda: self._ledger.limit(limits))

    def delivered(self, seq: int) -> None:
        """Forget an event that the broker has."""
        self._commands.put(lambda outcome: self._ledger.delivered(seq, outcome))

    def refused(self, row: Row, reason: str) -> None:
        """Put an event that the broker will never take out of the way."""
        log.error("event %s %s on %s is not delivered: %s", row.epoch, row.id, row.topic, reason)
        self._commands.put(lambda outcome: self._ledger.refused(row.seq, reason, outcome))

    def attach(self, connection: int) -> None:
        """Hand out everything to this connection, from the oldest on."""
        self._commands.put(self._ledger.expire)
        self._after_commit(lambda: self._ledger.attach(connection))

    def detach(self) -> None:
        """Hand out nothing more."""
        self._after_commit(lambda: self._ledger.attach(None))

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything accepted so far has left; False if it did not in time."""
        deadline_s = time.monotonic() + timeout_s
        committed = threading.Event()
        self._commands.put(lambda outcome: outcome.flushed.append(committed))
        if not committed.wait(timeout_s):
            return False
        with self._changed:
            return self._changed.wait_for(lambda: self._counters.waiting == 0, max(0.0, deadline_s - time.monotonic()))

    def finish(self) -> None:
        """Let `run` return after what was asked before."""
        self._commands.put(None)

    def lock(self) -> None:
        """Keep the folder for this process.

        Raises:
            UnavailableError: another one has it.
        """
        self._shelter.lock()

    def unlock(self) -> None:
        """Let others have the folder, after `run` has returned."""
        self._shelter.unlock()

    def run(self, beat: Beat = no_beat) -> None:
        """Do everything asked, until `finish`; the body of the writer thread, which alone uses the database."""
        with self._shelter:
            self._carry_out([])
            finished = False
            while not finished:
                beat()
                batch = self._next_batch()
                finished = None in batch
                if self._shelter.retry():
                    self._ledger.look_back()
                self._carry_out([command for command in batch if command is not None])

    def _after_commit(self, action: Callable[[], object]) -> None:
        self._commands.put(lambda outcome: outcome.after.append(action))

    def _next_batch(self) -> list[_Command | None]:
        batch: list[_Command | None] = []
        try:
            batch.append(self._commands.get(timeout=self._seconds_to_upkeep()))
            while len(batch) < _MAX_BATCH and batch[-1] is not None:
                batch.append(self._commands.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _guarded(self, action: Callable[[], _Result]) -> _Result:
        """Do something with the store; once more after a fall back if the disk fails."""
        try:
            return action()
        except sqlite3.Error as error:
            self._shelter.fall_back(error)
            return action()

    def _seconds_to_upkeep(self) -> float:
        due = [self._shelter.seconds_to_retry(), self._ledger.seconds_to_expiry()]
        return min([_LONGEST_WAIT_S, *(seconds for seconds in due if seconds is not None)])

    def _carry_out(self, batch: list[_Command]) -> None:
        outcome = self._guarded(lambda: self._commit(batch))
        for action in outcome.after:
            action()
        for row in self._guarded(self._ledger.next_rows):
            self._outlet.hand(self._ledger.connection or 0, row, outcome.snapshots.get(row.seq))
        for message in outcome.retained:
            self._outlet.retain(message)
        for presence in outcome.presences:
            self._retain(self._labels.changed(presence))
        self._tell(outcome)
        for flushed in outcome.flushed:
            flushed.set()

    def _commit(self, batch: list[_Command]) -> Outcome:
        outcome = Outcome()
        expiry_is_due = self._ledger.seconds_to_expiry() == 0
        if batch or expiry_is_due:
            with self._shelter.store.transaction():
                for command in batch:
                    command(outcome)
                if expiry_is_due:
                    self._ledger.expire(outcome)
                self._ledger.drop_oldest(outcome)
        return outcome

    def _retain(self, told: list[Message]) -> None:
        for message in told:
            self._outlet.retain(message)

    def _tell(self, outcome: Outcome) -> None:
        before = self._counters
        with self._changed:
            self._counters = Counters(
                waiting=self._shelter.store.waiting,
                accepted_total=before.accepted_total + outcome.accepted,
                delivered_total=before.delivered_total + outcome.delivered,
                expired_total=before.expired_total + outcome.expired,
                dead_total=before.dead_total + outcome.dead,
                durable=self._shelter.durable,
            )
            self._changed.notify_all()
