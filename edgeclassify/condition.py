"""How the daemon is, in one line for a person. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from edgeclassify.lane import Lane
from edgeclassify.mqtt.outbox import Counters

_MAX_REASON_LENGTH = 160


def condition(
    lanes: Iterable[Lane],
    accelerator: str,
    median_ms: float | None,
    outbox: Counters,
    troubles: Iterable[str],
    *,
    connected: bool,
    problem: str = "",
) -> str:
    """Return like `porch cat 0.91, yard offline; cpu 31 ms; broker connected, 0 waiting`; `problem` is the broker's."""
    lanes = list(lanes)
    cameras = ", ".join(_camera(lane) for lane in lanes)
    if not any(lane.online for lane in lanes):
        cameras = f"no camera gives frames: {cameras}"
    speed = accelerator if median_ms is None else f"{accelerator} {median_ms:.0f} ms"
    broker = "broker connected" if connected else "broker NOT connected" + _in_brackets(problem)
    where = "" if outbox.durable else " in memory only: state_dir cannot be written"
    return "; ".join([cameras, speed, f"{broker}, {outbox.waiting} waiting{where}", *troubles])


def _camera(lane: Lane) -> str:
    if not lane.online:
        return f"{lane.camera} offline" + _in_brackets(lane.status.error.removeprefix(f"camera {lane.camera}: "))
    if not lane.wishes.classified:
        return f"{lane.camera} disabled"
    if lane.state is None or lane.state.score is None:
        return f"{lane.camera} nothing"
    return f"{lane.camera} {lane.state.label} {lane.state.score:.2f}"


def _in_brackets(reason: str) -> str:
    if len(reason) > _MAX_REASON_LENGTH:
        reason = reason[: _MAX_REASON_LENGTH - 3] + "..."
    return f" ({reason})" if reason else ""
