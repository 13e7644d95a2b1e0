"""The folder that pulled models lie in: one pull at a time, and no file there is ever half a model."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edgeclassify import resources
from edgeclassify.errors import UnavailableError

# Left on the disk beside the file itself, so that nothing else fails for want of it.
_SPARE_BYTES = 5_000_000
_KEEP_PARTS_S = 7 * 24 * 3600


def pulled_folder() -> Path:
    """Return the folder that models are pulled to.

    Raises:
        UnavailableError: this user has no home and no variable names a folder.
    """
    try:
        return resources.pulled_models().absolute()
    except RuntimeError as error:
        raise UnavailableError(
            f"models: the home folder is not known ({error}); set EDGECLASSIFY_MODELS to a folder"
        ) from error


@contextlib.contextmanager
def locked(folder: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Make the folder if it is missing and keep it for this process; another pull is waited for.

    Raises:
        UnavailableError: it cannot be made, written or locked.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with storage_errors(folder):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note(f"another pull is busy in {folder}; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            _remove_old_parts(folder)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file or folder of ours into UnavailableError that says what to do."""
    try:
        yield
    except UnavailableError:
        raise
    except OSError as error:
        where = error.filename or path
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UnavailableError(f"{where}: the disk is full; free some space and pull again") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UnavailableError(
                f"{where}: may not be written ({error.strerror}); "
                "run as its owner, or set EDGECLASSIFY_MODELS to another folder"
            ) from error
        raise UnavailableError(
            f"{where}: cannot be used ({error.strerror or error}); "
            "mend it, or set EDGECLASSIFY_MODELS to a folder that can be written"
        ) from error


def check_space(folder: Path, needed_bytes: int) -> None:
    """Raise UnavailableError when the disk has no room for so much more."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + _SPARE_BYTES:
        raise UnavailableError(
            f"{folder}: {(needed_bytes + _SPARE_BYTES) / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB are free; "
            "free some space, or set EDGECLASSIFY_MODELS to a folder on another disk"
        )


def part_path(folder: Path, name: str, key: str) -> Path:
    """Return where a file is built up; `key` stands for its content, so that only the same one goes on there."""
    return folder / f".{name}.{key}.part"


def unfinished(folder: Path) -> list[Path]:
    """Return the partial files there."""
    return sorted(folder.glob(".*.part"))


def _remove_old_parts(folder: Path) -> None:
    oldest_s = time.time() - _KEEP_PARTS_S
    for part in unfinished(folder):
        if part.stat().st_mtime < oldest_s:
            part.unlink()
