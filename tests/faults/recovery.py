"""One fault at a time: is every accepted event acknowledged, in order, and how soon is all that is retained right?

A daemon makes some ten events a second; something breaks; meanwhile what its cameras see changes for the last time;
the fault ends. From then on it is counted until a new subscriber finds the truth in every retained topic.

Run it (as root, for the network and the full disk): python -m tests.faults.recovery
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from PIL import Image

from tests.broker import Broker, Inbox
from tests.disks import fill, small_disk
from tests.faults.counting import Count, Key, count
from tests.faults.retained import kept_by, wrong
from tests.faults.wall_clock import WallClock
from tests.faults.wire import Wire
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

_EVENTS = f"{ROOT}/+/event"
_LIMIT_S = 10.0
_YEAR_S = 365 * 86_400
_SCENE = {"porch": "red", "yard": "none"}
"""What the cameras see before and after."""


@dataclass(frozen=True)
class Outcome:
    """What came of one fault."""

    fault: str
    accepted: int
    arrived: Count
    lost_by_broker: int
    """Acknowledged by the broker and never seen by its subscriber."""
    unacknowledged: int
    dropped: int
    """Expired or dead."""
    right_after_s: float
    """From the end of the fault until all retained topics were right."""

    @property
    def is_good(self) -> bool:
        """Also with a broker that forgets after its PUBACK: that is not the daemon's loss."""
        kept = self.unacknowledged == self.dropped == 0 and self.arrived.late == 0
        whole = not (self.arrived.disordered or self.arrived.altered)
        return kept and whole and self.right_after_s <= _LIMIT_S and (self.lost_by_broker == 0 or self._may_lose)

    @property
    def _may_lose(self) -> bool:
        return self.fault == "broker killed -9"

    def row(self) -> str:
        cells = (self.fault, self.accepted, self.unacknowledged, self.lost_by_broker, self.arrived.repeats,
                 len(self.arrived.disordered), len(self.arrived.altered), f"{self.right_after_s:.1f}")  # fmt: skip
        return "| " + " | ".join(map(str, cells)) + " |"


TITLES = "| fault | accepted | unacknowledged | lost by the broker | repeated | disordered | altered | right after, s |"


class Site:
    """A daemon, its broker, whoever subscribes, and what can be done to them."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.folder = folder
        self.running = running
        place = folder / "broker"
        lines = ["persistence true", "max_queued_messages 0", "autosave_interval 1", f"persistence_location {place}/"]
        self.users = {"hut": "right", "observer": "right"}
        self.broker = Broker(place, users=self.users, lines=lines)
        (folder / "password").write_text("right")
        (folder / "password").chmod(0o600)
        cameras = {
            camera: slides(write_pictures(folder / camera, NOTHING, NOTHING), 0.1, frames_per_second=30)
            for camera in _SCENE
        }
        self.daemon = Daemon(
            folder / "daemon",
            0,
            cameras,
            mqtt={"username": "hut", "password_file": str(folder / "password")},
            home_assistant={"labels": ["red", "green"]},
            snapshots={"width": 64},
        )
        self.is_durable = True

    def start(self, host: str = "127.0.0.1") -> None:
        self.broker.host = host
        self.broker.start()
        self.running.callback(self.broker.stop)
        self.daemon.config["mqtt"] |= {"host": host, "port": self.broker.port}
        self.daemon.write_config()
        self.inbox = self.running.enter_context(
            Inbox(self.broker, _EVENTS, f"{ROOT}/health", configure=log_in, kept_session="observer")
        )
        self.running.enter_context(self.daemon)

    def show(self, *, moving: bool) -> None:
        """Let what the cameras see change all the time, or be what `_SCENE` says."""
        replace(self.folder / "porch", colour_of(0), NOTHING if moving else colour_of(0))
        replace(self.folder / "yard", NOTHING, colour_of(1) if moving else NOTHING)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.inbox.texts(_EVENTS)]

    def database(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(f"{self.daemon.outbox.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(query).fetchall()

    def open_presences(self) -> dict[str, Key]:
        """Whose `appeared` is without its `gone`, by camera: as on disk, or, without a disk, as the daemon told."""
        if self.is_durable:
            found = self.database("SELECT camera, epoch, id FROM presences")
            return {camera: (epoch, f"{number:010d}") for camera, epoch, number in found}
        newest = {event["camera"]: event for event in self.events()}
        return {c: (e["epoch"], e["id"]) for c, e in newest.items() if e["event_type"] == "appeared"}

    def wrong(self, before: dict[str, bytes]) -> list[str]:
        present = self.open_presences()
        ids = {camera: present[camera][1] if camera in present else None for camera in _SCENE}
        return wrong(kept_by(self.broker, configure=log_in), before, _SCENE, ids)

    def outbox(self) -> dict[str, int]:
        told: dict[str, int] = json.loads(self.inbox.texts(f"{ROOT}/health")[-1])["outbox"]
        return told


def log_in(client: paho.Client) -> None:
    client.username_pw_set("observer", "right")


def replace(folder: Path, *colours: tuple[int, int, int]) -> None:
    """Put other pictures in the place of those that are there, each at once."""
    for number, colour in enumerate(colours):
        Image.new("RGB", (16, 16), colour).save(folder / ".new.png")
        (folder / ".new.png").replace(folder / f"{number}.png")


Fault = Callable[[Site], Iterator[None]]
"""Prepares and starts the site, breaks something between the first and the second yield, and mends it."""


def broker_restarted(site: Site) -> Iterator[None]:
    site.start()
    yield
    site.broker.stop()
    yield
    site.broker.start()


def broker_killed(site: Site) -> Iterator[None]:
    site.start()
    yield
    site.broker.kill()
    yield
    site.broker.start()


def broker_frozen(site: Site) -> Iterator[None]:
    site.start()
    yield
    site.broker.freeze()
    site.daemon.wait_for("connection lost", timeout_s=25)
    yield
    site.broker.thaw()


def network_cut(site: Site) -> Iterator[None]:
    wire = site.running.enter_context(Wire())
    site.daemon.prefix = wire.prefix
    site.start(wire.address)
    yield
    wire.cut()
    site.daemon.wait_for("connection lost", timeout_s=25)
    yield
    wire.mend()


def login_refused(site: Site) -> Iterator[None]:
    site.start()
    yield
    site.broker.set_users({"hut": "another", "observer": "right"})
    site.broker.restart()
    site.daemon.wait_for("login refused")
    yield
    site.broker.set_users(site.users)
    site.broker.reload()


def disk_full(site: Site) -> Iterator[None]:
    disk = site.running.enter_context(small_disk(site.folder / "disk"))
    site.daemon.config["state_dir"] = str(disk / "state")
    site.is_durable = False
    site.start()
    yield
    fill(disk)
    site.daemon.wait_for("events are kept in memory")
    yield
    (disk / "ballast").unlink()


def daemon_killed(site: Site) -> Iterator[None]:
    site.start()
    yield
    site.daemon.kill()
    yield
    site.daemon.start()


def clock_jumped(site: Site) -> Iterator[None]:
    clock = WallClock(site.folder / "clock")
    site.daemon.variables |= clock.variables
    site.start()
    yield
    for years in (2, -3):
        clock.jump(years * _YEAR_S)
        told = len(site.inbox.of(f"{ROOT}/health"))
        wait_until(lambda told=told: len(site.inbox.of(f"{ROOT}/health")) > told + 1)  # type: ignore[misc]
        assert abs(wall_s(site) - time.time() - years * _YEAR_S) < 60, "the clock did not jump"
    yield
    clock.jump(0)


def wall_s(site: Site) -> float:
    """The daemon's time of day when it told its health last."""
    health = json.loads(site.inbox.texts(f"{ROOT}/health")[-1])
    return datetime.fromisoformat(health["time"]).timestamp()


