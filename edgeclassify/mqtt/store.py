"""What the outbox keeps: events that wait, presences that are open, letters that are dead. One thread owns it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from edgeclassify.mqtt.clock import CLOCK_UNSET_BEFORE_S, Instant
from edgeclassify.mqtt.database import new_epoch

log = logging.getLogger(__name__)

_GROUP = -1  # the index of a group, which SQL could not compare if it were NULL
_MAX_DEAD = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One accepted event."""

    seq: int
    """The order of acceptance, over all epochs; never used twice by one process."""
    epoch: str
    id: int
    topic: str
    body: str
    accepted: Instant


@dataclass(frozen=True, slots=True)
class OpenPresence:
    """An `appeared` whose `gone` is still to come."""

    camera: str
    label: str
    index: int | None
    epoch: str
    id: int
    started_s: float
    best_score: float
    """As far as it was written: the score of its `appeared`."""
    model: str
    accelerator: str

    @property
    def event_id(self) -> str:
        """The id as events carry it."""
        return padded(self.id)


@dataclass(frozen=True, slots=True)
class Contents:
    """All that moves when the outbox moves to another database."""

    rows: Sequence[Row] = ()
    presences: Sequence[OpenPresence] = ()
    dead: Sequence[tuple[object, ...]] = ()
    next_seq: int = 1
    is_complete: bool = True
    """Whether all of it could be read."""


def padded(event_id: int) -> str:
    """Return an id that sorts as text."""
    return f"{event_id:010d}"


