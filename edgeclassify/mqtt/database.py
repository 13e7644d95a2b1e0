"""The outbox's SQLite file: opened, checked, or set aside when it cannot be trusted."""

from __future__ import annotations

import errno
import logging
import secrets
import sqlite3
import string
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE meta (only INTEGER PRIMARY KEY CHECK (only = 1), epoch TEXT NOT NULL, last_id INTEGER NOT NULL) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, epoch TEXT NOT NULL, id INTEGER NOT NULL, topic TEXT NOT NULL, body TEXT NOT NULL,
    boot_id TEXT NOT NULL, boot_s REAL NOT NULL, wall_s REAL NOT NULL) STRICT;
CREATE TABLE presences (
    camera TEXT NOT NULL, label TEXT NOT NULL, label_index INTEGER NOT NULL, epoch TEXT NOT NULL, id INTEGER NOT NULL,
    started_s REAL NOT NULL, best_score REAL NOT NULL, model TEXT NOT NULL, accelerator TEXT NOT NULL,
    PRIMARY KEY (camera, label, label_index)) STRICT;
CREATE TABLE dead (
    seq INTEGER PRIMARY KEY, epoch TEXT NOT NULL, id INTEGER NOT NULL, topic TEXT NOT NULL, body TEXT NOT NULL,
    reason TEXT NOT NULL, wall_s REAL NOT NULL) STRICT;
"""
_TABLES = ("meta", "events", "presences", "dead")
_BUSY_TIMEOUT_S = 1.0
_EPOCH_ALPHABET = string.digits + string.ascii_lowercase
# SQLITE_ERROR is what a missing table or column gives; full, read-only, busy and I/O errors are not damage.
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_CONSTRAINT,
}


class DamagedError(sqlite3.DatabaseError):
    """The file holds something else than a sound database of ours."""


class NewerSchemaError(DamagedError):
    """The file was written by a newer version."""


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the file's content is at fault, not the disk it lies on."""
    if isinstance(error, DamagedError):
        return True
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def new_epoch() -> str:
    """Return a name for a run of ids, like `k3f9`."""
    return "".join(secrets.choice(_EPOCH_ALPHABET) for _ in range(4))


def open_memory() -> sqlite3.Connection:
    """Return an empty database that is lost with the process."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _create(connection)
    return connection


def open_file(path: Path) -> sqlite3.Connection:
    """Return the database of a file, made new if it is not there or had to be set aside.

    Raises:
        sqlite3.Error, OSError: it cannot be written now.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        if path.exists() and not path.is_file():
            raise DamagedError("not a file")
        return _connect(path)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        aside = set_aside(path, "newer" if isinstance(error, NewerSchemaError) else "corrupt")
        log.error("outbox %s: cannot be used (%s); kept as %s, a new one is begun", path, error, aside.name)
    return _connect(path)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database that cannot be written, as far as it can be read.

    Raises:
        FileNotFoundError: there is nothing in it.
        sqlite3.Error, OSError: it cannot be read either.
    """
    size = path.stat().st_size  # SQLite's own message does not say that a file is missing
    log_beside = path.with_name(path.name + "-wal")
    ways = ["mode=ro"]
    if not log_beside.exists() or not log_beside.stat().st_size:
        if size == 0:
            # A disk without room for the first page: nothing was ever in it.
            raise FileNotFoundError(errno.ENOENT, "holds nothing yet", str(path))
        # Without a log, the file alone is everything, and can be read where SQLite can make no index for a log.
        ways.append("mode=ro&immutable=1")
    for way in ways:
        uri = f"{path.absolute().as_uri()}?{way}"
        with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            try:
                connection.execute("SELECT epoch FROM meta").fetchone()
            except sqlite3.Error:
                if way == ways[-1]:
                    raise
                continue
            yield connection
            return


def set_aside(path: Path, kind: str) -> Path:
    """Rename a database and what belongs to it to a name that is not taken; nothing is deleted.

    Raises:
        OSError: the folder cannot be written.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    names = [f"{path.stem}.{kind}-{stamp}{more}{path.suffix}" for more in ("", *(f"-{n}" for n in range(2, 100)))]
    aside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    path.rename(aside)
    for suffix in ("-wal", "-shm", "-journal"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    return aside


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _check(connection)
        # Accepted means on disk: the log is synchronized at every commit.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            _create(connection)
        # A read-only file or folder shows only when something is to be written.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE meta SET last_id = last_id")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    problems = connection.execute("PRAGMA quick_check(1)").fetchone()
    if problems != ("ok",):
        raise DamagedError(str(problems and problems[0]))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(f"written by a newer version, schema {version}; this one knows {SCHEMA_VERSION}")
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version == 0:
        if tables:
            raise DamagedError("a database of something else")
        return
    for table in _TABLES:
        connection.execute(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608 (our own names)
    if connection.execute("SELECT count(*) FROM meta").fetchone() != (1,):
        raise DamagedError("it has lost its epoch")


def _create(connection: sqlite3.Connection) -> None:
    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}; PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("INSERT INTO meta VALUES (1, ?, 0)", (new_epoch(),))
    connection.execute("COMMIT")
