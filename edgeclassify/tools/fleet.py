"""What all nodes of a broker say of themselves, from what the broker keeps of them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeclassify.config.sections import MqttConfig
from edgeclassify.tools.foreign import parse
from edgeclassify.tools.subscription import Subscription

_STATUSES = {b"online", b"offline"}


@dataclass(slots=True)
class CameraReport:
    """One camera of a node."""

    status: str | None = None
    classified_per_second: float | None = None
    label: str | None = None
    """What is in front of it now, or `none`; None while it has told nothing."""
    since: str | None = None
    """When that came or went."""


@dataclass(slots=True)
class NodeReport:
    """One node; what it has not told is None."""

    node: str
    status: str | None = None
    version: str | None = None
    model: str | None = None
    accelerator: str | None = None
    health_time: str | None = None
    """When it last told rates and temperature."""
    classified_per_second: float | None = None
    median_ms: float | None = None
    waiting: int | None = None
    """Events in its outbox."""
    cpu_celsius: float | None = None
    cameras: dict[str, CameraReport] = field(default_factory=dict)

    @property
    def newest(self) -> tuple[str, CameraReport] | None:
        """The camera in front of which something came or went last."""
        told = [(name, camera) for name, camera in self.cameras.items() if camera.since]
        return max(told, key=lambda one: one[1].since or "", default=None)


def nodes_of(config: MqttConfig, base: Path) -> list[NodeReport]:
    """Return all nodes that the broker knows, by name.

    Raises:
        UnavailableError: there is no broker, or it refuses.
    """
    parts = ["status", "info", "health", "+/status", "+/state"]
    with Subscription(config, base, [f"{config.base_topic}/+/{part}" for part in parts]) as subscription:
        return reports(config.base_topic, subscription.retained())


def reports(base_topic: str, retained: Mapping[str, bytes]) -> list[NodeReport]:
    """Return what retained messages tell; a node is whoever has a status."""
    root = f"{base_topic}/"
    nodes = {
        topic.removeprefix(root).removesuffix("/status"): NodeReport("", status=payload.decode())
        for topic, payload in retained.items()
        if _is_node_status(topic.removeprefix(root), payload)
    }
    for topic, payload in sorted(retained.items()):
        node, _, rest = topic.removeprefix(root).partition("/")
        if node not in nodes:
            continue
        report = nodes[node]
        report.node = node
        camera, _, kind = rest.rpartition("/")
        if camera:
            _take_camera(report.cameras.setdefault(camera, CameraReport()), kind, payload)
        elif kind == "info":
            _take_info(report, parse(payload) or {})
        elif kind == "health":
            _take_health(report, parse(payload) or {})
    return sorted(nodes.values(), key=lambda report: report.node)


def _is_node_status(path: str, payload: bytes) -> bool:
    return path.count("/") == 1 and path.endswith("/status") and payload in _STATUSES


def _take_camera(camera: CameraReport, kind: str, payload: bytes) -> None:
    if kind == "status" and payload in _STATUSES:
        camera.status = payload.decode()
    elif kind == "state":
        state = parse(payload) or {}
        camera.label = _text(state, "label")
        camera.since = _time(state, "since")


def _take_info(report: NodeReport, info: Mapping[str, Any]) -> None:
    report.version = _text(info, "version")
    report.model = _text(_inner(info, "model"), "name")
    report.accelerator = _text(info, "accelerator")
    cameras = info.get("cameras")
    for camera in cameras if isinstance(cameras, list) else []:
        report.cameras.setdefault(str(camera), CameraReport())


def _take_health(report: NodeReport, health: Mapping[str, Any]) -> None:
    inference = _inner(health, "inference")
    waiting = _number(_inner(health, "outbox"), "waiting")
    report.health_time = _time(health, "time")
    report.accelerator = _text(inference, "accelerator") or report.accelerator
    report.median_ms = _number(inference, "median_ms")
    report.waiting = None if waiting is None else int(waiting)
    report.cpu_celsius = _number(_inner(health, "device"), "cpu_celsius")
    rates = []
    for name in _inner(health, "cameras"):
        camera = report.cameras.setdefault(str(name), CameraReport())
        camera.classified_per_second = _number(_inner(_inner(health, "cameras"), name), "classified_per_second")
        rates.append(camera.classified_per_second)
    known = [rate for rate in rates if rate is not None]
    report.classified_per_second = round(sum(known), 1) if known else None


# Anybody may publish on these topics: what is not as a daemon tells it counts as not told.


def _inner(message: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = message.get(key)
    return value if isinstance(value, dict) else {}


def _text(message: Mapping[str, Any], key: str) -> str | None:
    value = message.get(key)
    return value if isinstance(value, str) else None


def _number(message: Mapping[str, Any], key: str) -> float | None:
    value = message.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(message: Mapping[str, Any], key: str) -> str | None:
    value = _text(message, key)
    try:
        time = datetime.datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return value if time.tzinfo else None