class Store:
    """The tables over one connection; every change belongs inside `transaction()`.

    After an error inside a transaction it must not be used again, except to read its contents.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.epoch, self._last_id = connection.execute("SELECT epoch, last_id FROM meta").fetchone()
        newest, self.waiting = connection.execute("SELECT coalesce(max(seq), 0), count(*) FROM events").fetchone()
        (newest_dead,) = connection.execute("SELECT coalesce(max(seq), 0) FROM dead").fetchone()
        self.next_seq: int = max(newest, newest_dead) + 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything that the block changes, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def add(self, topic: str, body_of: Callable[[str, str], str], accepted: Instant) -> Row:
        """Append an event; `body_of(epoch, id)` gives its JSON.

        Raises:
            ValueError: from `body_of`; no id is used up.
        """
        event_id = self._last_id + 1
        row = Row(self.next_seq, self.epoch, event_id, topic, body_of(self.epoch, padded(event_id)), accepted)
        self._insert([row])
        self._db.execute("UPDATE meta SET last_id = ?", (event_id,))
        self._last_id, self.next_seq, self.waiting = event_id, self.next_seq + 1, self.waiting + 1
        return row

    def rows_after(self, seq: int, limit: int) -> list[Row]:
        """Return the oldest events that come after `seq`."""
        found = self._db.execute("SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
        return [_row(values) for values in found]

    def delete(self, seqs: Iterable[int]) -> int:
        """Delete events and return how many of them were there."""
        deleted = sum(self._db.execute("DELETE FROM events WHERE seq = ?", (seq,)).rowcount for seq in seqs)
        self.waiting -= deleted
        return deleted

    def delete_oldest(self, after_seq: int, count: int) -> int:
        """Delete the oldest `count` events that come after `after_seq`; return how many there were."""
        found = self._db.execute(
            "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?)",
            (after_seq, count),
        )
        self.waiting -= found.rowcount
        return found.rowcount

    def delete_expired(self, after_seq: int, max_age_s: float, now: Instant) -> int:
        """Delete the events after `after_seq` that are older than `max_age_s`; return how many."""
        found = self._db.execute(
            "DELETE FROM events WHERE seq > ? AND CASE boot_id WHEN ? THEN boot_s < ? ELSE wall_s BETWEEN ? AND ? END",
            (after_seq, now.boot_id, now.boot_s - max_age_s, CLOCK_UNSET_BEFORE_S, now.wall_s - max_age_s),
        )
        self.waiting -= found.rowcount
        return found.rowcount

    def bury(self, seq: int, reason: str, now: Instant) -> bool:
        """Move an event to the dead letters, of which the newest are kept; False if it was not there."""
        buried = self._db.execute(
            "INSERT OR REPLACE INTO dead SELECT seq, epoch, id, topic, body, ?, ? FROM events WHERE seq = ?",
            (reason, now.wall_s, seq),
        ).rowcount
        self._db.execute(
            "DELETE FROM dead WHERE seq <= (SELECT seq FROM dead ORDER BY seq DESC LIMIT 1 OFFSET ?)", (_MAX_DEAD,)
        )
        self.delete([seq])
        return buried > 0

    def open_presence(self, presence: OpenPresence) -> None:
        """Remember an `appeared`."""
        self._insert_presences([presence])

    def presence(self, camera: str, label: str, index: int | None) -> OpenPresence | None:
        """Return the open presence of a label."""
        key = (camera, label, _GROUP if index is None else index)
        found = self._presences("WHERE camera = ? AND label = ? AND label_index = ?", key)
        return found[0] if found else None

    def presences(self) -> list[OpenPresence]:
        """Return all open presences, the oldest first."""
        return self._presences("ORDER BY started_s, id")

    def close_presence(self, presence: OpenPresence) -> None:
        """Forget an `appeared` whose `gone` was added."""
        index = _GROUP if presence.index is None else presence.index
        self._db.execute(
            "DELETE FROM presences WHERE camera = ? AND label = ? AND label_index = ?",
            (presence.camera, presence.label, index),
        )

    def contents(self) -> Contents:
        """Return everything that can be read, for another database; what is damaged is left out."""
        rows: list[Row] = []
        presences: list[OpenPresence] = []
        dead: list[tuple[object, ...]] = []
        is_complete = True
        try:
            # Row by row: on a damaged page, what comes before it is still good.
            rows.extend(_row(values) for values in self._db.execute("SELECT * FROM events ORDER BY seq"))
            presences = self.presences()
            dead = self._db.execute("SELECT * FROM dead ORDER BY seq").fetchall()
        except sqlite3.Error as error:
            log.error("outbox: not everything that waited can be read (%s)", error)
            is_complete = False
        return Contents(rows, presences, dead, self.next_seq, is_complete)

    def replace_contents(self, contents: Contents) -> None:
        """Put `contents` in the place of everything here; new events get a new epoch."""
        with self.transaction():
            for table in ("events", "presences", "dead"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 (our own names)
            self._insert(contents.rows)
            self._insert_presences(contents.presences)
            self._db.executemany("INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?)", contents.dead)
            epoch = new_epoch()
            self._db.execute("UPDATE meta SET epoch = ?, last_id = 0", (epoch,))
        self.epoch, self._last_id, self.waiting = epoch, 0, len(contents.rows)
        self.next_seq = max(self.next_seq, contents.next_seq)

    def _insert(self, rows: Iterable[Row]) -> None:
        self._db.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r.seq, r.epoch, r.id, r.topic, r.body, r.accepted.boot_id, r.accepted.boot_s, r.accepted.wall_s)
                for r in rows
            ],
        )

    def _insert_presences(self, presences: Iterable[OpenPresence]) -> None:
        self._db.executemany(
            "INSERT INTO presences VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (p.camera, p.label, _GROUP if p.index is None else p.index, p.epoch, p.id, p.started_s, p.best_score,
                 p.model, p.accelerator)
                for p in presences
            ],
        )  # fmt: skip

    def _presences(self, which: str, parameters: tuple[object, ...] = ()) -> list[OpenPresence]:
        found = self._db.execute("SELECT * FROM presences " + which, parameters)  # noqa: S608 (our own words)
        return [OpenPresence(c, label, None if i == _GROUP else i, *more) for c, label, i, *more in found]


def _row(values: tuple[int, str, int, str, str, str, float, float]) -> Row:
    seq, epoch, event_id, topic, body, boot_id, boot_s, wall_s = values
    return Row(seq, epoch, event_id, topic, body, Instant(boot_id, boot_s, wall_s))
