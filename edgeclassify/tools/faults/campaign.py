"""One fault after the other, each with how long until all went on, and the count at the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgeclassify.tools.faults.installation import Installation
from edgeclassify.tools.faults.stand_in import StandIn
from edgeclassify.tools.faults.tally import Count, time_of

_CALM_S = 1.0
_GIVE_UP_S = 30.0
_SETTLE_S = 15.0
_FEW = 3  # events go on coming: the outbox is hardly ever empty

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """What is done, for how long, and by which event it shows that all goes on."""

    what: str
    begin: Callable[[], None]
    goes_on: str
    """What is waited for, in words."""
    shows: Callable[[Event, float], bool]
    """Whether an event shows it; the moment from which it counts, seconds since 1970."""
    lasts_s: float = 0.0
    end: Callable[[], None] | None = None


@dataclass(frozen=True)
class Happened:
    """A fault that was made."""

    what: str
    began_s: float
    """Seconds since 1970."""
    went_on: bool
    """False if that was waited for in vain."""


@dataclass(frozen=True)
class Result:
    """What came of it."""

    count: Count
    faults: tuple[Happened, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost and all went on after every fault."""
        return self.count.is_good and all(fault.went_on for fault in self.faults)


class Campaign:
    """Breaks an installation.

    Args:
        installation: what is broken.
        show: takes each line.
        stopped: how often the user wanted to end it.
    """

    def __init__(self, installation: Installation, show: Callable[[str], None], stopped: Callable[[], int]) -> None:
        self._installation = installation
        self._show = show
        self._stopped = stopped
        self._faults: list[Happened] = []

    def run(self, seconds: float) -> Result | None:
        """Make faults for so long, put all right again, and count; None when the user did not wait for the count."""
        first = self._wait(lambda event: event["event_type"] == "appeared", _GIVE_UP_S)
        with_tpu = bool(first) and self._has_edgetpu()
        end_s = time.monotonic() + seconds  # from now: a slow machine, too, is to be broken for so long
        while not self._over(end_s):
            for fault in faults(self._installation, with_tpu=with_tpu):
                if self._over(end_s):
                    break
                self._make(fault)
                self._wait(lambda _: False, min(_CALM_S, max(0.0, end_s - time.monotonic())))
        return self._finish()

    def _over(self, end_s: float) -> bool:
        return self._stopped() > 0 or time.monotonic() >= end_s

    def _has_edgetpu(self) -> bool:
        if self._installation.edgetpu is None:
            self._show("no C compiler (sudo apt install gcc), so the Edge TPU's part is left out")
            return False
        if self._wait(lambda event: str(event["accelerator"]).startswith("edgetpu"), _GIVE_UP_S / 2):
            return True
        self._show("the stand-in Edge TPU cannot be used here, so its part is left out")
        return False

    def _make(self, fault: Fault) -> None:
        self._say(fault.what)
        began_s = from_s = time.time()
        started_s = time.monotonic()
        fault.begin()
        if fault.end is not None:
            self._wait(lambda _: False, fault.lasts_s)
            waiting = len(self._installation.read_outbox())
            from_s, started_s = time.time(), time.monotonic()
            fault.end()
            self._say(f"  it is back after {from_s - began_s:.1f} s; {waiting} events wait")
        on = self._wait(lambda event: fault.shows(event, from_s), _GIVE_UP_S)
        took_s = time.monotonic() - started_s
        self._faults.append(Happened(fault.what, began_s, went_on=on or self._stopped() > 0))
        if on:
            self._say(f"  {fault.goes_on} after {took_s:.1f} s")
        elif not self._stopped():
            self._say(f"  {fault.goes_on}: not within {_GIVE_UP_S:g} s")

    def _wait(self, shows: Callable[[Event], bool], timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        while not self._stopped() and time.monotonic() < deadline_s:
            event = self._installation.next_event()
            if event is not None and shows(event):
                return True
        return False

    def _finish(self) -> Result | None:
        """End the daemon in order, let it send what waits, and count."""
        self._say("everything is put right and counted; Ctrl-C ends it at once")
        broken, before = self._installation, self._stopped()
        deadline_s = time.monotonic() + _SETTLE_S

        def waits() -> bool:
            return time.monotonic() < deadline_s and self._stopped() == before

        began_s, heard = time.time(), False  # the broker may have come back just now, and the daemon not yet to it
        while not (heard and len(broken.read_outbox()) <= _FEW) and waits():
            event = broken.next_event()
            heard = heard or (event is not None and time_of(event) >= began_s)
        until_s = time.time()
        broken.daemon.stop()
        outbox = broken.read_outbox()
        while [key for key in broken.tally.missing() if key not in outbox] and waits():
            broken.next_event()
        if self._stopped() > before:  # what is still on its way would be counted as lost
            return None
        return Result(broken.tally.count(outbox, until_s), tuple(self._faults))

    def _say(self, text: str) -> None:
        self._show(f"{time.strftime('%H:%M:%S')}  {text}")


def faults(broken: Installation, *, with_tpu: bool) -> Iterator[Fault]:
    """Yield one round of them."""
    broker, daemon = broken.broker, broken.daemon

    def restart() -> None:
        daemon.kill()
        daemon.start()

    def both() -> None:
        broker.stop()
        restart()

    arrives, decided = "events arrive", "classification went on"
    yield Fault("broker restarted", broker.stop, arrives, _any, 2.0, broker.start)
    if with_tpu and broken.edgetpu is not None:
        yield from _edgetpu_faults(broken.edgetpu)
    yield Fault("daemon killed with -9", restart, decided, _appeared_since)
    freeze, thaw = (lambda: broker.send(signal.SIGSTOP)), (lambda: broker.send(signal.SIGCONT))
    yield Fault("broker frozen", freeze, arrives, _any, 3.0, thaw)
    yield Fault("broker killed with -9", broker.kill, arrives, _any, 2.0, broker.start)
    yield Fault("daemon killed with -9 while the broker was away", both, arrives, _any, 3.0, broker.start)


def _edgetpu_faults(edgetpu: StandIn) -> Iterator[Fault]:
    def on(accelerator: str) -> Callable[[Event, float], bool]:
        return lambda event, since_s: _appeared_since(event, since_s) and event["accelerator"].startswith(accelerator)

    yield Fault("Edge TPU pulled out", edgetpu.unplug, "the CPU went on", on("cpu"))
    yield Fault("Edge TPU plugged in again", edgetpu.plug, "it was used again", on("edgetpu"))


def _any(event: Event, since_s: float) -> bool:
    del event, since_s
    return True


def _appeared_since(event: Event, since_s: float) -> bool:
    return event["event_type"] == "appeared" and time_of(event) >= since_s
