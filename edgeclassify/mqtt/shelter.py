"""Where the outbox's store lives: in its file, or in memory for as long as the disk cannot be written."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from edgeclassify.errors import UnavailableError
from edgeclassify.mqtt import database
from edgeclassify.mqtt.state_dir import lock_state_dir
from edgeclassify.mqtt.store import Contents, Store

log = logging.getLogger(__name__)

_FILE_NAME = "outbox.db"


class Shelter:
    """The one store that is in use. `lock` and `unlock` are for the thread that starts it, the rest for its owner.

    Args:
        folder: the state_dir; None keeps everything in memory, which is then no fault.
        retry_seconds: how often a disk that failed is tried again.
    """

    def __init__(self, folder: Path | None, retry_seconds: float) -> None:
        self._folder = folder
        self._retry_seconds = retry_seconds
        self._retry_at_s = 0.0
        self._lock: ExitStack | None = None
        self._store: Store | None = None
        # Whether what the file holds is in memory too; only then may it be overwritten.
        self._file_is_known = False
        self.durable = False

    @property
    def store(self) -> Store:
        """The store as it is now; another one after `fall_back` and `retry`."""
        assert self._store is not None, "it was not entered"
        return self._store

    def lock(self) -> None:
        """Keep the folder for this process; one that cannot be written is tried again later.

        Raises:
            UnavailableError: another process has it.
        """
        if self._folder is None or self._lock is not None:
            return
        lock = ExitStack()
        try:
            lock.enter_context(lock_state_dir(self._folder))
        except UnavailableError:
            raise
        except OSError as error:
            log.debug("state_dir %s: cannot be locked (%s)", self._folder, error)
        else:
            self._lock = lock

    def unlock(self) -> None:
        """Let others have the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        if self._folder is None:
            self._store = Store(database.open_memory())
            return self
        try:
            self._store = self._open_file(self._folder)
        except (sqlite3.Error, OSError) as error:
            self._store = Store(database.open_memory())
            self._use_memory(self._readable(self._folder), error)
        else:
            self.durable = True
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def fall_back(self, error: sqlite3.Error) -> None:
        """Go on after `error`: in a new file if only the old one was damaged, else in memory.

        Raises:
            sqlite3.Error: `error`, if the store is in memory already.
        """
        if not self.durable or self._folder is None:
            raise error
        contents = self.store.contents()
        self.store.close()
        try:
            if not database.is_damage(error):
                raise error
            path = self._folder / _FILE_NAME
            aside = database.set_aside(path, "corrupt")
            log.error("outbox %s: damaged (%s); kept as %s, what could be read goes on", path, error, aside.name)
            self._move_to(self._open_file(self._folder), contents)
        except (sqlite3.Error, OSError) as failure:
            self._store = Store(database.open_memory())
            self._use_memory(contents, failure)

    def seconds_to_retry(self) -> float | None:
        """Return when `retry` is due; None while nothing is wrong."""
        if self.durable or self._folder is None:
            return None
        return max(0.0, self._retry_at_s - time.monotonic())

    def retry(self) -> bool:
        """Move back to the file, if that is due and works by now; True if older events turned up there."""
        if self._folder is None or self.seconds_to_retry() != 0:
            return False
        self._retry_at_s = time.monotonic() + self._retry_seconds
        memory = self.store
        try:
            file = self._open_file(self._folder)
        except (sqlite3.Error, OSError) as error:
            log.debug("outbox %s: still cannot be written (%s)", self._folder, error)
            return False
        try:
            contents = memory.contents()
            self._move_to(file, contents if self._file_is_known else _before(file.contents(), contents))
        except sqlite3.Error as error:
            log.debug("outbox %s: still cannot be written (%s)", self._folder, error)
            file.close()
            return False
        memory.close()
        self.durable = True
        log.info("outbox %s: can be written again; %d events moved there", self._folder, self.store.waiting)
        return not self._file_is_known

    def _open_file(self, folder: Path) -> Store:
        self.lock()
        if self._lock is None:
            raise OSError("the folder cannot be written")
        return Store(database.open_file(folder / _FILE_NAME))

    def _move_to(self, store: Store, contents: Contents) -> None:
        store.replace_contents(contents)
        self._store = store

    def _use_memory(self, contents: Contents | None, error: Exception) -> None:
        self._file_is_known = contents is not None and contents.is_complete
        self.store.replace_contents(contents or Contents())
        self.durable = False
        self._retry_at_s = time.monotonic() + self._retry_seconds
        log.error(
            "outbox %s: cannot be written (%s); events are kept in memory, lost if this process ends; "
            "free space or make it writable: it is tried again every %g s",
            self._folder, error, self._retry_seconds,
        )  # fmt: skip

    def _readable(self, folder: Path) -> Contents | None:
        """Return what a file holds that cannot be written; None if it cannot be read either."""
        path = folder / _FILE_NAME
        try:
            with database.reading(path) as connection:
                return Store(connection).contents()
        except (FileNotFoundError, NotADirectoryError):
            return Contents()
        except (sqlite3.Error, OSError) as error:
            log.error("outbox %s: what waits there cannot be read now (%s)", path, error)
            return None


def _before(older: Contents, newer: Contents) -> Contents:
    """Return both; the rows of `older` are renumbered to come before those of `newer`, which keep their numbers."""
    first = min((row.seq for row in newer.rows), default=newer.next_seq)
    shift = first - older.next_seq
    known_rows = {(row.epoch, row.id) for row in newer.rows}
    rows = [replace(row, seq=row.seq + shift) for row in older.rows if (row.epoch, row.id) not in known_rows]
    dead = [(int(str(seq)) + shift, *rest) for seq, *rest in older.dead]
    known = {(presence.camera, presence.label, presence.index) for presence in newer.presences}
    presences = [p for p in older.presences if (p.camera, p.label, p.index) not in known]
    kept = {seq for seq, *_ in newer.dead}
    dead = [letter for letter in dead if letter[0] not in kept]
    return Contents([*rows, *newer.rows], [*presences, *newer.presences], [*dead, *newer.dead], newer.next_seq)
