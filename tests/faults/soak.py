"""Does it last? A camera that stalls, a broker that restarts, an Edge TPU that dies, for as long as one has time.

Memory, threads and descriptors of the daemon are read every few seconds, and at the end every event is looked for.

Run it: python -m tests.faults.soak --minutes 60
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from edgeclassify.tools.faults.stand_in import StandIn, build_library
from tests.broker import Broker, Inbox
from tests.edgetpu.stand_in import write_twins
from tests.faults.counting import Count, count
from tests.notify import NotifySocket
from tests.rtsp_server import RtspServer
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

_PERSISTENT = ("persistence true", "max_queued_messages 0", "autosave_interval 1")
_EVENTS = f"{ROOT}/+/event"
_SAMPLE_S = 5.0
_WATCHDOG_S = 30.0
_SETTLED = 0.2
"""What is used in this first part of the time is no growth."""


@dataclass(frozen=True)
class Sample:
    """What the daemon used at one moment, with its child processes."""

    resident_mb: float
    threads: int
    descriptors: int
    children: int


@dataclass
class Soak:
    """What came of it."""

    samples: list[Sample] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    arrived: Count | None = None
    failovers: int = 0
    restarts: int = 0
    longest_unfed_s: float = 0.0
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        assert self.arrived is not None
        return self.accepted - self.arrived.unique

    def table(self) -> str:
        assert self.arrived is not None
        rows: list[tuple[str, object]] = [("minutes", f"{self.seconds / 60:.0f}")]
        rows += [(f"times {what}", times) for what, times in self.faults.items()]
        rows += [
            ("camera restarts", self.restarts),
            ("failovers to the CPU", self.failovers),
            ("longest time without feeding the watchdog, s", f"{self.longest_unfed_s:.1f}"),
            ("events accepted", self.accepted),
            ("events delivered", self.arrived.unique),
            ("events lost", self.lost),
            ("events out of order, altered, not closed once", self.wrong),
            ("events repeated, same id and content", self.arrived.repeats),
        ]
        for name in ("resident_mb", "threads", "descriptors", "children"):
            first, last, most = self.trend(name)
            rows.append((f"{name}: second fifth, last fifth, most", f"{first:.1f} {last:.1f} {most:.1f}"))
        return "\n".join(f"{what:<52}{value:>18}" for what, value in rows)

    def trend(self, name: str) -> tuple[float, float, float]:
        """The median after it has settled, the median at the end, and the most."""
        values = [float(getattr(sample, name)) for sample in self.samples]
        part = max(1, int(len(values) * _SETTLED))
        settled = values[part : 2 * part] or values
        return statistics.median(settled), statistics.median(values[-part:]), max(values)

    @property
    def wrong(self) -> int:
        """Events that came out of order or altered, and presences not closed exactly once."""
        assert self.arrived is not None
        return len(self.arrived.disordered) + len(self.arrived.altered) + len(self.arrived.unmatched)

    @property
    def is_good(self) -> bool:
        threads, descriptors = self.trend("threads"), self.trend("descriptors")
        memory = self.trend("resident_mb")
        steady = threads[1] <= threads[0] + 1 and descriptors[1] <= descriptors[0] + 2 and memory[1] <= memory[0] + 10
        return self.lost == 0 and self.wrong == 0 and steady


def soak(folder: Path, minutes: float, fault_every_s: float, say: Callable[[str], None]) -> Soak:
    """Run it in an empty folder."""
    result, device = Soak(), StandIn(_made(folder / "edgetpu"))
    library = build_library(folder)
    place = folder / "broker"
    with (
        Broker(place, lines=[*_PERSISTENT, f"persistence_location {place}/"]) as broker,
        Inbox(broker, _EVENTS, f"{ROOT}/health", kept_session="observer") as inbox,
        RtspServer() as server,
        NotifySocket(folder, _WATCHDOG_S) as systemd,
        _daemon(folder / "daemon", broker.port, server.url, library) as daemon,
    ):
        device.plug()
        daemon.variables = device.variables | systemd.variables
        daemon.kill()
        daemon.start()
        wait_until(lambda: systemd.said("READY"), 60)
        started_s = time.monotonic()
        faults = _Faults(broker, server, device, daemon, fault_every_s, result)
        while (now_s := time.monotonic() - started_s) < 60 * minutes:
            result.samples.append(sample_of(daemon.process.pid))
            faults.go_on(now_s)
            if len(result.samples) % 60 == 1:
                say(f"{now_s / 60:5.1f} min  {result.samples[-1]}  {result.faults}")
            time.sleep(min(_SAMPLE_S, fault_every_s / 6))
            assert daemon.process.poll() is None, daemon.said()[-5000:]
        faults.mend()
        result.seconds = time.monotonic() - started_s
        fed = systemd.fed
        result.longest_unfed_s = max((later - earlier for earlier, later in itertools.pairwise(fed)), default=0.0)
        wait_until(lambda: _number(daemon, "SELECT count(*) FROM events") < 50, 60)
        assert daemon.stop() == 0, daemon.said()[-5000:]
        if _number(daemon, "SELECT count(*) FROM events"):
            daemon.start()
            wait_until(lambda: not _number(daemon, "SELECT count(*) FROM events"), 60)
            assert daemon.stop() == 0
        _count(result, daemon, inbox)
    return result


def _count(result: Soak, daemon: Daemon, inbox: Inbox) -> None:
    result.accepted = _number(daemon, "SELECT last_id FROM meta")

    def events() -> list[str]:
        return inbox.texts(_EVENTS)

    wait_until(lambda: len({json.loads(text)["id"] for text in events()}) >= result.accepted, 20)
    result.arrived = count([json.loads(text) for text in events()])
    reports = [json.loads(text) for text in inbox.texts(f"{ROOT}/health")]
    result.failovers = max(report["inference"]["failovers_total"] for report in reports)
    result.restarts = max(report["cameras"]["door"]["restarts_total"] for report in reports)


class _Faults:
    """One after the other: it begins, is mended half of the time later, and the next one comes."""

    def __init__(
        self, broker: Broker, server: RtspServer, device: StandIn, daemon: Daemon, every_s: float, result: Soak
    ) -> None:
        self._ways: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
            ("camera stalled", server.stalled.set, server.stalled.clear),
            ("broker restarted", broker.stop, broker.start),
            ("Edge TPU unplugged", device.unplug, device.plug),
            ("broker frozen", broker.freeze, broker.thaw),
            ("Edge TPU hung", lambda: device.set(delay_ms=60_000), device.plug),
            ("broker killed", broker.kill, broker.start),
            ("reloaded", lambda: _reload(daemon), lambda: None),
            ("Edge TPU crashed", lambda: device.set("segv"), device.plug),
        ]
        self._every_s = every_s
        self._result = result
        self._number = 0
        self._mend: Callable[[], None] | None = None

    def go_on(self, now_s: float) -> None:
        phase = now_s % self._every_s
        if self._mend is None and now_s // self._every_s > self._number and phase < self._every_s / 2:
            self._number = int(now_s // self._every_s)
            what, begin, self._mend = self._ways[self._number % len(self._ways)]
            self._result.faults[what] = self._result.faults.get(what, 0) + 1
            begin()
        elif self._mend is not None and phase >= self._every_s / 2:
            self.mend()

    def mend(self) -> None:
        if self._mend is not None:
            self._mend()
            self._mend = None


def _reload(daemon: Daemon) -> None:
    """Let a camera start anew with another rate, and come and go."""
    cameras = daemon.config["cameras"]
    cameras["yard"]["frames_per_second"] = 41 - cameras["yard"]["frames_per_second"]
    if "guest" in cameras:
        del cameras["guest"]
    else:
        cameras["guest"] = dict(cameras["yard"])
    daemon.write_config()
    daemon.process.send_signal(1)


def _daemon(folder: Path, port: int, url: str, library: Path | None) -> Daemon:
    porch = slides(write_pictures(folder / "porch", colour_of(0), NOTHING), 1.0)
    yard = slides(write_pictures(folder / "yard", colour_of(1), NOTHING), 1.3)
    write_twins(_made(folder))
    cameras = {"porch": porch, "yard": yard, "door": {"source": url, "stale_seconds": 3, "fit": "squash"}}
    model = {"edgetpu_library": str(library)} if library else {}
    return Daemon(folder, port, cameras, model=model, snapshots={"width": 64})


def sample_of(pid: int) -> Sample:
    """Return what a process and its children use now."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    page_mb = os.sysconf("SC_PAGE_SIZE") / 1e6
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Sample(
        resident * page_mb,
        len(list(Path(f"/proc/{pid}/task").iterdir())),
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        len(children),
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _number(daemon: Daemon, query: str) -> int:
    with closing(sqlite3.connect(f"{daemon.outbox.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        return int(database.execute(query).fetchone()[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--fault-every-seconds", type=float, default=40)
    arguments = parser.parse_args()
    say = functools.partial(print, flush=True)
    say(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="edgeclassify-soak-") as name:
        result = soak(Path(name), arguments.minutes, arguments.fault_every_seconds, say)
    print(result.table())
    return 0 if result.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
