"""The access list in docs/examples, on a real mosquitto: a device can do all it must, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import yaml

from edgeclassify.cli import run_command
from tests.broker import Broker, Inbox
from tests.running import NOTHING, Daemon, colour_of, run_to_end, slides, write_pictures
from tests.waiting import wait_until

ACL = Path(__file__).parents[2] / "docs/examples/mosquitto/edgeclassify.acl"
DEVICE, OTHER = "porch-pi", "barn-pi"
USERS = {name: f"password of {name}" for name in (DEVICE, OTHER, "homeassistant", "watcher", "admin")}
OWN = f"edgeclassify/{DEVICE}"
DISCOVERY = "homeassistant/device"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker", users=USERS, lines=[f"acl_file {ACL}", "allow_anonymous false"]) as broker:
        yield broker


def client_of(broker: Broker, user: str, *topics: str) -> Inbox:
    def log_in(client: paho.Client) -> None:
        client.username_pw_set(user, USERS[user])

    return Inbox(broker, *topics, configure=log_in)


def login(folder: Path, user: str) -> dict[str, str]:
    (folder / "password").write_text(USERS[user])
    (folder / "password").chmod(0o600)
    return {"username": user, "password_file": str(folder / "password")}


def test_a_device_can_do_all_it_must(tmp_path: Path, guarded: Broker) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    cameras = {"porch": slides(pictures, 0.3)}
    sections = {"node": DEVICE, "mqtt": login(tmp_path, DEVICE), "home_assistant": {"labels": ["red"]}}
    with (
        client_of(guarded, "homeassistant") as home,
        client_of(guarded, "watcher") as watcher,
        Daemon(tmp_path, guarded.port, cameras, **sections) as daemon,
    ):
        for topic in ("status", "info", "health", "porch/status", "porch/event", "porch/state", "porch/snapshot",
                      "porch/labels/red", "porch/threshold", "porch/enabled"):  # fmt: skip
            wait_until(lambda topic=topic: home.of(f"{OWN}/{topic}"), 20)
        home.publish(f"{OWN}/porch/threshold/set", "0.7")
        wait_until(lambda: home.last(f"{OWN}/porch/threshold") == "0.70")
        home.publish(f"{OWN}/porch/enabled/set", "OFF")
        wait_until(lambda: home.last(f"{OWN}/porch/enabled") == "OFF")
        home.publish(f"{OWN}/porch/enabled/set", "ON")
        home.publish(f"{OWN}/porch/take_snapshot/set", "x")
        wait_until(lambda: [json.loads(text)["done"] for text in home.texts(f"{OWN}/response")].count(True) >= 4)
        watcher.publish(f"{OWN}/why/set", "20")
        wait_until(lambda: watcher.of(f"{OWN}/porch/why"))
        doctor = run_to_end(tmp_path, "doctor", "-c", "config.yaml", "--json", timeout_s=60)
        found = {
            one["check"]: one["status"] for one in json.loads(doctor.stdout)["findings"] if one["part"] == "broker"
        }
        assert (found["publish"], found["receive"]) == ("ok", "ok")
        assert daemon.stop() == 0
    assert "Denied" not in guarded.log()


def attempts() -> list[tuple[str, str, bool]]:
    return [
        (DEVICE, f"{OWN}/porch/event", True),
        (DEVICE, f"edgeclassify/{OTHER}/status", False),
        (DEVICE, f"edgeclassify/{OTHER}/porch/event", False),
        (DEVICE, f"edgeclassify/{OTHER}/porch/threshold/set", False),
        (DEVICE, f"{DISCOVERY}/edgeclassify_{DEVICE}/config", True),
        (DEVICE, f"{DISCOVERY}/edgeclassify_{DEVICE}_porch/config", True),
        (DEVICE, f"{DISCOVERY}/edgeclassify_{OTHER}/config", False),
        (DEVICE, "homeassistant/status", False),
        (DEVICE, "zigbee2mqtt/lamp/set", False),
        (OTHER, f"{DISCOVERY}/edgeclassify_{DEVICE}/config", False),
        (OTHER, f"{OWN}/status", False),
        ("homeassistant", f"{OWN}/porch/threshold/set", True),
        ("homeassistant", f"{OWN}/porch/event", False),
        ("watcher", f"{OWN}/why/set", True),
        ("watcher", f"{OWN}/porch/enabled/set", False),
        ("admin", f"{OWN}/status", True),
    ]


def test_a_device_can_publish_nothing_else(guarded: Broker) -> None:
    # What somebody else may read shows what got through; both together may read all of it.
    with client_of(guarded, "homeassistant") as home, client_of(guarded, DEVICE) as device:
        for user, topic, allowed in attempts():
            with client_of(guarded, user, "nothing") as client:
                client.publish(topic, "tried")
                client.publish(f"edgeclassify/{user}/end", topic)  # behind it, and allowed
            wait_until(lambda topic=topic, user=user: home.last(f"edgeclassify/{user}/end") == topic)
            arrived = "tried" in home.texts(topic) + device.texts(topic)
            assert arrived == allowed, f"{user} publishes on {topic}"
            home.clear()
            device.clear()


def test_a_device_can_read_nothing_else(guarded: Broker) -> None:
    readable = [f"{OWN}/status", f"{OWN}/why/set", f"{OWN}/porch/threshold/set", f"{OWN}/porch/enabled/set",
                f"{OWN}/porch/take_snapshot/set", f"{OWN}/doctor"]  # fmt: skip
    hidden = [f"{OWN}/porch/event", f"edgeclassify/{OTHER}/status", f"edgeclassify/{OTHER}/porch/event",
              f"edgeclassify/{OTHER}/porch/snapshot", f"{DISCOVERY}/edgeclassify_{OTHER}/config"]  # fmt: skip
    with client_of(guarded, DEVICE) as device, client_of(guarded, "admin", "nothing") as admin:
        for topic in [*readable, *hidden]:
            admin.publish(topic, "secret", retain=True)
        admin.publish(f"{OWN}/doctor", "end")
        wait_until(lambda: device.last(f"{OWN}/doctor") == "end")
        assert {message.topic for message in device.received} == set(readable)
    with client_of(guarded, DEVICE) as later:
        wait_until(lambda: later.of(f"{OWN}/status"))
        assert {message.topic for message in later.received} <= set(readable)


def test_commands_work_with_their_own_users(
    tmp_path: Path, guarded: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    with client_of(guarded, "admin") as admin:
        admin.publish(f"{OWN}/status", "offline", retain=True)
        admin.publish(f"{DISCOVERY}/edgeclassify_{DEVICE}/config", json.dumps({"t": f"{OWN}/status"}), retain=True)
    config = tmp_path / "asking.yaml"

    def ask(user: str, *command: str) -> int:
        mqtt = {"host": "127.0.0.1", "port": guarded.port} | login(tmp_path, user)
        config.write_text(yaml.safe_dump({"mqtt": mqtt}))
        return run_command([*command, "-c", str(config)])

    assert ask("watcher", "nodes") == 0
    assert DEVICE in capsys.readouterr().out
    assert ask("watcher", "forget", DEVICE) == 69
    assert "give this user write access" in capsys.readouterr().err
    assert ask("admin", "forget", DEVICE) == 0
    assert capsys.readouterr().out.splitlines() == [f"{DISCOVERY}/edgeclassify_{DEVICE}/config", f"{OWN}/status"]
