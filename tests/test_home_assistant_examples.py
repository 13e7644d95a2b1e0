"""The automation and the blueprint in docs/examples, in the real Home Assistant; see rigs/home-assistant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeclassify.config.sections import CameraConfig, Config
from edgeclassify.mqtt.discovery import devices
from edgeclassify.mqtt.topics import Topics
from tests.broker import Broker, Inbox
from tests.home_assistant import HomeAssistant, build_or_skip
from tests.waiting import wait_until

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]  # it is built once

FOLDER = Path(__file__).parents[1] / "docs/examples/home-assistant"
ROOT = "edgeclassify/porch-pi"
EVENT = "event.porch_pi_feeder_event"
BY_BLUEPRINT = {
    "alias": "by blueprint",
    "use_blueprint": {
        "path": "edgeclassify/seen.yaml",
        "input": {
            "event": EVENT,
            "label": "cat",
            "least_score": 0.5,
            "do": [{"action": "counter.increment", "target": {"entity_id": "counter.by_blueprint"}}],
        },
    },
}


@pytest.fixture
def home(tmp_path: Path, broker: Broker) -> Iterator[HomeAssistant]:
    build_or_skip()
    starting = HomeAssistant(tmp_path / "home", broker)
    automation = yaml.safe_load((FOLDER / "automation.yaml").read_text())
    # There is no telephone here: what it would be told is counted.
    automation["actions"] = [{"action": "counter.increment", "target": {"entity_id": "counter.by_automation"}}]
    more = {"automation": [automation, BY_BLUEPRINT], "counter": {"by_blueprint": {}, "by_automation": {}}}
    with (tmp_path / "home/configuration.yaml").open("a") as file:
        file.write(yaml.safe_dump(more))
    blueprints = tmp_path / "home/blueprints/automation/edgeclassify"
    blueprints.mkdir(parents=True)
    (blueprints / "seen.yaml").write_text((FOLDER / "blueprint.yaml").read_text())
    with starting as running:
        yield running
        assert running.complaints() == []


def announce(inbox: Inbox) -> None:
    config = Config(cameras={"feeder": CameraConfig()})
    for device in devices(config, Topics("edgeclassify", "porch-pi"), {"feeder": {}}):
        message = device.message()
        inbox.publish(message.topic, message.payload, retain=True)
    for status in (f"{ROOT}/status", f"{ROOT}/feeder/status"):
        inbox.publish(status, "online", retain=True)


def event(number: int, label: str = "cat", **more: Any) -> str:
    fields = {
        "event_type": "appeared", "epoch": "k3f9", "id": f"{number:010d}", "late": False, "node": "porch-pi",
        "camera": "feeder", "time": datetime.now(UTC).isoformat(), "label": label, "score": 0.87, "reason": "so",
    }  # fmt: skip
    return json.dumps(fields | more)


def test_each_visit_of_a_cat_counts_once(home: HomeAssistant, inbox: Inbox) -> None:
    announce(inbox)
    wait_until(lambda: home.state(EVENT) == "unknown", 20)
    sent = [event(1), event(1), event(2, event_type="gone", best_score=0.9), event(3, late=True), event(4, "dog"),
            event(5, score=0.4), event(6), event(4, "dog"), event(6)]  # fmt: skip
    for one in sent:
        inbox.publish(f"{ROOT}/feeder/event", one)
        wait_until(lambda: home.state(EVENT) != "unknown")
    wait_until(lambda: home.state("counter.by_blueprint") == "2", 20)  # 1 and 6; 5 has too low a score for it
    wait_until(lambda: home.state("counter.by_automation") == "3", 20)
    # The node was away: the entity comes back with its last event, which is no new one.
    inbox.publish(f"{ROOT}/status", "offline", retain=True)
    wait_until(lambda: home.state(EVENT) == "unavailable")
    inbox.publish(f"{ROOT}/status", "online", retain=True)
    wait_until(lambda: home.state(EVENT) != "unavailable")
    home.stop()
    home.start()
    wait_until(lambda: home.state(EVENT) not in (None, "unavailable"), 60)
    inbox.publish(f"{ROOT}/feeder/event", event(7))
    wait_until(lambda: home.state("counter.by_blueprint") == "3", 20)
    assert home.state("counter.by_automation") == "4"
