"""The features of pictures that were looked at before, so that a second run is instant, and a broken one goes on."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from edgeclassify.inference.head import Array

_COMMIT_EVERY = 50
_MAKE = """
CREATE TABLE IF NOT EXISTS features (backbone TEXT, picture TEXT, row BLOB, PRIMARY KEY (backbone, picture));
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, state TEXT, sha256 TEXT);
"""
_SETTLED_NS = 2_000_000_000  # a file that was written just now may be written again without a newer time


def cache_file() -> Path:
    """Return where they are kept: in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "edgeclassify/features.sqlite"


class FeatureCache:
    """Features by backbone and checksum of the picture's file. Where it cannot be kept, nothing is."""

    def __init__(self, database: sqlite3.Connection | None, backbone: str) -> None:
        self._database = database
        self._backbone = backbone
        self._waiting = 0

    def get(self, picture: str) -> Array | None:
        """Return what is kept of a picture."""
        if self._database is None:
            return None
        query = "SELECT row FROM features WHERE backbone = ? AND picture = ?"
        try:
            found = self._database.execute(query, (self._backbone, picture)).fetchone()
            return None if found is None else np.frombuffer(found[0], np.float16).astype(np.float32)
        except (sqlite3.Error, ValueError):
            return None

    def sha256_of(self, path: Path) -> str:
        """Return the checksum of a file; one whose size and times are what they were is not read again.

        Raises:
            OSError: it cannot be read.
        """
        status = path.stat()
        state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        name = os.fsencode(path.absolute()).hex()
        if self._database is not None:
            with suppress(sqlite3.Error):
                query = "SELECT sha256 FROM files WHERE path = ? AND state = ?"
                if found := self._database.execute(query, (name, state)).fetchone():
                    return str(found[0])
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS:
            self._keep("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (name, state, sha256))
        return sha256

    def put(self, picture: str, features: Array) -> None:
        """Keep the features of a picture."""
        row = (self._backbone, picture, features.astype(np.float16).tobytes())
        self._keep("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", row)

    def _keep(self, statement: str, row: tuple[str, str, str | bytes]) -> None:
        if self._database is None:
            return
        try:
            self._database.execute(statement, row)
            self._waiting += 1
            if self._waiting % _COMMIT_EVERY == 0:
                self._database.commit()
        except sqlite3.Error:  # the disk is full, say: then it takes its time again
            self._database = None


@contextmanager
def open_cache(backbone: str) -> Iterator[FeatureCache]:
    """Open the cache for one backbone, named by its checksum; what was put is kept also when this is broken off."""
    database = None
    try:
        path = cache_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=2)
        database.executescript(_MAKE)
    except (OSError, RuntimeError, sqlite3.Error):
        if database is not None:
            database.close()
        database = None
    try:
        yield FeatureCache(database, backbone)
    finally:
        if database is not None:
            with suppress(sqlite3.Error):
                database.commit()
            database.close()
