"""The daemon and what it leaves on a real broker for Home Assistant, over changes and restarts of either."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Inbox
from tests.running import NOTHING, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

PORCH = "homeassistant/device/edgeclassify_hut_porch/config"
YARD = "homeassistant/device/edgeclassify_hut_yard/config"
HUT = "homeassistant/device/edgeclassify_hut/config"


def kept(broker: Broker) -> dict[str, bytes]:
    """All that the broker keeps now."""
    with Inbox(broker) as inbox:
        inbox.publish("kept/end", "")  # comes back after everything that is kept
        wait_until(lambda: inbox.of("kept/end"))
        return {message.topic: message.payload for message in inbox.received if message.retain}


def left(broker: Broker, root: str) -> list[str]:
    """The topics below `root` that the broker keeps."""
    return sorted(topic for topic in kept(broker) if topic.startswith(root))


def components(broker: Broker, topic: str = PORCH) -> set[str]:
    payload = kept(broker).get(topic)
    return set(json.loads(payload)["components"]) if payload else set()


def memory(daemon: Daemon) -> dict[str, Any]:
    return dict(json.loads((daemon.folder / "state/announced.json").read_text()))


@pytest.fixture
def daemon(tmp_path: Path, broker: Broker) -> Daemon:
    """One with two cameras, not started."""
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    cameras = {"porch": slides(pictures), "yard": slides(pictures)}
    events = {"thresholds": {"*": 0.6, "red": 0.5, "green": 0.5}}
    return Daemon(tmp_path, broker.port, cameras, events=events)


@pytest.fixture
def restart(daemon: Daemon) -> Callable[..., None]:
    """End the daemon, change its configuration, and start it again."""

    def again(**sections: Any) -> None:
        daemon.stop()
        for key, value in sections.items():
            daemon.config[key] = value
        daemon.write_config()
        daemon.start()

    return again


def test_discovery_comes_first_then_the_states_then_online(daemon: Daemon, inbox: Inbox) -> None:
    with daemon:
        wait_until(lambda: inbox.of("edgeclassify/hut/porch/event"))
    topics = [message.topic for message in inbox.received]
    assert topics[0] == HUT
    assert set(topics[1:3]) == {PORCH, YARD}
    states = topics[3 : topics.index("edgeclassify/hut/status")]
    told = {"info", "porch/status", "porch/threshold", "porch/enabled"}
    assert {f"edgeclassify/hut/{topic}" for topic in told} <= set(states)
    assert not any(topic.startswith("homeassistant") for topic in states)


def test_a_broker_that_forgot_everything_is_told_everything(daemon: Daemon, broker: Broker) -> None:
    with daemon:
        last = {f"edgeclassify/hut/{name}" for name in ("health", "porch/snapshot", "yard/snapshot")}
        wait_until(lambda: last <= kept(broker).keys(), 20)
        before = kept(broker).keys()
        broker.restart()
        wait_until(lambda: kept(broker).keys() == before)


def test_home_assistants_birth_is_answered_and_an_old_one_is_not(daemon: Daemon, inbox: Inbox) -> None:
    inbox.publish("homeassistant/status", "online", retain=True)
    with daemon:
        wait_until(lambda: inbox.of("edgeclassify/hut/porch/event"))
        announced = len(inbox.of(PORCH))
        inbox.publish("homeassistant/status", "offline")
        inbox.publish("homeassistant/status", "online")
        wait_until(lambda: len(inbox.of(PORCH)) > announced)
        assert len(inbox.of(PORCH)) == announced + 1
        assert len(inbox.of(HUT)) == len(inbox.of(YARD)) == len(inbox.of(PORCH))
        assert inbox.texts("edgeclassify/hut/status") == ["online"], "nothing of this has changed"


def test_a_label_that_is_watched_no_more_is_removed_by_a_reload(daemon: Daemon, broker: Broker, inbox: Inbox) -> None:
    with daemon:
        wait_until(lambda: "present_green" in components(broker))
        inbox.clear()
        daemon.config["events"]["thresholds"] = {"*": 0.6, "red": 0.5, "blue": 0.5}
        daemon.write_config()
        daemon.process.send_signal(signal.SIGHUP)
        removing = {"platform": "binary_sensor"}
        # What was told of the labels before may still come a second time.
        wait_until(
            lambda: any(json.loads(text)["components"].get("present_green") == removing for text in inbox.texts(PORCH))
        )
        wait_until(lambda: "present_green" not in json.loads(inbox.texts(PORCH)[-1])["components"])
        after = json.loads(inbox.texts(PORCH)[-1])["components"]
        assert "present_green" not in after
        assert "present_blue" in after
        wait_until(lambda: "edgeclassify/hut/porch/labels/green" not in kept(broker))
        wait_until(lambda: "edgeclassify/hut/porch/labels/green" not in memory(daemon)["states"])


def test_a_camera_that_is_no_more_is_cleared_after_a_restart(
    daemon: Daemon, broker: Broker, inbox: Inbox, restart: Callable[..., None]
) -> None:
    with daemon:
        wait_until(lambda: "edgeclassify/hut/yard/snapshot" in kept(broker))
        cameras = {"porch": daemon.config["cameras"]["porch"]}
        restart(cameras=cameras)
        wait_until(lambda: not left(broker, "edgeclassify/hut/yard") and YARD not in kept(broker))
        wait_until(lambda: not any("yard" in topic for topic in memory(daemon)["states"]))
        assert left(broker, "edgeclassify/hut/porch/s")
        assert YARD not in memory(daemon)["devices"]
        times = len(inbox.of(YARD))
        restart()
        wait_until(lambda: len(inbox.of(HUT)) >= 3)
        assert len(inbox.of(YARD)) == times


def test_the_last_picture_does_not_stay_when_snapshots_are_switched_off(
    daemon: Daemon, broker: Broker, restart: Callable[..., None]
) -> None:
    picture = "edgeclassify/hut/porch/snapshot"
    with daemon:
        wait_until(lambda: picture in kept(broker))
        restart(snapshots={"enabled": False})
        wait_until(lambda: not {"snapshot", "take_snapshot"} & components(broker))
        wait_until(lambda: picture not in kept(broker))


def test_a_renamed_node_leaves_nothing_behind(daemon: Daemon, broker: Broker, restart: Callable[..., None]) -> None:
    with daemon:
        wait_until(lambda: "edgeclassify/hut/yard/snapshot" in kept(broker))
        restart(node="shed")
        wait_until(lambda: not left(broker, "edgeclassify/hut") and "edgeclassify/shed/status" in kept(broker))
        assert not {HUT, PORCH, YARD} & kept(broker).keys()


def test_discovery_that_is_switched_off_or_goes_elsewhere_is_cleared(
    daemon: Daemon, broker: Broker, inbox: Inbox
) -> None:
    def reload(**sections: Any) -> None:
        daemon.config |= sections
        daemon.write_config()
        daemon.process.send_signal(signal.SIGHUP)

    with daemon:
        wait_until(lambda: PORCH in kept(broker))
        reload(home_assistant={"discovery_prefix": "elsewhere"})
        wait_until(lambda: left(broker, "elsewhere") and not left(broker, "homeassistant"))
        announced = len(inbox.of("elsewhere/device/+/config"))
        inbox.publish("elsewhere/status", "online")
        wait_until(lambda: len(inbox.of("elsewhere/device/+/config")) >= announced + 3)
        reload(home_assistant={"enabled": False})
        wait_until(lambda: not left(broker, "elsewhere"))
        wait_until(lambda: memory(daemon)["devices"] == {})
        assert left(broker, "edgeclassify/hut/porch")


def test_what_is_removed_while_the_broker_is_away_is_cleared_when_it_is_back(
    tmp_path: Path, inbox: Inbox, daemon: Daemon, broker: Broker, restart: Callable[..., None]
) -> None:
    database = tmp_path / "kept"
    database.mkdir()
    broker.stop()
    broker.lines += ["persistence true", f"persistence_location {database}/"]
    broker.start()
    with daemon:
        wait_until(lambda: "edgeclassify/hut/yard/snapshot" in kept(broker))
        broker.stop()
        restart(cameras={"porch": daemon.config["cameras"]["porch"]})
        daemon.wait_for("connection refused")
        restart()  # and once more, before it could be told
        daemon.wait_for("connection refused", times=2)
        broker.start()
        wait_until(lambda: not left(broker, "edgeclassify/hut/yard") and YARD not in kept(broker), 20)


def test_a_memory_that_cannot_be_read_or_written_changes_nothing_else(
    daemon: Daemon, broker: Broker, restart: Callable[..., None]
) -> None:
    with daemon:
        wait_until(lambda: PORCH in kept(broker))
        file = daemon.folder / "state/announced.json"
        file.unlink()
        (file / "a folder").mkdir(parents=True)
        restart()
        daemon.wait_for("what was announced is not remembered")
        assert daemon.said().count("announced.json") >= 1
        wait_until(lambda: PORCH in kept(broker))
        assert daemon.stop() == 0


def test_it_is_written_only_when_it_changes(daemon: Daemon, broker: Broker, restart: Callable[..., None]) -> None:
    with daemon:
        wait_until(lambda: PORCH in kept(broker))
        wait_until(lambda: (daemon.folder / "state/announced.json").exists())
        before = (daemon.folder / "state/announced.json").stat()
        broker.restart()
        daemon.wait_for("connected", times=2)
        restart()
        daemon.wait_for("connected", times=3)
        after = (daemon.folder / "state/announced.json").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
