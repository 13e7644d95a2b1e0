"""The daemon in the real Home Assistant, over a real broker; see rigs/home-assistant."""

from __future__ import annotations

import io
import itertools
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeclassify import __version__
from tests.broker import Broker, Inbox
from tests.home_assistant import HomeAssistant, StateChanges, build_or_skip
from tests.running import Daemon, colour_of, slides, write_model, write_pictures
from tests.waiting import wait_until

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]  # it is built once

GOLDEN = Path(__file__).parent / "mqtt/golden"
LABELS = ("red, crimson", "green", "blue")
BACK_S = 10.0
"""After the last restart of whatever side, everything is right again so soon."""

CAMERA = {  # name, unit, category, device class
    "event.hut_porch_event": ("Event", None, None, None),
    "sensor.hut_porch_label": ("Label", None, None, None),
    "sensor.hut_porch_score": ("Score", "%", None, None),
    "number.hut_porch_threshold": ("Threshold for labels without their own", None, "config", None),
    "switch.hut_porch_enabled": ("Classification", None, "config", None),
    "image.hut_porch_snapshot": ("Snapshot", None, None, None),
    "button.hut_porch_take_snapshot": ("Take snapshot", None, None, None),
    "sensor.hut_porch_frames_per_second": ("Frames per second", "fps", "diagnostic", None),
    "sensor.hut_porch_inference_ms": ("Inference time", "ms", "diagnostic", "duration"),
    "sensor.hut_porch_accelerator": ("Accelerator", None, "diagnostic", None),
    "binary_sensor.hut_porch_red_crimson": ("Red", None, None, "occupancy"),
    "binary_sensor.hut_porch_warm": ("Warm", None, None, "occupancy"),
}
NODE = {
    "sensor.hut_temperature": ("Temperature", "°C", "diagnostic", "temperature"),
    "sensor.hut_events_waiting": ("Events waiting", "events", "diagnostic", None),
    "sensor.hut_version": ("Version", None, "diagnostic", None),
}


@pytest.fixture
def daemon(tmp_path: Path, broker: Broker) -> Iterator[Daemon]:
    """One that sees red all the time, and runs."""
    (tmp_path / "daemon").mkdir()
    write_model(tmp_path / "daemon", LABELS)
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    events = {"groups": {"warm": ["green", "blue"]}, "thresholds": {"*": 0.6, "red": 0.5, "warm": 0.5}}
    with Daemon(tmp_path / "daemon", broker.port, {"porch": slides(pictures)}, events=events) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, broker: Broker) -> Iterator[HomeAssistant]:
    build_or_skip()
    with HomeAssistant(tmp_path / "home", broker) as running:
        yield running
        assert running.complaints() == []


def show(folder: Path, *colours: tuple[int, int, int]) -> None:
    write_pictures(folder.parent / "pictures", *colours)


def has_state(home: HomeAssistant, entity: str, *states: str) -> Callable[[], bool]:
    return lambda: home.state(entity) in states


def is_right(home: HomeAssistant) -> bool:
    """Whether it shows what there is: red, on a camera and a node that are there."""
    states = {entry["entity_id"]: entry["state"] for entry in home.get("/api/states") if ".hut_" in entry["entity_id"]}
    seen = {key: states.get(key) for key in ("sensor.hut_porch_label", "binary_sensor.hut_porch_red_crimson")}
    rest = {states.get("binary_sensor.hut_porch_warm"), states.get("switch.hut_porch_enabled")}
    return (
        list(seen.values()) == ["red, crimson", "on"]
        and rest == {"off", "on"}
        and states.get("number.hut_porch_threshold") == "0.6"
        and states.get("sensor.hut_version") == __version__
        and "unavailable" not in states.values()
    )


