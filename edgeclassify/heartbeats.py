"""Whether every loop of the daemon goes on: each notes its progress here, and the watchdog looks.

A loop beats in each round, also when there was nothing to do: its waits have timeouts. So a camera that is away or a
broker that is down stops nothing, but what hangs, waits for ever or deadlocks is noticed.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

HANG_VARIABLE = "EDGECLASSIFY_TEST_HANG"
"""`LOOP:SECONDS` lets a loop hang on purpose after so long, and gives it no longer than that; for tests."""
INTERPRETER = "interpreter"
_ASKED = re.compile(r"([a-z0-9_-]+):(\d{1,6}(?:\.\d+)?)")
_FOR_EVER_S = 2**31 - 1

Beat = Callable[[], None]
"""Notes that a loop goes on."""


def no_beat() -> None:
    """Note nothing: nobody looks."""


@dataclass(slots=True)
class _Loop:
    limit_s: float
    beaten_s: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A loop that has made no progress for too long."""

    name: str
    silent_s: float
    limit_s: float


class Heartbeats:
    """Written by each loop, read by the watchdog."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._loops: dict[str, _Loop] = {}
        asked = _ASKED.fullmatch(environment.get(HANG_VARIABLE, ""))
        self._to_hang, self._hang_after_s = (asked[1], float(asked[2])) if asked else ("", 0.0)
        if asked:
            log.warning("$%s: %s will hang on purpose after %s s", HANG_VARIABLE, asked[1], asked[2])
        self._started_s = time.monotonic()

    @contextmanager
    def watched(self, name: str, limit_s: float) -> Iterator[Beat]:
        """Look after the loop that runs in this block; what it gets is to be called at least every `limit_s`."""
        loop = self._loops[name] = _Loop(self._hang_after_s if name == self._to_hang else limit_s)

        def beat() -> None:
            loop.beaten_s = time.monotonic()
            if self._to_hang and loop.beaten_s - self._started_s > self._hang_after_s:
                self._hang(name)

        try:
            yield beat
        finally:
            self._loops.pop(name, None)

    def overdue(self) -> list[Overdue]:
        """Return the loops that do not go on."""
        now_s = time.monotonic()
        found = [Overdue(name, now_s - loop.beaten_s, loop.limit_s) for name, loop in list(self._loops.items())]
        return [one for one in found if one.silent_s > one.limit_s]

    def forgive(self) -> None:
        """Begin anew: the whole process stood still, which is no loop's fault."""
        now_s = time.monotonic()
        for loop in list(self._loops.values()):
            loop.beaten_s = now_s

    def _hang(self, name: str) -> None:
        if self._to_hang == INTERPRETER and name == "classify":
            ctypes.PyDLL(None).sleep(_FOR_EVER_S)  # PyDLL keeps the interpreter's lock meanwhile
        if self._to_hang == name:
            lock = threading.Lock()
            with lock:
                lock.acquire()
