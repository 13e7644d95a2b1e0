"""Jobs that others leave to the thread that owns what they change: it does them when nothing else is under way."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from edgeclassify.errors import StuckThreadError

_PATIENCE_S = 10.0


class Jobs:
    """Left by any thread, carried out by one, in the order in which they were left.

    Args:
        owner: who carries them out, as an error names it.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._waiting: queue.SimpleQueue[_Job] = queue.SimpleQueue()

    def leave(self, work: Callable[[], object]) -> None:
        """Leave a job; return at once."""
        self._waiting.put(_Job(work))

    def ask(self, work: Callable[[], object]) -> None:
        """Leave a job; return when it is done.

        Raises:
            StuckThreadError: the owner did not get to it in time, then it is never done; or it hangs in the middle.
        """
        job = _Job(work)
        self._waiting.put(job)
        if job.wait(_PATIENCE_S):
            return
        why = "it hangs, or this machine is too busy"
        if job.withdraw():
            raise StuckThreadError(
                f"{self._owner} has not answered within {_PATIENCE_S:g} s: {why}; nothing is changed"
            )
        if not job.wait(_PATIENCE_S):
            raise StuckThreadError(f"{self._owner} began, but did not end within {_PATIENCE_S:g} s: {why}")

    def carry_out(self) -> None:
        """Do all that waits; called by the owner."""
        while not self._waiting.empty():
            self._waiting.get().carry_out()


class _Job:
    """It is done once, or given up and never done."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._claim = threading.Lock()
        self._done = threading.Event()

    def carry_out(self) -> None:
        if self._claim.acquire(blocking=False):
            self._work()
            self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Return whether it is done."""
        return self._done.wait(timeout_s)

    def withdraw(self) -> bool:
        """Give it up, so that it is never done; False when it was begun."""
        return self._claim.acquire(blocking=False)
