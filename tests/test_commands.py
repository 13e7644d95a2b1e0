"""Commands over MQTT to a running daemon: carried out, echoed, answered, and kept over a restart."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.broker import Broker, Inbox
from tests.running import NOTHING, ROOT, Daemon, colour_of, run_to_end, slides, write_pictures
from tests.waiting import wait_until

PORCH = f"{ROOT}/porch"
RESPONSE = f"{ROOT}/response"


@pytest.fixture
def daemon(tmp_path: Path, broker: Broker, inbox: Inbox) -> Iterator[Daemon]:
    """It sees red at 0.90 all the time."""
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), size=(64, 48))
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures), "yard": slides(pictures)}) as running:
        wait_until(lambda: state(inbox) == "red")
        yield running


def state(inbox: Inbox, camera: str = "porch") -> str | None:
    text = inbox.last(f"{ROOT}/{camera}/state")
    return json.loads(text)["label"] if text else None


def events(inbox: Inbox, camera: str = "porch") -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(f"{ROOT}/{camera}/event")]


def answers(inbox: Inbox) -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(RESPONSE)]


def ask(inbox: Inbox, topic: str, payload: str | bytes, *, retain: bool = False) -> dict[str, Any]:
    """Send a command; return the answer to it."""
    before = len(answers(inbox))
    inbox.publish(f"{topic}", payload, retain=retain)
    wait_until(lambda: len(answers(inbox)) > before)
    return answers(inbox)[-1]


def info(inbox: Inbox) -> dict[str, Any]:
    return json.loads(inbox.last(f"{ROOT}/info") or "{}")


def test_a_threshold_holds_at_once_is_echoed_and_ends_only_what_it_must(daemon: Daemon, inbox: Inbox) -> None:
    assert inbox.last(f"{PORCH}/threshold") == "0.60"
    answer = ask(inbox, f"{PORCH}/threshold/set", "0.5")
    assert (answer["topic"], answer["done"], answer["message"]) == (
        f"{PORCH}/threshold/set",
        True,
        "threshold is 0.5",
    )
    assert inbox.last(f"{PORCH}/threshold") == "0.50"
    assert len(events(inbox)) == 1, "what is present stays"
    # Hysteresis: 0.90 is not below 1.00 - 0.10.
    daemon.config["events"]["hysteresis"] = 0
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("events: hysteresis as written")
    assert ask(inbox, f"{PORCH}/threshold/set", "1")["done"]
    wait_until(lambda: state(inbox) == "none")
    assert state(inbox, "yard") == "red", "the other camera goes on"
    assert [event["event_type"] for event in events(inbox)] == ["appeared", "gone"]
    assert daemon.stop() == 0


def test_a_camera_that_is_switched_off_ends_what_is_present_and_stays_online(daemon: Daemon, inbox: Inbox) -> None:
    assert inbox.last(f"{PORCH}/enabled") == "ON"
    ask(inbox, f"{PORCH}/enabled/set", "OFF")
    assert inbox.last(f"{PORCH}/enabled") == "OFF"
    wait_until(lambda: state(inbox) == "none")
    assert events(inbox)[-1]["reason"] == "disabled"
    classified = json.loads(inbox.last(f"{ROOT}/health") or "")["cameras"]["porch"]["classified_total"]
    told = len(inbox.of(f"{ROOT}/health"))
    wait_until(lambda: len(inbox.of(f"{ROOT}/health")) >= told + 3)
    after = json.loads(inbox.last(f"{ROOT}/health") or "")["cameras"]["porch"]
    assert after["classified_total"] <= classified + 20
    assert after["captured_total"] > after["classified_total"]
    assert inbox.last(f"{PORCH}/status") == "online"
    ask(inbox, f"{PORCH}/enabled/set", "ON")
    wait_until(lambda: state(inbox) == "red")
    assert daemon.stop() == 0


def test_what_was_set_survives_a_restart_and_is_shown_until_it_is_cleared(
    daemon: Daemon, inbox: Inbox, tmp_path: Path
) -> None:
    ask(inbox, f"{PORCH}/threshold/set", "0.95")
    ask(inbox, f"{PORCH}/enabled/set", "OFF")
    daemon.kill()
    inbox.clear()
    daemon.start()
    wait_until(lambda: inbox.last(f"{PORCH}/threshold") == "0.95")
    assert inbox.last(f"{PORCH}/enabled") == "OFF"
    wait_until(lambda: info(inbox).get("overrides") == {"porch": {"threshold": 0.95, "enabled": False}})
    assert info(inbox)["configuration"]["cameras"]["porch"]["enabled"] is False
    checked = run_to_end(tmp_path, "check", "-c", "config.yaml")
    assert checked.returncode == 0, checked.stderr
    assert "disabled: set over MQTT" in checked.stdout
    assert "0.95  everything else" in checked.stdout
    shown = run_to_end(tmp_path, "overrides", "-c", "config.yaml")
    assert shown.stdout == "camera porch: threshold 0.95  in place of 0.6\ncamera porch: enabled OFF\n"
    unknown = run_to_end(tmp_path, "overrides", "clear", "-c", "config.yaml", "--camera", "prch")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is something for: porch" in unknown.stderr
    cleared = run_to_end(tmp_path, "overrides", "clear", "-c", "config.yaml")
    assert cleared.returncode == 0, cleared.stderr
    assert "cleared: porch" in cleared.stdout
    wait_until(lambda: inbox.last(f"{PORCH}/threshold") == "0.60")
    wait_until(lambda: inbox.last(f"{PORCH}/enabled") == "ON")
    wait_until(lambda: state(inbox) == "red")
    again = run_to_end(tmp_path, "overrides", "-c", "config.yaml")
    assert again.stdout.startswith("nothing is set over MQTT")
    assert daemon.stop() == 0


def test_a_snapshot_that_is_asked_for_is_a_fresh_picture(daemon: Daemon, inbox: Inbox, tmp_path: Path) -> None:
    wait_until(lambda: inbox.of(f"{PORCH}/snapshot"))
    inbox.clear()
    ask(inbox, f"{PORCH}/enabled/set", "OFF")
    assert ask(inbox, f"{PORCH}/take_snapshot/set", "PRESS")["done"]
    wait_until(lambda: inbox.of(f"{PORCH}/snapshot"))
    (tmp_path / "taken.jpg").write_bytes(inbox.of(f"{PORCH}/snapshot")[-1].payload)
    with Image.open(tmp_path / "taken.jpg") as picture:
        assert picture.size == (64, 48)
    assert daemon.stop() == 0


def test_the_last_snapshot_is_there_again_after_a_broker_restart(daemon: Daemon, inbox: Inbox, broker: Broker) -> None:
    wait_until(lambda: inbox.of(f"{PORCH}/snapshot"))
    broker.stop()
    inbox.clear()
    broker.start()
    wait_until(lambda: inbox.of(f"{PORCH}/snapshot"))
    assert daemon.stop() == 0


REFUSED = [
    (f"{PORCH}/threshold/set", "0", "must be a number from 0.01 to 1"),
    (f"{PORCH}/threshold/set", "nan", "must be a number"),
    (f"{PORCH}/threshold/set", b"\xff\xfe", "is not UTF-8"),
    (f"{PORCH}/threshold/set", "9" * 60_000, "60000 bytes are too large"),
    (f"{PORCH}/enabled/set", "off", "must be ON or OFF"),
    (f"{ROOT}/prch/enabled/set", "OFF", "there is no camera 'prch'; there are: porch, yard"),
    (f"{ROOT}/üß/take_snapshot/set", "1", "there is no camera"),
]


def test_what_is_wrong_is_refused_said_and_the_true_value_told_again(daemon: Daemon, inbox: Inbox) -> None:
    for topic, payload, said in REFUSED:
        before = len(inbox.of(f"{PORCH}/threshold"))
        answer = ask(inbox, topic, payload)
        assert (answer["topic"], answer["done"]) == (topic, False)
        assert said in answer["message"]
        if topic.startswith(PORCH):
            wait_until(lambda before=before: len(inbox.of(f"{PORCH}/threshold")) > before)
    assert (inbox.last(f"{PORCH}/threshold"), inbox.last(f"{PORCH}/enabled")) == ("0.60", "ON")
    assert "command refused" in daemon.said()
    assert not (daemon.folder / "state/overrides.json").exists()
    assert daemon.stop() == 0


def test_a_retained_command_is_refused_at_each_start(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    inbox.publish(f"{PORCH}/enabled/set", "OFF", retain=True)
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        wait_until(lambda: any("is retained" in answer["message"] for answer in answers(inbox)))
        wait_until(lambda: state(inbox) == "red")
        assert inbox.last(f"{PORCH}/enabled") == "ON"
        assert daemon.stop() == 0


def test_a_command_that_waited_while_the_daemon_was_frozen_is_refused(
    tmp_path: Path, broker: Broker, inbox: Inbox
) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    patient = {"keepalive_seconds": 60}  # else the broker closes the connection before
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}, mqtt=patient) as daemon:
        wait_until(lambda: state(inbox) == "red")
        daemon.process.send_signal(signal.SIGSTOP)
        frozen_s = time.monotonic()
        try:
            inbox.publish(f"{PORCH}/enabled/set", "OFF")
            wait_until(lambda: time.monotonic() > frozen_s + 7)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        wait_until(lambda: any("came too late" in answer["message"] for answer in answers(inbox)))
        assert inbox.last(f"{PORCH}/enabled") == "ON"
        assert ask(inbox, f"{PORCH}/enabled/set", "OFF")["done"], "the next one is on time"
        assert daemon.stop() == 0


def test_of_commands_by_the_thousand_few_are_carried_out_and_the_last_one_counts(daemon: Daemon, inbox: Inbox) -> None:
    for number in range(3000):
        inbox.client.publish(f"{PORCH}/threshold/set", f"0.{number % 90 + 10}", qos=0)
    wait_until(lambda: answers(inbox))
    wait_until(lambda: ask(inbox, f"{PORCH}/threshold/set", "0.42") and inbox.last(f"{PORCH}/threshold") == "0.42")
    assert len(events(inbox)) <= 3
    said = [answer["message"] for answer in answers(inbox)]
    assert any("another one came right after it" in text for text in said), "none goes without a word"
    assert daemon.said().count("threshold is") < 300
    assert daemon.stop() == 0


def test_a_flood_of_commands_keeps_nobody_from_stopping_the_daemon(daemon: Daemon, inbox: Inbox) -> None:
    done = threading.Event()

    def flood() -> None:
        number = 0
        while not done.wait(0.001):
            number += 1
            inbox.client.publish(f"{PORCH}/threshold/set", f"0.{number % 90 + 10}", qos=0)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        wait_until(lambda: len(answers(inbox)) > 100)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reload: ")
        assert daemon.stop() == 0
    finally:
        done.set()
        flooding.join()


def test_without_snapshots_none_is_taken(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    cameras = {"porch": slides(pictures)}
    with Daemon(tmp_path, broker.port, cameras, snapshots={"enabled": False}) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        answer = ask(inbox, f"{PORCH}/take_snapshot/set", "")
        assert (answer["done"], answer["message"]) == (False, "snapshots.enabled is false in config.yaml")
        assert not inbox.of(f"{PORCH}/snapshot")
        assert daemon.stop() == 0
