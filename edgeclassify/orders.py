"""What the main thread is told: to stop, to read config.yaml again, to carry out commands. A signal only notes it."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from edgeclassify.heartbeats import Beat
from edgeclassify.processes import kill_children
from edgeclassify.threads import StopReason, StopReasons

RELOAD = StopReason("SIGHUP")
COMMAND = StopReason("a command over MQTT")

_TICK_S = 1.0
_REPEATS_S = 0.25  # systemd sends two signals for one reload


def next_order(orders: StopReasons, beat: Beat) -> StopReason:
    """Return what is to be done next; several signals to reload that come together are one, and to stop comes first."""
    while True:
        beat()
        with suppress(queue.Empty):
            order = orders.get(timeout=_TICK_S)
            break
    if order is not RELOAD:
        return order
    until_s = time.monotonic() + _REPEATS_S
    others = []
    while (left_s := until_s - time.monotonic()) > 0:
        with suppress(queue.Empty):
            others.append(orders.get(timeout=left_s))
    for other in others:
        if other is not RELOAD:
            orders.put(other)
    return reason_to_stop(orders) or RELOAD


def reason_to_stop(orders: StopReasons) -> StopReason | None:
    """Return the first reason to stop that waits, if one does; it waits on."""
    waiting = [orders.get() for _ in range(orders.qsize())]
    for order in waiting:
        orders.put(order)
    return next((order for order in waiting if order not in (RELOAD, COMMAND)), None)


@contextmanager
def signals_as_orders(orders: StopReasons) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into a reason to stop, SIGHUP, also one that was held back, into one to reload."""

    def stop(number: int, _frame: object) -> None:
        orders.put(StopReason(signal.Signals(number).name))
        kill_children(threading.main_thread().name)  # the trial of a model, which may take minutes

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda *_: orders.put(RELOAD))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        # The process ends with the daemon: a second signal must not turn a clean end into a death.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
