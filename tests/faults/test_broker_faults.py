"""Whatever the broker does, classification goes on, it is said once, and everything is delivered later, in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.broker import Broker, Inbox, free_port
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

EVENTS = f"{ROOT}/porch/event"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)


def events(inbox: Inbox) -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(EVENTS)]


def classified(inbox: Inbox) -> int:
    health = inbox.last(f"{ROOT}/health")
    return int(json.loads(health)["cameras"]["porch"]["classified_total"]) if health else 0


def assert_complete(inbox: Inbox) -> None:
    """Every id from the first on, in order; the same one again only right after a loss."""
    first_arrivals = list(dict.fromkeys(event["id"] for event in events(inbox)))
    assert first_arrivals == [f"{number:010d}" for number in range(1, len(first_arrivals) + 1)]


def test_absent_at_the_start(tmp_path: Path, pictures: Path) -> None:
    port = free_port()
    with Daemon(tmp_path, port, {"porch": slides(pictures, 0.1)}) as daemon:
        daemon.wait_for(f"broker 127.0.0.1:{port}: connection refused; start the broker")
        daemon.wait_for("camera porch: online")
        wait_until(lambda: daemon.outbox_bytes > 40_000, 20)
        with Broker(tmp_path / "broker", port=port) as broker, Inbox(broker) as inbox:
            wait_until(lambda: len(events(inbox)) > 6 and classified(inbox) > 10, 20)
            assert_complete(inbox)
            assert daemon.stop() == 0
            assert inbox.last(f"{ROOT}/status") == "offline"
    assert daemon.said().count(f"{port}: connection refused") == 1, "the line that says `ready` says it too"


def test_a_refused_login_is_said_once_with_what_to_set(tmp_path: Path, pictures: Path) -> None:
    with Broker(tmp_path / "broker", users={"hut": "right"}) as broker:
        (tmp_path / "password").write_text("wrong")
        (tmp_path / "password").chmod(0o600)
        login = {"username": "hut", "password_file": "password"}
        with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.2)}, mqtt=login) as daemon:
            daemon.wait_for("login refused")
            daemon.wait_for("camera porch: online")
            (tmp_path / "password").write_text("right\n")  # read again at every try
            daemon.wait_for("connected (MQTT 5)")
            assert daemon.stop() == 0
    said = daemon.said()
    assert said.count(f"{broker.port}: login refused") == 1
    assert "check mqtt.username and the password in mqtt.password_file" in said
    assert "wrong" not in said


def test_restarted_frozen_and_gone(tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path) -> None:
    mqtt = {"keepalive_seconds": 5}
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.1)}, mqtt=mqtt) as daemon:
        wait_until(lambda: len(events(inbox)) >= 4)
        broker.stop()
        daemon.wait_for("events wait until it is back")
        broker.start()  # it has forgotten everything
        wait_until(lambda: inbox.subscriptions == 2)
        daemon.wait_for("connected (MQTT 5)", 2)
        before = classified(inbox)
        broker.freeze()
        daemon.wait_for("connection lost", 2, timeout_s=25)
        broker.thaw()
        daemon.wait_for("connected (MQTT 5)", 3)
        wait_until(lambda: classified(inbox) > before + 100, 20)  # it was not idle meanwhile
        wait_until(lambda: json.loads(inbox.last(f"{ROOT}/health") or "")["outbox"]["waiting"] < 20)
        assert daemon.stop() == 0
    health = json.loads(inbox.last(f"{ROOT}/health") or "")["outbox"]
    assert (health["expired_total"], health["dead_total"]) == (0, 0)


def test_a_snapshot_too_large_for_the_broker_costs_no_event(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    # Noise cannot be compressed, and is an answer all the same.
    noise = np.random.default_rng(1).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    noise[..., 0] |= 0xE0
    Image.fromarray(noise).save(folder / "0.png")
    Image.new("RGB", (800, 600), NOTHING).save(folder / "1.png")
    with (
        Broker(tmp_path / "broker", lines=["max_packet_size 20000"]) as broker,
        Inbox(broker) as inbox,
        Daemon(tmp_path, broker.port, {"porch": slides(folder, 0.3)}, snapshots={"width": 800}) as daemon,
    ):
        wait_until(lambda: len(events(inbox)) >= 4)
        assert daemon.stop() == 0
    assert_complete(inbox)
    assert not inbox.of(f"{ROOT}/porch/snapshot")
    assert daemon.said().count("are more than the broker takes (20000)") == 1
