"""A Pi has no clock of its own: it may start in 1970, and be in the present a minute later."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from edgeclassify.mqtt.database import reading
from tests.broker import Broker, Inbox, ServerTls
from tests.faults.wall_clock import WallClock
from tests.mqtt.certificates import Authority
from tests.notify import NotifySocket
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

DAY_S = 86_400


def waiting(daemon: Daemon) -> int:
    """How many events wait in its outbox."""
    if not daemon.outbox.exists():
        return 0
    try:
        with reading(daemon.outbox) as database:
            return int(database.execute("SELECT count(*) FROM events").fetchone()[0])
    except (FileNotFoundError, sqlite3.Error):  # it is just being made
        return 0


def test_a_first_boot_in_1970_is_explained_and_costs_no_event(tmp_path: Path) -> None:
    authority, clock = Authority(tmp_path / "authority"), WallClock(tmp_path / "clock")
    signed = authority.sign("good")
    clock.jump(DAY_S - int(time.time()))
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    secure = Broker(tmp_path / "broker", tls=ServerTls(signed.certificate, signed.key))

    def trust(client: Any) -> None:
        client.tls_set(str(authority.certificate))

    with secure as broker, Inbox(broker, configure=trust) as inbox:
        cameras = {"porch": slides(pictures, 0.7)}
        tls = {"enabled": True, "ca": str(authority.certificate)}
        daemon = Daemon(tmp_path / "daemon", broker.port, cameras, mqtt={"tls": tls})
        daemon.variables = dict(clock.variables)
        with daemon:
            daemon.wait_for("the broker's certificate is not yet valid; this machine's clock may be wrong, set it")
            wait_until(lambda: waiting(daemon) > 0)
            daemon.kill()  # a second start, still in 1970
            daemon.start()
            daemon.wait_for("certificate is not yet valid", times=2)
            clock.jump(0)
            daemon.wait_for("connected (MQTT 5)")
            wait_until(lambda: len(events(inbox)) >= 8, 20)
            assert daemon.stop() == 0
    told = events(inbox)
    assert told[0]["time"].startswith("1970-")
    assert told[-1]["time"].startswith("20")
    assert [int(event["id"]) for event in told] == list(range(1, len(told) + 1))
    durations = [event["duration_seconds"] for event in told if event["event_type"] == "gone"]
    assert all(0 <= seconds < 30 for seconds in durations), durations
    assert not any(event["late"] for event in told), "none of them waited for a minute"


def test_what_a_crash_left_open_before_the_clock_was_set_has_no_duration(tmp_path: Path, broker: Broker) -> None:
    clock = WallClock(tmp_path / "clock")
    clock.jump(DAY_S - int(time.time()))
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    daemon = Daemon(tmp_path, broker.port, {"porch": slides(pictures)})
    daemon.variables = dict(clock.variables)
    with Inbox(broker) as inbox, daemon:
        wait_until(lambda: any(event["time"].startswith("1970") for event in events(inbox)), 20)
        daemon.kill()
        clock.jump(0)
        daemon.start()
        wait_until(lambda: any(event["reason"] == "restarted" for event in events(inbox)), 20)
        assert daemon.stop() == 0
    gone = next(event for event in events(inbox) if event["reason"] == "restarted")
    assert gone["started"].startswith("1970-")
    assert gone["duration_seconds"] is None


def test_a_clock_that_jumps_upsets_neither_ready_nor_watchdog_nor_health(tmp_path: Path, broker: Broker) -> None:
    clock = WallClock(tmp_path / "clock")
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    with NotifySocket(tmp_path, watchdog_s=3) as systemd, Inbox(broker) as inbox:
        daemon = Daemon(tmp_path, broker.port, {"porch": slides(pictures)})
        daemon.variables = clock.variables | systemd.variables
        with daemon:
            wait_until(lambda: systemd.said("READY"), 20)
            for days in (400, -2000, 0):
                clock.jump(days * DAY_S)
                fed, told = len(systemd.fed), len(inbox.of(f"{ROOT}/health"))
                wait_until(lambda fed=fed: len(systemd.fed) > fed + 2)  # type: ignore[misc]
                wait_until(lambda told=told: len(inbox.of(f"{ROOT}/health")) > told + 2)  # type: ignore[misc]
            assert daemon.stop() == 0
        assert "no progress" not in daemon.said()
    reports = [json.loads(text) for text in inbox.texts(f"{ROOT}/health")]
    assert max(report["uptime_seconds"] for report in reports) < 60
    assert all(0 <= (report["cameras"]["porch"]["frame_age_seconds"] or 0) < 10 for report in reports)


def events(inbox: Inbox) -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(f"{ROOT}/porch/event")]
