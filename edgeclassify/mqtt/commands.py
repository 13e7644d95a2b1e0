"""What others may ask of a node over MQTT: topics and payloads to commands. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeclassify.mqtt.topics import Topics

THRESHOLD, ENABLED, TAKE_SNAPSHOT = "threshold", "enabled", "take_snapshot"
MAX_PAYLOAD_BYTES = 256
"""Of a command; more is never meant well."""
LEAST_THRESHOLD = 0.01
_NUMBER = re.compile(rb"[0-9]{0,6}\.?[0-9]{0,12}(?:[eE][+-]?[0-9]{1,2})?\Z")
_SWITCH = {b"ON": True, b"OFF": False}
_MAX_SHOWN = 40


class RefusedError(ValueError):
    """A command that is not carried out; the message says why and what would be."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do for one camera."""

    camera: str
    setting: str
    """`threshold`, `enabled` or `take_snapshot`."""
    value: float | bool
    """The threshold, 0.01 to 1; whether to classify; True for a snapshot."""


def subscriptions(topics: Topics) -> list[str]:
    """Return the topics on which commands arrive."""
    return [topics.threshold("+") + "/set", topics.enabled("+") + "/set", topics.take_snapshot_set("+")]


def camera_of(topics: Topics, topic: str) -> str:
    """Return whose camera's topic this is."""
    return topic.removeprefix(topics.root + "/").split("/")[0]


def setting_of(topic: str) -> str:
    """Return what is to be set."""
    return topic.rsplit("/", 2)[1]


def parse(topics: Topics, topic: str, payload: bytes) -> Command:
    """Return the command of a message that came on one of `subscriptions`.

    Raises:
        RefusedError: too large, not UTF-8, or out of range.
    """
    camera, setting = camera_of(topics, topic), setting_of(topic)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise RefusedError(f"{len(payload)} bytes are too large; send at most {MAX_PAYLOAD_BYTES}")
    try:
        shown = payload.decode()
    except UnicodeDecodeError:
        raise RefusedError("is not UTF-8 text; send it as such") from None
    if setting == TAKE_SNAPSHOT:
        return Command(camera, setting, value=True)
    if setting == ENABLED:
        if payload.strip() not in _SWITCH:
            raise RefusedError(f"must be ON or OFF, got {_short(shown)}")
        return Command(camera, setting, _SWITCH[payload.strip()])
    return Command(camera, setting, _threshold(payload.strip(), shown))


def _threshold(payload: bytes, shown: str) -> float:
    """Return a number of 0.01 to 1; float() alone would take nan, 1_0 and other things that nobody means."""
    try:
        value = float(payload) if _NUMBER.match(payload) else None
    except ValueError:
        value = None
    if value is None or not LEAST_THRESHOLD <= value <= 1:
        raise RefusedError(f"must be a number from {LEAST_THRESHOLD} to 1, got {_short(shown)}")
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "...")
