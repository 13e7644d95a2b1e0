"""Threads that are owned: started and stopped by a `with` block, never dying in silence."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from edgeclassify.errors import EdgeClassifyError, StuckThreadError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StopReason:
    """Why the daemon ends, and with which exit code."""

    text: str
    exit_code: int = 0


# Not a threading.Event: Event.set() in a signal handler can deadlock with Event.wait() in the main thread.
StopReasons = queue.SimpleQueue[StopReason]


class Worker:
    """Runs `body` in a named thread from `__enter__` to `__exit__`.

    `body` must return soon after `stopping` is set, so every wait inside it has a timeout. If it raises, or
    returns before it was told to, that becomes a reason for the daemon to stop. `hurry` is called, with the thread's
    name, when it does not return soon: it makes what the thread waits for fail.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[], None],
        stopping: threading.Event,
        stop_reasons: StopReasons,
        *,
        stop_timeout_s: float = 3.0,
        hurry: Callable[[str], None] | None = None,
    ) -> None:
        self._body = body
        self._stopping = stopping
        self._stop_reasons = stop_reasons
        self._stop_timeout_s = stop_timeout_s
        self._hurry = hurry
        # A daemon thread, so that one that is stuck in native code cannot keep the process alive.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(self._stop_timeout_s)
        waited_s = self._stop_timeout_s
        if self._thread.is_alive() and self._hurry:
            self._hurry(self._thread.name)
            self._thread.join(self._stop_timeout_s)
            waited_s += self._stop_timeout_s
        if self._thread.is_alive():
            raise StuckThreadError(f"thread {self._thread.name} still runs {waited_s:g} s after it was told to stop")

    def _run(self) -> None:
        name = self._thread.name
        try:
            self._body()
        except EdgeClassifyError as error:
            self._stop_reasons.put(StopReason(f"{name}: {error}", error.exit_code))
        except Exception as error:
            log.exception("thread %s: crashed", name)
            self._stop_reasons.put(StopReason(f"{name} crashed: {error!r}", EdgeClassifyError.exit_code))
        else:
            if not self._stopping.is_set():
                self._stop_reasons.put(StopReason(f"{name} ended by itself", EdgeClassifyError.exit_code))