FAULTS: dict[str, Fault] = {
    "broker restarted": broker_restarted,
    "broker killed -9": broker_killed,
    "broker frozen": broker_frozen,
    "network cut": network_cut,
    "login refused": login_refused,
    "disk full": disk_full,
    "daemon killed -9": daemon_killed,
    "clock jumped": clock_jumped,
}


def suffer(folder: Path, fault: str, fault_s: float = 1.0) -> Outcome:
    """Let one fault happen for `fault_s` or as long as it takes to be noticed; return what came of it."""
    with ExitStack() as running:
        site = Site(folder, running)
        site.show(moving=False)
        stages = FAULTS[fault](site)
        next(stages)
        before = quiet(site)
        site.show(moving=True)
        wait_until(lambda: len(site.events()) > 20, 20)
        next(stages)
        pause(fault_s)
        site.show(moving=False)
        pause(1)  # the last change falls into the fault
        with suppress(StopIteration):
            next(stages)
        return watch_recovery(site, fault, before)


def quiet(site: Site) -> dict[str, bytes]:
    """What is retained when all is well and nothing moves."""
    wait_until(lambda: len(site.events()) == 1 and site.inbox.of(f"{ROOT}/health"), 20)
    wait_until(lambda: (kept := kept_by(site.broker, configure=log_in)) and not site.wrong(kept), 20)
    return kept_by(site.broker, configure=log_in)


def pause(seconds: float) -> None:
    """Let the fault last: nothing can be waited for here."""
    time.sleep(seconds)


def watch_recovery(site: Site, fault: str, before: dict[str, bytes]) -> Outcome:
    ended_s = time.monotonic()
    said: list[str] = ["not looked at"]
    right_s = ended_s
    while said and time.monotonic() - ended_s < 2 * _LIMIT_S:
        said = site.wrong(before)
        right_s = time.monotonic()
    if said:
        right_s = ended_s + 99
        print("\n".join(said), file=sys.stderr)
    # What was told before may arrive only now.
    recovered_s = time.time()
    wait_until(lambda: wall_s(site) > recovered_s and site.outbox()["waiting"] == 0, 30)
    outbox = site.outbox()
    arrived = count(site.events(), site.open_presences().values())
    if site.is_durable:
        accepted, waiting = site.database("SELECT last_id, (SELECT count(*) FROM events) FROM meta")[0]
    else:
        accepted, waiting = outbox["accepted_total"], outbox["waiting"]
    dropped = outbox["expired_total"] + outbox["dead_total"]
    lost = accepted - waiting - dropped - arrived.unique
    return Outcome(fault, accepted, arrived, lost, waiting, dropped, right_s - ended_s)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="edgeclassify-recovery-") as name:
        yield Path(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", action="append", choices=FAULTS, help="only this one; may be given several times")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5, help="how long each fault lasts at least")
    arguments = parser.parse_args()
    print(TITLES + "\n" + "|---" * 8 + "|", flush=True)
    failed = 0
    for _ in range(arguments.rounds):
        for fault in arguments.fault or FAULTS:
            with _folder() as folder:
                try:
                    outcome = suffer(folder, fault, arguments.seconds)
                except pytest.skip.Exception as skipped:
                    print(f"| {fault} | {skipped} |")
                    continue
            print(outcome.row(), "" if outcome.is_good else "NOT GOOD", flush=True)
            failed += not outcome.is_good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