def test_every_entity_is_there_with_its_name_unit_and_category(
    daemon: Daemon, home: HomeAssistant, inbox: Inbox
) -> None:
    wait_until(lambda: is_right(home), 20)
    found = home.entities()
    assert found.keys() == CAMERA.keys() | NODE.keys()
    disabled = {entity for entity, entry in found.items() if entry["disabled_by"]}
    assert disabled == {"sensor.hut_porch_inference_ms"}
    shown = {entry["entity_id"]: entry["attributes"] for entry in home.get("/api/states")}
    for entity, (name, unit, category, kind) in (CAMERA | NODE).items():
        assert (found[entity]["original_name"], found[entity]["entity_category"]) == (name, category)
        if entity not in disabled:
            attributes = shown[entity]
            assert (attributes.get("unit_of_measurement"), attributes.get("device_class")) == (unit, kind), entity
    assert shown["sensor.hut_porch_label"].keys() >= {"label", "score", "since", "epoch", "event_id"}
    assert shown["sensor.hut_porch_label"]["friendly_name"] == "Porch Label"
    number = shown["number.hut_porch_threshold"]
    assert (number["min"], number["max"], number["step"]) == (0.01, 1, 0.01)
    assert shown["event.hut_porch_event"]["event_types"] == ["appeared", "gone"]

    home.command("config/entity_registry/update", entity_id="sensor.hut_porch_inference_ms", disabled_by=None)
    devices = home.devices()
    assert {key: device["name"] for key, device in devices.items()} == {
        "edgeclassify_hut": "hut",
        "edgeclassify_hut_porch": "Porch",
    }
    assert devices["edgeclassify_hut_porch"]["via_device_id"] == devices["edgeclassify_hut"]["id"]
    assert devices["edgeclassify_hut"]["sw_version"] == __version__
    for name in devices:  # what passed here is what the other tests compare with
        passed = json.loads(inbox.last(f"homeassistant/device/{name}/config") or "")
        golden = (GOLDEN / f"{name}.json").read_text(encoding="utf-8").replace("@VERSION@", __version__)
        assert passed == json.loads(golden)


def test_state_picture_and_availability_follow(daemon: Daemon, home: HomeAssistant, broker: Broker) -> None:
    wait_until(lambda: is_right(home), 20)
    wait_until(has_state(home, "sensor.hut_porch_score", "90.2"))
    with Image.open(io.BytesIO(home.picture("image.hut_porch_snapshot"))) as picture:
        middle = np.asarray(picture.convert("RGB"))[8, 8].astype(int)
    assert np.abs(middle - colour_of(0)).max() < 12
    show(daemon.folder, colour_of(1))
    daemon.stop()
    wait_until(has_state(home, "sensor.hut_porch_label", "unavailable"))
    shown = {entry["entity_id"]: entry["state"] for entry in home.get("/api/states") if ".hut_" in entry["entity_id"]}
    assert set(shown.values()) == {"unavailable"}
    daemon.start()
    wait_until(has_state(home, "sensor.hut_porch_label", "warm"))
    wait_until(has_state(home, "binary_sensor.hut_porch_red_crimson", "off"))
    wait_until(has_state(home, "binary_sensor.hut_porch_warm", "on"))
    daemon.kill()  # the last will, once the broker misses it
    wait_until(has_state(home, "sensor.hut_version", "unavailable"), 20)


def test_number_switch_and_button_act(daemon: Daemon, home: HomeAssistant, inbox: Inbox) -> None:
    wait_until(lambda: is_right(home), 20)
    home.call("number", "set_value", entity_id="number.hut_porch_threshold", value=0.95)
    wait_until(has_state(home, "number.hut_porch_threshold", "0.95"))
    wait_until(lambda: inbox.last("edgeclassify/hut/porch/threshold") == "0.95")
    home.call("switch", "turn_off", entity_id="switch.hut_porch_enabled")
    wait_until(has_state(home, "switch.hut_porch_enabled", "off"))
    wait_until(has_state(home, "sensor.hut_porch_label", "none"))
    assert home.state("sensor.hut_porch_score") == "unknown"
    pictures = len(inbox.of("edgeclassify/hut/porch/snapshot"))
    home.call("button", "press", entity_id="button.hut_porch_take_snapshot")
    wait_until(lambda: len(inbox.of("edgeclassify/hut/porch/snapshot")) > pictures)
    home.call("switch", "turn_on", entity_id="switch.hut_porch_enabled")
    wait_until(has_state(home, "sensor.hut_porch_label", "red, crimson"))
    daemon.stop()
    daemon.start()
    wait_until(has_state(home, "number.hut_porch_threshold", "0.95"))


