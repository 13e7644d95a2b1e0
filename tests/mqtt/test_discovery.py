"""What Home Assistant is told; the golden messages passed in the real one (tests/test_home_assistant.py)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify import __version__
from edgeclassify.config.sections import Config
from edgeclassify.mqtt.discovery import Device, birth_topic, devices
from edgeclassify.mqtt.topics import LabelKey, Topics, label_topics

GOLDEN = Path(__file__).parent / "golden"
ALLOWED_AT_TOP = {"device", "origin", "components", "availability", "availability_mode"}
ids = st.text("abz09_-", min_size=1, max_size=64)


def config(*cameras: str, **more: Any) -> Config:
    return Config.model_validate({"cameras": {camera: {} for camera in cameras or ("porch",)}} | more)


def devices_of(
    *cameras: str, node: str = "hut", labels: list[LabelKey] | None = None, base: str = "edgeclassify", **more: Any
) -> list[Device]:
    parts = label_topics(labels or [])
    settings = config(*cameras, **more)
    return devices(settings, Topics(base, node), dict.fromkeys(settings.cameras, parts))


def told(device: Device) -> dict[str, Any]:
    message = device.message()
    assert message.retain
    return dict(json.loads(message.payload))


def golden(device: Device) -> Path:
    return GOLDEN / f"{device.topic.split('/')[-2]}.json"


def test_the_messages_are_those_that_passed_in_home_assistant() -> None:
    found = devices_of("porch", labels=[("red, crimson", 0), ("warm", None)])
    for device in found:
        wanted = golden(device).read_text(encoding="utf-8").replace("@VERSION@", __version__)
        assert told(device) == json.loads(wanted), golden(device)
    assert {path.name for path in GOLDEN.iterdir()} == {golden(device).name for device in found}


@given(node=ids, cameras=st.lists(ids, min_size=1, max_size=4, unique=True), labels=st.lists(st.text(), max_size=6))
def test_home_assistant_can_read_whatever_the_names_are(node: str, cameras: list[str], labels: list[str]) -> None:
    keys: list[LabelKey] = [(label, index) for index, label in enumerate(labels)]
    found = devices_of(*cameras, node=node, labels=keys)
    uniques = []
    for device in found:
        assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", device.topic)
        fields = told(device)
        assert fields.keys() == ALLOWED_AT_TOP
        assert fields["device"]["name"]
        for component in fields["components"].values():
            uniques.append(component["unique_id"])
            assert component["name"]
            entity = component["default_entity_id"]
            assert re.fullmatch(rf"{component['platform']}\.(?!_)[a-z0-9_]+(?<!_)", entity)
            assert len(entity) <= 255
    assert len(set(uniques)) == len(uniques)
    assert len({device.topic for device in found}) == len(found)


def test_every_entity_of_a_camera_is_available_with_node_and_camera_only() -> None:
    node, camera = map(told, devices_of("porch"))
    assert node["availability"] == [{"topic": "edgeclassify/hut/status"}]
    assert camera["availability"] == [{"topic": "edgeclassify/hut/status"}, {"topic": "edgeclassify/hut/porch/status"}]
    assert node["availability_mode"] == camera["availability_mode"] == "all"
    assert camera["device"]["via_device"] == node["device"]["identifiers"][0]


def test_a_camera_and_a_node_of_like_names_are_two_devices() -> None:
    camera, node = devices_of("shed", node="garden")[1], devices_of("door", node="garden_shed")[0]
    assert camera.topic != node.topic
    other = devices_of("shed_door", node="garden")[1], devices_of("door", node="garden_shed")[1]
    assert other[0].topic != other[1].topic


def test_nodes_of_one_name_below_different_base_topics_are_two_devices() -> None:
    assert devices_of()[0].topic != devices_of(base="test/edgeclassify")[0].topic


@pytest.mark.parametrize(
    ("camera", "name"),
    [
        ("porch", "Porch"),
        ("front_door", "Front door"),
        ("back-yard", "Back yard"),
        ("camera", "hut camera"),
        ("_", "_"),
    ],
)
def test_a_camera_has_a_name_to_read(camera: str, name: str) -> None:
    assert told(devices_of(camera)[1])["device"]["name"] == name


def test_labels_have_their_first_name_and_their_topic_where_that_is_not_enough() -> None:
    labels: list[LabelKey] = [("crane, bird", 1), ("crane", 2), ("tabby, tabby cat", 3), ("", 4)]
    components = told(devices_of(labels=labels)[1])["components"]
    names = [component["name"] for component in components.values() if component["platform"] == "binary_sensor"]
    assert names == ["Crane (crane_bird)", "Crane (crane)", "Tabby", "Label"]


def test_there_is_no_picture_where_snapshots_are_off() -> None:
    with_pictures, without = devices_of()[1], devices_of(snapshots={"enabled": False})[1]
    assert with_pictures.components.keys() - without.components.keys() == {"snapshot", "take_snapshot"}


def test_a_removed_component_is_its_platform_alone() -> None:
    device = devices_of()[1]
    fields = json.loads(device.message({"present_cat": "binary_sensor"}).payload)
    assert fields["components"].pop("present_cat") == {"platform": "binary_sensor"}
    assert fields == told(device)


def test_the_prefix_is_the_users() -> None:
    other = config(home_assistant={"discovery_prefix": "ha/found"})
    assert birth_topic(other) == "ha/found/status"
    found = devices(other, Topics("edgeclassify", "hut"), {"porch": {}})
    assert [device.topic for device in found] == [
        "ha/found/device/edgeclassify_hut/config",
        "ha/found/device/edgeclassify_hut_porch/config",
    ]
