"""Tells systemd, and the log, the truth: ready when frames are classified, alive while every loop goes on."""

from __future__ import annotations

import faulthandler
import logging
import threading
import time
from collections.abc import Callable

from edgeclassify.heartbeats import Heartbeats
from edgeclassify.systemd import Systemd

log = logging.getLogger(__name__)

_TICK_S = 1.0
_PATIENCE_S = 20.0
"""Without any classified frame for so long it is said to be ready all the same, and that no camera gives frames."""
_STOOD_STILL_S = 5.0


class Supervisor:
    """`run` is the body of a thread; `reloading` and `reloaded` are for the main thread.

    Args:
        systemd: who is told.
        heartbeats: where the loops note that they go on.
        condition: returns how things are, in one line.
        works: whether frames are classified, or are not to be.
    """

    def __init__(
        self, systemd: Systemd, heartbeats: Heartbeats, condition: Callable[[], str], works: Callable[[], bool]
    ) -> None:
        self._systemd = systemd
        self._heartbeats = heartbeats
        self._condition = condition
        self._works = works
        self._consequence = (
            "the watchdog is not fed while it hangs, so that systemd restarts this service"
            if systemd.watchdog_s
            else "no watchdog looks after this process: restart it"
        )
        self._problem = ""
        self._told = ""
        self._ready = False
        self._accused: set[str] = set()
        self._telling = threading.Lock()  # a reload must not be over before it begins

    def run(self, stopping: threading.Event) -> None:
        """Look after everything until `stopping` is set."""
        period_s = min(_TICK_S, (self._systemd.watchdog_s or _TICK_S) / 3)
        started_s = looked_s = time.monotonic()
        while not stopping.wait(period_s):
            now_s = time.monotonic()
            if now_s - looked_s > period_s + _STOOD_STILL_S:
                self._heartbeats.forgive()
            looked_s = now_s
            with self._telling:
                if not self._ready:
                    self._become_ready(now_s - started_s)
                else:
                    self._tell(self._text())
            self._watch()

    def reloading(self) -> None:
        """Say that a reload begins; not before the start is over, which its end would claim."""
        with self._telling:
            if self._ready:
                self._systemd.reloading()

    def reloaded(self, problem: str) -> None:
        """Say that the reload is over; what was wrong with the file stays in the status."""
        with self._telling:
            self._problem = problem
            if self._ready:
                self._told = self._text()
                self._systemd.ready(self._told)

    def _text(self) -> str:
        hanging = [f"thread {name} hangs" for name in sorted(self._accused)]
        problem = [f"not reloaded: {self._problem}"] if self._problem else []
        return " -- ".join([*hanging, *problem, self._condition()])

    def _tell(self, text: str) -> None:
        if text != self._told and self._systemd.status(text):
            self._told = text

    def _become_ready(self, waited_s: float) -> None:
        works = self._works()
        text = self._text()
        if not works and waited_s < _PATIENCE_S:
            self._tell(f"starting: {text}")
            return
        if self._systemd.ready(text):
            self._ready, self._told = True, text
            log.log(logging.INFO if works else logging.WARNING, "ready: %s", text)

    def _watch(self) -> None:
        overdue = {one.name: one for one in self._heartbeats.overdue()}
        for name in sorted(self._accused - overdue.keys()):
            log.warning("thread %s: goes on", name)
        fresh = overdue.keys() - self._accused
        for name in sorted(fresh):
            log.error(
                "thread %s: has made no progress for %.0f s (limit %g s); %s; where each thread is:",
                name, overdue[name].silent_s, overdue[name].limit_s, self._consequence,
            )  # fmt: skip
        if fresh:
            faulthandler.dump_traceback(2, all_threads=True)
        self._accused = set(overdue)
        if not overdue:
            self._systemd.feed_watchdog()
