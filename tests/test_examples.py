"""What stands in docs/examples works: each is run as it is, as far as this machine can."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeclassify.config.sections import CameraConfig, Config
from edgeclassify.mqtt.discovery import devices
from edgeclassify.mqtt.topics import Topics
from tests.broker import Broker, Inbox, free_port
from tests.waiting import wait_until

FOLDER = Path(__file__).parents[1] / "docs/examples"
EVENTS = "edgeclassify/hut/porch/event"


def event(number: int, label: str = "cat", event_type: str = "appeared", *, late: bool = False) -> str:
    fields = {
        "event_type": event_type, "epoch": "k3f9", "id": f"{number:010d}", "late": late, "node": "hut",
        "camera": "porch", "time": "2026-11-23T09:00:00.120Z", "label": label, "score": 0.87, "reason": "so",
    }  # fmt: skip
    return json.dumps(fields)


SENT = [
    event(1),
    event(1),  # a repeat
    event(2, event_type="gone"),
    event(3, late=True),
    event(4, "dog"),
    event(5),
    event(4, "dog"),
    event(5),
]
"""Cats that appear and are no old news: 1 and 5, each once."""


@contextmanager
def running(folder: Path, *command: str | Path, **variables: str) -> Iterator[Path]:
    """Run a program; yield the file with what it says."""
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            env=os.environ | variables,
            start_new_session=True,
        )
    try:
        yield said
    finally:
        os.killpg(process.pid, 15)
        process.wait(10)


def needs(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"cannot run here: {program} is not installed")


def subscribed(broker: Broker) -> None:
    wait_until(lambda: "edgeclassify/+/+/event" in broker.log(), 20)


def test_the_line_of_mosquitto_sub_and_jq(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    needs("mosquitto_sub", "jq")
    with running(tmp_path, FOLDER / "watch.sh", "127.0.0.1", str(broker.port)) as said:
        subscribed(broker)
        for one in SENT:
            inbox.publish(EVENTS, one)
        wait_until(lambda: said.read_text().count("cat") == 4)  # repeats are shown: this one remembers nothing
    assert "2026-11-23T09:00:00.120Z  hut/porch  cat  0.87  so" in said.read_text()
    assert said.read_text().count("dog") == 2


def test_the_python_script(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with running(tmp_path, sys.executable, FOLDER / "on_event.py", "127.0.0.1", str(broker.port)) as said:
        subscribed(broker)
        for one in [*SENT, event(6)]:
            inbox.publish(EVENTS, one)
        wait_until(lambda: said.read_text().count("\n") >= 3)
    assert said.read_text() == "porch: cat, so\n" * 3


def test_the_node_red_flow(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    """Node-RED is looked for on PATH; it is not installed for this: npm install node-red."""
    flow = json.loads((FOLDER / "node-red/flow.json").read_text())
    ids = {node["id"] for node in flow}
    assert {wire for node in flow for output in node.get("wires", []) for wire in output} <= ids
    needs("node-red")
    for node in flow:
        if node["type"] == "mqtt-broker":
            node |= {"broker": "127.0.0.1", "port": str(broker.port)}
    (tmp_path / "flow.json").write_text(json.dumps(flow))
    options = ["--userDir", tmp_path, "--port", str(free_port()), tmp_path / "flow.json"]
    with running(tmp_path, "node-red", *options) as said:
        wait_until(lambda: "Connected to broker" in said.read_text(errors="replace"), 60)
        subscribed(broker)
        for one in [*SENT, event(6, event_type="gone")]:
            inbox.publish(EVENTS, one)
        wait_until(lambda: len(inbox.of("light/porch/set")) >= 4)
    assert inbox.texts("light/porch/set") == ["ON", "OFF", "ON", "OFF"]


def test_the_bridge_keeps_events_while_the_line_is_down(tmp_path: Path) -> None:
    centre = Broker(tmp_path / "centre", users={"site-north": "CHANGE-ME", "reader": "x"})
    lines = (FOLDER / "mosquitto/bridge.conf").read_text().splitlines()
    with centre:
        own = [line for line in lines if not line.startswith(("#", "bridge_cafile"))]
        own = [f"address 127.0.0.1:{centre.port}" if line.startswith("address") else line for line in own]
        own += [f"persistence_location {tmp_path}/site/", "restart_timeout 1"]

        def log_in(client: Any) -> None:
            client.username_pw_set("reader", "x")

        reader = Inbox(centre, "north/#", configure=log_in, kept_session="reader")
        with reader, Broker(tmp_path / "site", lines=own) as site, Inbox(site, "nothing") as device:
            device.publish("edgeclassify/hut/status", "online", retain=True)
            device.publish(EVENTS, event(1))
            wait_until(lambda: reader.of(f"north/{EVENTS}"), 20)
            assert reader.last("north/edgeclassify/hut/status") == "online"
            centre.stop()
            for number in range(2, 30):
                device.publish(EVENTS, event(number))
            centre.start()
            wait_until(lambda: reader.subscriptions == 2, 20)
            device.publish(EVENTS, event(30))
            wait_until(lambda: len({json.loads(text)["id"] for text in reader.texts(f"north/{EVENTS}")}) == 30, 30)


class _Loader(yaml.SafeLoader):
    """Knows !input, as Home Assistant does."""


_Loader.add_constructor("!input", lambda loader, node: ("input", loader.construct_scalar(node)))


def load(name: str) -> Any:
    return yaml.load((FOLDER / "home-assistant" / name).read_text(), Loader=_Loader)


def test_the_blueprint_uses_every_input_that_it_asks_for() -> None:
    blueprint = load("blueprint.yaml")
    asked = set(blueprint["blueprint"]["input"])
    text = (FOLDER / "home-assistant/blueprint.yaml").read_text()
    assert all(f"!input {name}" in text for name in asked)
    assert asked == {word.split()[0] for word in text.split("!input ")[1:]}


@pytest.mark.parametrize("name", ["automation.yaml", "blueprint.yaml"])
def test_home_assistant_heeds_late_events(name: str) -> None:
    automation = load(name)
    assert {"triggers", "conditions", "actions"} <= set(automation)
    assert "not seen.late" in str(automation["conditions"])


@pytest.mark.parametrize("name", ["automation.yaml", "card.yaml"])
def test_every_entity_that_is_named_is_announced(name: str) -> None:
    config = Config(cameras={"feeder": CameraConfig()})
    found = devices(config, Topics("edgeclassify", "porch-pi"), {"feeder": {("cat", None): "cat"}})
    announced = {component["default_entity_id"] for device in found for component in device.components.values()}
    named = set(re.findall(r"\w+\.porch_pi_feeder_\w+", (FOLDER / "home-assistant" / name).read_text()))
    assert named
    assert named <= announced
