"""A user's terminal: folder and variables that a command leaves are there for the next."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import wait_until

# bash waits for the command that Ctrl-C ends, as an interactive one does, and then writes down what is to be kept.
_SCRIPT = """
trap : INT
[ ! -e "$MEMORY/variables" ] || . "$MEMORY/variables"
{ eval "$1"; } 9>&-
code=$?
export -p > "$MEMORY/variables"
pwd > "$MEMORY/folder"
exit $code
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    command: str
    code: int
    said: str
    seconds: float

    def check(self) -> None:
        assert self.code == 0, f"{self.command}: exit code {self.code}, and it said:\n{self.said}"
        assert "Traceback" not in self.said, f"{self.command}: said\n{self.said}"


class Running:
    """A command that runs until it ends by itself or is told to."""

    def __init__(self, command: str, folder: Path, log: Path, variables: Mapping[str, str]) -> None:
        self.command = command
        self._log = log
        self._started_s = time.monotonic()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["bash", "-c", _SCRIPT, "bash", command],
                cwd=folder,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def end(self, timeout_s: float) -> Ran:
        """Wait for its end, and make one if it does not come."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise AssertionError(f"{self.command}: not done after {timeout_s:g} s; it said:\n{self.said()}") from None
        return Ran(self.command, code, self.said(), time.monotonic() - self._started_s)

    def wait_for(self, expected: str, timeout_s: float) -> None:
        """Wait until it has said it, or has ended."""
        wait_until(lambda: re.search(expected, self.said()) or self._process.poll() is not None, timeout_s)

    def interrupt(self, timeout_s: float = 20) -> Ran:
        """Type Ctrl-C."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        return self.end(timeout_s)


class Terminal:
    """Runs one command after another.

    Args:
        folder: where it begins.
        memory: an empty folder for what it must remember.
        variables: the environment it begins with.
    """

    def __init__(self, folder: Path, memory: Path, variables: Mapping[str, str]) -> None:
        self._memory = memory
        self._count = 0
        self._variables = dict(variables) | {"MEMORY": str(memory)}
        self.go_to(folder)

    @property
    def folder(self) -> Path:
        return Path((self._memory / "folder").read_text().rstrip("\n"))

    def go_to(self, folder: Path) -> None:
        (self._memory / "folder").write_text(f"{folder}\n")

    def start(self, command: str) -> Running:
        self._count += 1
        return Running(command, self.folder, self._memory / f"{self._count}.log", self._variables)

    def run(self, command: str, timeout_s: float) -> Ran:
        return self.start(command).end(timeout_s)

    def run_until(self, command: str, expected: str, timeout_s: float) -> Ran:
        """Run until it has said something that matches `expected`, then type Ctrl-C."""
        running = self.start(command)
        try:
            running.wait_for(expected, timeout_s)
        finally:
            ran = running.interrupt()
        assert re.search(expected, ran.said), f"{command}: did not say {expected!r} but:\n{ran.said}"
        return ran
