"""What this node has left on the broker: remembered on disk, so that what is no more can be cleared after a restart."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.discovery import Device
from edgeclassify.mqtt.messages import Message

log = logging.getLogger(__name__)

_FILE = "announced.json"


@dataclass(frozen=True)
class Announced:
    """Retained topics that are ours."""

    devices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Discovery topics, each with the platforms of its components."""
    states: frozenset[str] = frozenset()
    """All other topics."""

    @staticmethod
    def of(devices: Iterable[Device], states: Iterable[str]) -> Announced:
        """Return what these come to."""
        return Announced({device.topic: device.platforms for device in devices}, frozenset(states))

    def together(self, other: Announced) -> Announced:
        """Return what is in either: what may be on the broker while one takes the place of the other."""
        topics = [*self.devices, *other.devices]
        devices = {topic: {**self.devices.get(topic, {}), **other.devices.get(topic, {})} for topic in topics}
        return Announced(devices, self.states | other.states)

    def without_devices_of(self, now: Announced) -> Announced:
        """Return this with the devices of `now`: those that are no more have been cleared."""
        return Announced(now.devices, self.states)


def retractions(before: Announced, now: Iterable[Device]) -> list[Message]:
    """Return what makes devices and entities disappear that are no more."""
    present = {device.topic: device for device in now}
    cleared = [messages.cleared(topic) for topic in before.devices if topic not in present]
    shrunk = []
    for topic, device in present.items():
        removed = {key: name for key, name in before.devices.get(topic, {}).items() if key not in device.components}
        if removed:
            shrunk.append(device.message(removed))
    return cleared + shrunk


def read_announced(folder: Path) -> Announced:
    """Return what was written last; nothing if that cannot be read."""
    path = folder / _FILE
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Announced()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        log.warning("%s: not used (%s); stale topics on the broker: edgeclassify forget", path, error)
        return Announced()


def write_announced(folder: Path, announced: Announced) -> None:
    """Write it, in one piece or not at all.

    Raises:
        OSError: the disk.
    """
    fields = {"devices": announced.devices, "states": sorted(announced.states)}
    fresh = folder / f"{_FILE}.new"
    fresh.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    fresh.replace(folder / _FILE)


def _parsed(fields: object) -> Announced:
    """Return what a file says.

    Raises:
        TypeError, ValueError: it is no such file.
    """
    if not isinstance(fields, dict):
        raise TypeError("not a JSON object")
    devices, states = fields.get("devices"), fields.get("states")
    if not isinstance(devices, dict) or not isinstance(states, list):
        raise TypeError("devices or states are missing")
    for platforms in devices.values():
        if not isinstance(platforms, dict) or not all(isinstance(name, str) for name in platforms.values()):
            raise TypeError("a device without its platforms")
    for topic in (*devices, *states):
        if not isinstance(topic, str):
            raise TypeError(f"{topic!r} is not a topic")
        messages.cleared(topic)
    return Announced(devices, frozenset(states))
