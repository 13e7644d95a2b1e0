"""Is an event ever lost? Everything is broken at random while events are made; then every single one is looked for.

The broker is restarted, frozen and cut off, the daemon killed with -9. What was accepted is read from the outbox's
database: its ids have no gaps. What arrived is told by a subscriber for which the broker keeps what it misses.

Run it: python -m tests.faults.campaign --events 1000 --kills 10
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.broker import Broker, Inbox
from tests.faults.counting import Count, count
from tests.mqtt.network import Proxy
from tests.running import ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

CAMERAS = ("porch", "yard", "attic")
_PERSISTENT = ("persistence true", "max_queued_messages 0", "autosave_interval 1")
_EVENTS = f"{ROOT}/+/event"


@dataclass
class Result:
    """What came of a campaign."""

    accepted: int
    arrived: Count
    faults: dict[str, int]
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        return self.accepted - self.arrived.unique

    @property
    def is_good(self) -> bool:
        return self.lost == 0 and len(self.arrived.epochs) == 1 and self.arrived.is_good

    def table(self) -> str:
        rows: list[tuple[str, object]] = [
            ("accepted", self.accepted),
            ("delivered", self.arrived.unique),
            ("lost", self.lost),
            ("out of order", len(self.arrived.disordered)),
            ("repeated, same id and content", self.arrived.repeats),
            ("repeated, but altered", len(self.arrived.altered)),
            ("presences not closed exactly once", len(self.arrived.unmatched)),
            ("epochs", len(self.arrived.epochs)),
            *((f"times {what}", times) for what, times in self.faults.items()),
            ("seconds", round(self.seconds)),
        ]
        return "\n".join(f"{what:<36}{value:>8}" for what, value in rows)


class Campaign:
    """A daemon that makes many events, and what can happen to it.

    Args:
        folder: an empty folder.
        events: go on until so many were accepted.
        kills: how often the daemon is killed on the way.
        seed: of the faults and their times.
        longest_fault_s: how long a broker stays away or frozen at most.
    """

    def __init__(self, folder: Path, *, events: int, kills: int, seed: int, longest_fault_s: float = 4.0) -> None:
        self._folder = folder
        self._events = events
        self._kills = kills
        self._random = random.Random(seed)
        self._longest_fault_s = longest_fault_s
        self._over = threading.Event()
        self._faults: dict[str, int] = {}

    def run(self, timeout_s: float) -> Result:
        """Make events and faults, wait until all is well again, and count."""
        started_s = time.monotonic()
        place = self._folder / "broker"
        with (
            Broker(place, lines=[*_PERSISTENT, f"persistence_location {place}/"]) as broker,
            Inbox(broker, _EVENTS, kept_session="observer") as inbox,
            Proxy(broker.port) as network,
            self._daemon(network.port) as daemon,
        ):
            wait_until(lambda: inbox.received, 20)
            breaking = threading.Thread(target=self._break, args=(broker, network), daemon=True)
            breaking.start()
            deadline_s = started_s + timeout_s
            try:
                self._kill_on_the_way(daemon, deadline_s)
            finally:
                self._over.set()
                breaking.join(self._longest_fault_s + 10)
            # With the broker there for good, everything that waits must arrive, and a clean stop end what is present.
            wait_until(lambda: _waiting(daemon) < 100, 30)
            assert daemon.stop() == 0, daemon.said()
            self._deliver_the_rest(daemon, inbox)
            result = self._count(daemon, inbox)
        result.seconds = time.monotonic() - started_s
        return result

    def _daemon(self, port: int) -> Daemon:
        cameras = {}
        for number, camera in enumerate(CAMERAS):
            pictures = write_pictures(self._folder / camera, colour_of(number), colour_of((number + 1) % 3))
            cameras[camera] = slides(pictures, 0.05 + 0.01 * number, frames_per_second=60)
        return Daemon(self._folder / "daemon", port, cameras, snapshots={"width": 64})

    def _kill_on_the_way(self, daemon: Daemon, deadline_s: float) -> None:
        """Let each life accept some events, few or many."""

        def live_until(accepted: int) -> None:
            wait_until(lambda: _last_id(daemon) >= accepted, deadline_s - time.monotonic())

        for _ in range(self._kills):
            live_until(_last_id(daemon) + self._random.randint(1, 2 * self._events // (self._kills + 1)))
            daemon.kill()
            self._note("daemon killed -9")
            daemon.start()
        live_until(max(self._events, _last_id(daemon) + 1))

    def _break(self, broker: Broker, network: Proxy) -> None:
        ways: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
            ("broker restarted", broker.stop, broker.start),
            ("broker frozen", broker.freeze, broker.thaw),
            ("connections reset", network.cut, network.heal),
            ("network refusing", network.refuse, network.heal),
            ("network silent", network.swallow, network.heal),
        ]
        rounds = (way for _ in itertools.count() for way in self._random.sample(ways, len(ways)))
        while not self._over.wait(self._random.uniform(0.2, 2)):
            what, begin, end = next(rounds)
            self._note(what)
            begin()
            self._over.wait(self._random.uniform(0.1, self._longest_fault_s))
            end()

    def _note(self, what: str) -> None:
        self._faults[what] = self._faults.get(what, 0) + 1

    def _deliver_the_rest(self, daemon: Daemon, inbox: Inbox) -> None:
        """What a stop had no time for is sent by the next start."""
        if _waiting(daemon):
            daemon.start()
            wait_until(lambda: not _waiting(daemon), 30)
            assert daemon.stop() == 0, daemon.said()
        wait_until(lambda: len(_ids(inbox)) >= _last_id(daemon), 10)

    def _count(self, daemon: Daemon, inbox: Inbox) -> Result:
        arrived = count([json.loads(text) for text in inbox.texts(_EVENTS)])
        return Result(_last_id(daemon), arrived, dict(self._faults))


def _ids(inbox: Inbox) -> set[str]:
    return {json.loads(text)["id"] for text in inbox.texts(_EVENTS)}


def _one_number(daemon: Daemon, query: str) -> int:
    with closing(sqlite3.connect(f"{daemon.outbox.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        return int(database.execute(query).fetchone()[0])


def _last_id(daemon: Daemon) -> int:
    return _one_number(daemon, "SELECT last_id FROM meta")


def _waiting(daemon: Daemon) -> int:
    return _one_number(daemon, "SELECT count(*) FROM events")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--seconds", type=float, default=300, help="give up after so long")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="edgeclassify-campaign-") as folder:
        campaign = Campaign(Path(folder), events=arguments.events, kills=arguments.kills, seed=arguments.seed)
        result = campaign.run(arguments.seconds)
    print(result.table())
    for what in ("missing", "disordered", "altered", "unmatched"):
        if keys := getattr(result.arrived, what):
            print(f"{what}: {', '.join(number for _, number in keys[:20])}")
    return 0 if result.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