def test_after_restarts_in_any_order_everything_is_right_soon(
    daemon: Daemon, home: HomeAssistant, broker: Broker
) -> None:
    def restart_daemon() -> None:
        daemon.kill()
        daemon.start()

    def restart_home() -> None:
        home.stop()
        home.start()

    wait_until(lambda: is_right(home), 20)
    took = {}
    for order in itertools.permutations((broker.restart, restart_daemon, restart_home)):
        for restart in order:
            restart()
        last_s = time.monotonic()
        wait_until(lambda: is_right(home), BACK_S)
        took[" ".join(restart.__name__ for restart in order)] = round(time.monotonic() - last_s, 1)
    print("seconds until everything is right:", took)
    assert home.entities().keys() == CAMERA.keys() | NODE.keys()


def test_200_events_with_replays_fire_once_each_and_in_order(inbox: Inbox, daemon: Daemon, home: HomeAssistant) -> None:
    wait_until(lambda: is_right(home) and inbox.of("edgeclassify/hut/porch/event"), 20)
    first = json.loads(inbox.texts("edgeclassify/hut/porch/event")[-1])
    wanted, topic = [], "edgeclassify/hut/porch/event"
    with StateChanges(home, "event.hut_porch_event") as changes:
        for number in range(1, 201):
            kind = "gone" if number % 2 else "appeared"
            fields = first | {"event_type": kind, "id": f"{int(first['id']) + number:010d}", "late": False}
            inbox.publish(topic, json.dumps(fields))
            wanted.append((kind, fields["id"]))
            if number % 3 == 0:  # as after a connection that was lost before the acknowledgement
                for back in (1, 0):
                    repeated = fields | {"id": f"{int(fields['id']) - back:010d}"}
                    inbox.publish(topic, json.dumps(repeated))
            if number % 10 == 0:
                inbox.publish(topic, json.dumps(fields | {"id": f"{int(fields['id']) + 1000:010d}", "late": True}))
        wait_until(lambda: len(changes.states) >= len(wanted), 30)
        inbox.publish(topic, json.dumps(first | {"event_type": "gone", "id": "9999999999"}))
        wait_until(lambda: changes.states[-1:] and changes.states[-1]["attributes"].get("id") == "9999999999")
    fired = [(state["attributes"]["event_type"], state["attributes"]["id"]) for state in changes.states]
    assert fired[:-1] == wanted


def test_events_of_a_camera_that_is_offline_fire_too(inbox: Inbox, daemon: Daemon, home: HomeAssistant) -> None:
    wait_until(lambda: is_right(home) and inbox.of("edgeclassify/hut/porch/event"), 20)
    topic = "edgeclassify/hut/porch/event"
    first = json.loads(inbox.texts(topic)[-1])
    with StateChanges(home, "event.hut_porch_event") as changes:
        inbox.publish("edgeclassify/hut/porch/status", "offline", retain=True)
        wait_until(has_state(home, "sensor.hut_porch_label", "unavailable"))
        for number in (1, 2, 3):
            fields = first | {"event_type": "gone", "id": f"{int(first['id']) + number:010d}", "late": False}
            inbox.publish(topic, json.dumps(fields))
        wait_until(lambda: len(changes.states) >= 3)
    told = [int(state["attributes"]["id"]) - int(first["id"]) for state in changes.states]
    assert told == [1, 2, 3]


def test_what_is_removed_disappears(daemon: Daemon, home: HomeAssistant, broker: Broker) -> None:
    pictures = daemon.folder.parent / "pictures"
    daemon.stop()
    daemon.config["cameras"]["yard"] = slides(pictures)
    daemon.write_config()
    daemon.start()
    wait_until(lambda: "binary_sensor.hut_yard_warm" in home.entities(), 20)
    daemon.config["events"]["thresholds"] = {"*": 0.6, "red": 0.5}
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not {"binary_sensor.hut_yard_warm", "binary_sensor.hut_porch_warm"} & home.entities().keys())
    assert "binary_sensor.hut_yard_red_crimson" in home.entities()
    daemon.stop()
    del daemon.config["cameras"]["yard"]
    daemon.write_config()
    daemon.start()
    wait_until(lambda: home.devices().keys() == {"edgeclassify_hut", "edgeclassify_hut_porch"})
    assert not [entity for entity in home.entities() if "yard" in entity]
    daemon.stop()
    daemon.config["node"] = "shed"
    daemon.write_config()
    daemon.start()
    wait_until(lambda: home.devices().keys() == {"edgeclassify_shed", "edgeclassify_shed_porch"})
    wait_until(has_state(home, "sensor.shed_porch_label", "red, crimson"))
    daemon.wait_for("of what is no more are cleared")
    assert not [entity for entity in home.entities() if ".hut_" in entity]
