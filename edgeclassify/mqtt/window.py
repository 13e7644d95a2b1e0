"""Which events are on their way to the broker, and which of them the broker cannot stand. No input or output."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from edgeclassify.mqtt.store import Row

_SIZE = 20
_KILLS = 3
_KILL_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class _Sent:
    row: Row
    at_s: float


@dataclass(slots=True)
class _Suspect:
    """The oldest event under way when the broker hung up; until it is through, it is sent alone."""

    seq: int
    kills: int = 0


class Window:
    """At most 20 events under way, in order. Used by one thread."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Row, bytes | None]] = deque()
        self._sent: dict[int, _Sent] = {}
        self._limit = _SIZE
        self._suspect: _Suspect | None = None

    def begin(self, receive_maximum: int) -> None:
        """Forget what was under way: a new connection gets everything again."""
        self._waiting.clear()
        self._sent.clear()
        self._limit = max(1, min(_SIZE, receive_maximum - 1))  # one for our own status

    def offer(self, row: Row, snapshot: bytes | None) -> None:
        """Put an event behind the others; its snapshot counts only if none are before it."""
        is_next = not self._waiting and len(self._sent) < self._limit
        self._waiting.append((row, snapshot if is_next else None))

    def next(self) -> tuple[Row, bytes | None] | None:
        """Return the event to send now; None when none is, or too many are under way."""
        if not self._waiting:
            return None
        row, snapshot = self._waiting[0]
        if not self._sent and self._suspect and self._suspect.seq != row.seq:
            self._suspect = None
        if len(self._sent) >= (1 if self._suspect else self._limit):
            return None
        self._waiting.popleft()
        return row, snapshot

    def sent(self, packet_id: int, row: Row) -> None:
        """Note that an event is under way."""
        self._sent[packet_id] = _Sent(row, time.monotonic())

    def acknowledged(self, packet_id: int) -> Row | None:
        """Take an event off; None if the packet was none of ours."""
        sent = self._sent.pop(packet_id, None)
        if sent is None:
            return None
        if self._suspect and self._suspect.seq == sent.row.seq:
            self._suspect = None
        return sent.row

    def oldest_age_s(self) -> float:
        """Return for how long the oldest event has been under way; 0 when none is."""
        return time.monotonic() - next(iter(self._sent.values())).at_s if self._sent else 0.0

    def hung_up(self) -> Row | None:
        """Note that the broker closed the connection; return an event that must be the reason.

        That is one that was alone under way, three times in a row, each time on a connection that had just worked.
        """
        oldest = next(iter(self._sent.values()), None)
        if oldest is None:
            return None
        if self._suspect is None or self._suspect.seq != oldest.row.seq:
            self._suspect = _Suspect(oldest.row.seq)
        if len(self._sent) == 1 and time.monotonic() - oldest.at_s <= _KILL_WITHIN_S:
            self._suspect.kills += 1
        return oldest.row if self._suspect.kills >= _KILLS else None
