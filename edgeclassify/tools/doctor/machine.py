"""The machine that is examined, and who holds its devices; tests give it folders of their own."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from edgeclassify.inference import devices

_COMMAND_S = 5.0


@dataclass(frozen=True)
class Holder:
    """A process that has a device open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


@dataclass(frozen=True)
class Machine:
    """Where the kernel tells of itself: sys, dev, proc and run below `root`."""

    root: Path = field(default_factory=devices.root)
    page_bytes: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE"))

    def text(self, path: str | Path) -> str:
        """Return what a file below the root holds, stripped; empty when it cannot be read."""
        try:
            return (self.root / path).read_text(errors="replace").strip("\0 \n\t")
        except OSError:
            return ""

    def number(self, path: str | Path, base: int = 10) -> int | None:
        """Return a number that the kernel tells; None when it does not."""
        try:
            return int(self.text(path), base)
        except ValueError:
            return None

    def holders(self, device: Path) -> list[Holder]:
        """Return who has a device open, as far as this user may see it."""
        wanted = device.resolve()
        pids = sorted(int(folder.name) for folder in (self.root / "proc").glob("[0-9]*"))
        return [
            Holder(pid, self.text(f"proc/{pid}/comm") or "a process")
            for pid in pids
            if pid != os.getpid() and any(_target(link) == wanted for link in _links(self.root / f"proc/{pid}/fd"))
        ]

    def may_look_into(self, pid: int) -> bool:
        """Whether this user may see what a process has open."""
        return os.access(self.root / f"proc/{pid}/fd", os.R_OK | os.X_OK, effective_ids=True)

    def find_daemon(self) -> int | None:
        """Return a process that was started as `edgeclassify run`, whoever it belongs to."""
        for folder in (self.root / "proc").glob("[0-9]*"):
            words = self.text(folder / "cmdline").split("\0")
            if "run" in words and "edgeclassify" in (word.rpartition("/")[2] for word in words):
                return int(folder.name)
        return None

    def family(self, pid: int) -> set[int]:
        """Return a process and its children, as far down as there are some."""
        parents: dict[int, int] = {}
        for folder in (self.root / "proc").glob("[0-9]*"):
            # The name stands in brackets and may hold anything; the parent is the second field behind it.
            fields = self.text(folder / "stat").rpartition(")")[2].split()
            if len(fields) > 1:
                parents[int(folder.name)] = int(fields[1])
        family = {pid}
        while more := {child for child, parent in parents.items() if parent in family} - family:
            family |= more
        return family


def may_use(device: Path) -> bool:
    """Whether this user may read and write a device."""
    return os.access(device, os.R_OK | os.W_OK, effective_ids=True)


def access_of(device: Path) -> str:
    """Return owner, group and mode of a device: `root:video 0660`."""
    try:
        status = device.stat()
        return f"{device.owner()}:{device.group()} {stat.S_IMODE(status.st_mode):04o}"
    except (OSError, KeyError):
        return "of unknown access"


def output_of(*command: str) -> str:
    """Return what a command of the system prints; empty when it is missing, fails or hangs."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COMMAND_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _links(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # another user's process, or one that has just ended
        return []


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None
