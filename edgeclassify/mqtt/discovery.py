"""What Home Assistant is told so that it finds a node and its cameras by itself: one retained message a device.

Pure functions. An unknown key at the top of a message makes Home Assistant refuse all of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeclassify import __version__
from edgeclassify.config.names import slug
from edgeclassify.config.sections import Config
from edgeclassify.mqtt.messages import Message, plain_text
from edgeclassify.mqtt.topics import LabelKey, Topics

_NAME = "edgeclassify"
_DEFAULT_CAMERA = "camera"
_MAX_STATE_LENGTH = 255
# Home Assistant gets a repeated event again, and one that waited; neither may ring a bell.
_NEW_EVENTS_ONLY = (
    "{{ value if not value_json.late and (value_json.epoch != this.attributes.epoch"
    " or value_json.id > this.attributes.id) else '' }}"
)
_DIAGNOSTIC = {"entity_category": "diagnostic"}
_SETTING = {"entity_category": "config"}
_MEASUREMENT = {"platform": "sensor", "state_class": "measurement"}

Component = dict[str, Any]


@dataclass(frozen=True)
class Device:
    """A device with its entities, by a key that stays the same."""

    topic: str
    description: Mapping[str, Any] = field(repr=False)
    """All of the message but its components."""
    components: Mapping[str, Component] = field(repr=False)

    @property
    def platforms(self) -> dict[str, str]:
        """What kind of entity each component is."""
        return {key: component["platform"] for key, component in self.components.items()}

    def message(self, removed: Mapping[str, str] | None = None) -> Message:
        """Return what announces it; with `removed` (platforms by component), what makes these disappear."""
        stubs = {key: {"platform": platform} for key, platform in (removed or {}).items()}
        fields = {**self.description, "components": {**self.components, **stubs}}
        return Message(self.topic, json.dumps(fields, ensure_ascii=False).encode(), retain=True)


def birth_topic(config: Config) -> str:
    """Return where Home Assistant says `online` when it has started."""
    return f"{config.home_assistant.discovery_prefix}/status"


def devices(config: Config, topics: Topics, watched: Mapping[str, Mapping[LabelKey, str]]) -> list[Device]:
    """Return the node and its cameras, the node first; `watched` are the parts of label topics by camera."""
    prefix = config.home_assistant.discovery_prefix
    cameras = [_camera_device(prefix, topics, camera, watched[camera], config) for camera in config.cameras]
    return [_node_device(prefix, topics), *cameras]


def _node_device(prefix: str, topics: Topics) -> Device:
    description = {"name": topics.node, "manufacturer": _NAME, "model": "Node", "sw_version": __version__}
    return _device(prefix, topics, [], description, [topics.status], _node_components(topics))


def _camera_device(prefix: str, topics: Topics, camera: str, parts: Mapping[LabelKey, str], config: Config) -> Device:
    description = {
        "name": _camera_name(topics.node, camera),
        "manufacturer": _NAME,
        "model": "Camera",
        "via_device": _id(topics.base, topics.node),
    }
    components = _camera_components(topics, camera, with_snapshots=config.snapshots.enabled)
    components |= _camera_diagnostics(topics, camera) | _label_components(topics, camera, parts)
    return _device(prefix, topics, [camera], description, [topics.status, topics.camera_status(camera)], components)


def _device(
    prefix: str,
    topics: Topics,
    camera: list[str],
    description: Mapping[str, str],
    availability: list[str],
    components: Mapping[str, Component],
) -> Device:
    """Return the device with what all components have alike: ids, and availability."""
    own_id = _id(topics.base, topics.node, *camera)
    place = [slug(name, _NAME) for name in (topics.node, *camera)]
    for key, component in components.items():
        component["unique_id"] = f"{own_id}_{key}"
        component["default_entity_id"] = f"{component['platform']}.{'_'.join([*place, key.removeprefix('present_')])}"
    common = {
        "device": {"identifiers": [own_id], **description},
        "origin": {"name": _NAME, "sw_version": __version__},
        "availability": [{"topic": topic} for topic in availability],
        "availability_mode": "all",
    }
    return Device(f"{prefix}/device/{own_id}/config", common, components)


def _node_components(topics: Topics) -> dict[str, Component]:
    return {
        "temperature": {
            **_MEASUREMENT, **_DIAGNOSTIC, "name": "Temperature", "state_topic": topics.health,
            "value_template": "{{ value_json.device.cpu_celsius }}",
            "device_class": "temperature", "unit_of_measurement": "°C",
        },
        "events_waiting": {
            **_MEASUREMENT, **_DIAGNOSTIC, "name": "Events waiting", "state_topic": topics.health,
            "value_template": "{{ value_json.outbox.waiting }}",
            "unit_of_measurement": "events", "icon": "mdi:tray-full",
        },
        "version": {
            "platform": "sensor", **_DIAGNOSTIC, "name": "Version", "state_topic": topics.info,
            "value_template": "{{ value_json.version }}", "icon": "mdi:tag",
        },
    }  # fmt: skip


def _camera_components(topics: Topics, camera: str, *, with_snapshots: bool) -> dict[str, Component]:
    state = topics.state(camera)
    threshold, enabled = topics.threshold(camera), topics.enabled(camera)
    components: dict[str, Component] = {
        "event": {
            "platform": "event", "name": "Event", "state_topic": topics.event(camera), "qos": 1,
            "event_types": ["appeared", "gone"], "value_template": _NEW_EVENTS_ONLY, "icon": "mdi:eye",
            # Events also come while the camera is offline, and what came to an unavailable entity would be lost:
            # the `gone` of a camera that went offline, and all that waited for the broker over a restart.
            "availability": [{"topic": topics.status}],
        },
        "label": {
            "platform": "sensor", "name": "Label", "state_topic": state, "json_attributes_topic": state,
            "value_template": f"{{{{ value_json.label[:{_MAX_STATE_LENGTH}] }}}}", "icon": "mdi:eye-check",
        },
        "score": {
            **_MEASUREMENT, "name": "Score", "state_topic": state,
            "value_template": "{{ none if value_json.score is none else (value_json.score * 100) | round(1) }}",
            "unit_of_measurement": "%", "suggested_display_precision": 0, "icon": "mdi:percent",
        },
        "threshold": {
            "platform": "number", **_SETTING, "name": "Threshold for labels without their own",
            "state_topic": threshold, "command_topic": f"{threshold}/set", "qos": 1,
            # The file may say less, and a number outside its limits is refused.
            "value_template": "{{ [0.01, value | float(0)] | max }}",
            "min": 0.01, "max": 1, "step": 0.01, "mode": "slider", "icon": "mdi:tune-variant",
        },
        "enabled": {
            "platform": "switch", **_SETTING, "name": "Classification",
            "state_topic": enabled, "command_topic": f"{enabled}/set", "qos": 1,
            "payload_on": "ON", "payload_off": "OFF", "icon": "mdi:eye-settings",
        },
    }  # fmt: skip
    if with_snapshots:
        components["snapshot"] = {
            "platform": "image", "name": "Snapshot", "image_topic": topics.snapshot(camera),
            "content_type": "image/jpeg", "icon": "mdi:image",
        }  # fmt: skip
        components["take_snapshot"] = {
            "platform": "button", "name": "Take snapshot", "command_topic": topics.take_snapshot_set(camera), "qos": 1,
            "payload_press": "PRESS", "icon": "mdi:camera",
        }  # fmt: skip
    return components


def _camera_diagnostics(topics: Topics, camera: str) -> dict[str, Component]:
    # The health that the broker kept may be older than this camera.
    own = f"value_json.cameras.get('{camera}', {{}})"
    return {
        "frames_per_second": {
            **_MEASUREMENT, **_DIAGNOSTIC, "name": "Frames per second", "state_topic": topics.health,
            "value_template": f"{{{{ {own}.get('frames_per_second') }}}}",
            "unit_of_measurement": "fps", "icon": "mdi:speedometer",
        },
        "inference_ms": {
            **_MEASUREMENT, **_DIAGNOSTIC, "name": "Inference time", "state_topic": topics.health,
            "value_template": "{{ value_json.inference.median_ms }}",
            "device_class": "duration", "unit_of_measurement": "ms", "enabled_by_default": False,
        },
        "accelerator": {
            "platform": "sensor", **_DIAGNOSTIC, "name": "Accelerator", "state_topic": topics.health,
            "value_template": f"{{{{ {own}.get('accelerator') }}}}", "icon": "mdi:chip",
        },
    }  # fmt: skip


def _label_components(topics: Topics, camera: str, parts: Mapping[LabelKey, str]) -> dict[str, Component]:
    names = {key: _label_name(key[0]) for key in parts}
    uses = Counter(names.values())
    return {
        f"present_{part}": {
            "platform": "binary_sensor",
            "name": name if uses[name := names[key]] == 1 else f"{name} ({part})",
            "state_topic": topics.label(camera, part),
            "payload_on": "ON",
            "payload_off": "OFF",
            "device_class": "occupancy",
        }
        for key, part in parts.items()
    }


def _id(base: str, *names: str) -> str:
    """Return an id of a-z, 0-9, _ and -; `garden` with camera `shed` and the node `garden_shed` differ."""
    return "_".join(name.replace("_", "__") for name in (slug(base, _NAME), *names))


def _camera_name(node: str, camera: str) -> str:
    name = " ".join(camera.replace("-", "_").split("_")).strip() or camera
    # Several nodes may have left the default name as it is.
    return f"{node} {name}" if camera == _DEFAULT_CAMERA else name[0].upper() + name[1:]


def _label_name(label: str) -> str:
    """Return the first of the names in a label like "tabby, tabby cat"."""
    first = plain_text(label).split(",")[0].strip() or "Label"
    return (first[0].upper() + first[1:])[:_MAX_STATE_LENGTH]
