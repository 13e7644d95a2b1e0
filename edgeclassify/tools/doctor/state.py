"""The folder of what survives a restart: who uses it, whether it can be written, what waits in it."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeclassify.mqtt.database import reading
from edgeclassify.mqtt.state_dir import lock_holder
from edgeclassify.tools.doctor.findings import Finding, Part
from edgeclassify.tools.doctor.machine import Machine

PART = Part("state_dir")

_LITTLE_MB, _TOO_LITTLE_MB = 200, 20
_FEW_INODES, _TOO_FEW_INODES = 1000, 50
_MAKE_ROOM = "remove what is not needed: see what takes space with: sudo du -xh / | sort -h | tail"


def running_daemon(folder: Path, machine: Machine) -> int | None:
    """Return the process id of the daemon that has this folder locked, 0 if it is not known; None when none has.

    Where this user may not look into the folder, it is any daemon of this machine.
    """
    try:
        return lock_holder(folder)
    except PermissionError:
        return machine.find_daemon()


def check_state(folder: Path, daemon: int | None) -> Iterator[Finding]:
    """Yield what is to be said of the folder and the disk that it lies on."""
    if daemon is None:
        yield PART.ok("daemon", "none runs on this configuration now")
    else:
        yield PART.ok("daemon", f"in use by the running daemon (pid {daemon or 'unknown'})")
    try:
        yield _written(folder)
        yield from _disk(_existing(folder))
    except OSError as error:
        if isinstance(error, PermissionError) and daemon is not None:
            yield PART.skip("folder", f"{folder}: only for the daemon's own user; {_advice(folder, error)}")
        else:
            yield PART.fail("folder", f"{folder}: {error.strerror}", _advice(folder, error))
        return
    yield from _outbox(folder)
    if aside := sorted(file.name for file in folder.glob("outbox.corrupt-*.db")):
        yield PART.warn(
            "outbox set aside",
            f"{len(aside)} damaged databases were set aside, the last is {aside[-1]}",
            f"check the SD card and the power supply; when you no longer want them: rm {folder}/outbox.corrupt-*",
        )


def _advice(folder: Path, error: OSError) -> str:
    """Return what helps when a folder cannot be written: often it is the service's, not ours."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _MAKE_ROOM
    if error.errno == errno.EROFS:
        return "an SD card that fails is often mounted read-only: look with: dmesg | grep -i -e mmc -e ext4; replace it"
    try:
        owner, is_ours = folder.owner(), folder.stat().st_uid == os.geteuid()
    except (OSError, KeyError):
        return "set state_dir: to a folder that this user may write"
    if not is_ours:
        return f"it is {owner}'s: run: sudo -u {owner} edgeclassify doctor, or set state_dir: to a folder of your own"
    return f"run: chmod u+rwx {folder}, or set state_dir: to a folder that can be written"


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _written(folder: Path) -> Finding:
    """Write a file of 4 kB, where the folder is or will be made.

    Raises:
        OSError: that does not work.
    """
    there = _existing(folder)
    with tempfile.NamedTemporaryFile(dir=there, prefix=".doctor-") as file:
        file.write(bytes(4096))
        file.flush()
        os.fsync(file.fileno())
    return PART.ok("folder", f"{folder} can be written" if there == folder else f"{folder} can be made")


def _disk(folder: Path) -> Iterator[Finding]:
    disk = os.statvfs(folder)
    free_mb = disk.f_bavail * disk.f_frsize / 1e6
    text = f"{free_mb:.0f} MB free"
    if free_mb < _TOO_LITTLE_MB:
        yield PART.fail("disk", text, _MAKE_ROOM)
    elif free_mb < _LITTLE_MB:
        yield PART.warn("disk", text, _MAKE_ROOM)
    else:
        yield PART.ok("disk", text)
    if not disk.f_files:
        return  # a file system that makes them as they are needed
    text = f"{disk.f_favail} inodes free"
    if disk.f_favail < _TOO_FEW_INODES:
        yield PART.fail("inodes", text, "remove folders with many small files")
    elif disk.f_favail < _FEW_INODES:
        yield PART.warn("inodes", text, "remove folders with many small files")
    else:
        yield PART.ok("inodes", text)


def _outbox(folder: Path) -> Iterator[Finding]:
    path = folder / "outbox.db"
    if not path.exists():
        yield PART.skip("outbox", "there is none yet; the daemon makes it")
        return
    try:
        with reading(path) as database:
            (sound,) = database.execute("PRAGMA quick_check(1)").fetchone()
            (waiting,) = database.execute("SELECT count(*) FROM events").fetchone()
            (dead,) = database.execute("SELECT count(*) FROM dead").fetchone()
    except (sqlite3.Error, OSError) as error:
        yield PART.fail("outbox", f"{path}: cannot be read ({error})", _outbox_advice(path))
        return
    if sound != "ok":
        yield PART.fail("outbox", f"{path}: is damaged ({sound})", _outbox_advice(path))
    elif dead:
        yield PART.warn(
            "outbox", f"{waiting} events wait, {dead} were refused by the broker", "look into the broker's log"
        )
    else:
        yield PART.ok("outbox", f"{waiting} events wait for the broker")


def _outbox_advice(path: Path) -> str:
    return f"restart the daemon: a damaged one is set aside and a new one begun; if it may not be read: ls -l {path}"
