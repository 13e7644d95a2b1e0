"""Records to messages: what is said on each topic, byte for byte. Pure functions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from edgeclassify.mqtt.topics import Topics
from edgeclassify.records import Event, ScoredLabel, State, Verdict

ONLINE, OFFLINE = b"online", b"offline"
MAX_EVENT_BYTES = 16_000
"""Home Assistant keeps an event's JSON as attributes and refuses 16 kB of them."""
MAX_LEASE_SECONDS = 60.0
_MAX_TOPIC_BYTES = 65_535
_NOT_LATE, _LATE = '"late": false', '"late": true'


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message that a broker can accept."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    expires_after_s: float | None = None
    """So soon a broker of MQTT 5 drops it, where a subscriber is away; None: never."""

    def __post_init__(self) -> None:
        if not self.topic or any(c in self.topic for c in "+#\0") or len(self.topic.encode()) > _MAX_TOPIC_BYTES:
            raise ValueError(f"not a topic to publish on: {self.topic[:100]!r}")


def timestamp(seconds: float) -> str:
    """Return seconds since 1970 like `2026-11-23T09:00:00.120Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain_text(text: str) -> str:
    """Return `text` without what has no UTF-8 (lone surrogates of a label file that is not UTF-8)."""
    return text.encode("utf-8", "replace").decode()


def event_body(event: Event, node: str, epoch: str, event_id: str, appeared_id: str | None) -> str:
    """Return the JSON of an event, not late; of `top` as many as fit into MAX_EVENT_BYTES.

    Raises:
        ValueError: it is too large even without `top`.
    """
    for count in range(len(event.top), -1, -1):
        body = _json(_event_fields(event, node, epoch, event_id, appeared_id, event.top[:count]))
        if len(body.encode()) <= MAX_EVENT_BYTES:
            return body
    raise ValueError(f"larger than {MAX_EVENT_BYTES} bytes; shorten the labels of its model")


def event(topic: str, body: str, *, late: bool, expires_after_s: float | None = None) -> Message:
    """Return a stored event as it is sent now: repeats differ in `late` only."""
    payload = (body.replace(_NOT_LATE, _LATE, 1) if late else body).encode()
    return Message(topic, payload, qos=1, expires_after_s=expires_after_s)


def state(topics: Topics, now: State, epoch: str, event_id: str | None) -> Message:
    """Return what is in front of a camera; `event_id` is the `appeared` of that presence, if one was told."""
    fields = {
        "label": now.label,
        "score": _rounded(now.score, 4),
        "since": timestamp(now.since_s),
        "epoch": epoch,
        "event_id": event_id,
    }
    return Message(topics.state(now.camera), _json(fields).encode(), retain=True)


def status(topics: Topics, *, online: bool) -> Message:
    """Return the node's status; `offline` is also the last will."""
    return Message(topics.status, ONLINE if online else OFFLINE, qos=1, retain=True)


def camera_status(topics: Topics, camera: str, *, online: bool) -> Message:
    """Return whether a camera gives fresh frames."""
    return Message(topics.camera_status(camera), ONLINE if online else OFFLINE, retain=True)


def info(topics: Topics, fields: Mapping[str, object]) -> Message:
    """Return what this node is; numbers that are not finite become null."""
    return Message(topics.info, _json(fields).encode(), retain=True)


def health(topics: Topics, fields: Mapping[str, object]) -> Message:
    """Return totals and measurements; numbers that are not finite become null."""
    return Message(topics.health, _json(fields).encode(), retain=True)


def label_presence(topics: Topics, camera: str, part: str, *, present: bool) -> Message:
    """Return ON or OFF for one watched label; `part` is from `label_topics`."""
    return Message(topics.label(camera, part), b"ON" if present else b"OFF", retain=True)


def cleared(topic: str) -> Message:
    """Return what makes a broker forget the retained message of a topic."""
    return Message(topic, b"", retain=True)


def snapshot(topics: Topics, camera: str, jpeg: bytes) -> Message:
    """Return the picture of an event."""
    return Message(topics.snapshot(camera), jpeg, retain=True)


def threshold(topics: Topics, camera: str, value: float) -> Message:
    """Return the threshold for labels without a line of their own, like `0.60`."""
    text = f"{value:.4f}".rstrip("0")
    digits = len(text.partition(".")[2])
    return Message(topics.threshold(camera), (text + "0" * (2 - digits)).encode(), retain=True)


def enabled(topics: Topics, camera: str, *, enabled: bool) -> Message:
    """Return whether a camera is classified, ON or OFF."""
    return Message(topics.enabled(camera), b"ON" if enabled else b"OFF", retain=True)


def response(topics: Topics, topic: str, text: str, now_s: float, *, done: bool) -> Message:
    """Return what became of the command that came on `topic`."""
    fields = {"time": timestamp(now_s), "topic": topic, "done": done, "message": text}
    return Message(topics.response, _json(fields).encode())


def why(topics: Topics, verdict: Verdict, source: str) -> Message:
    """Return what one frame came to; `source` is the picture's file name, empty for a live camera."""
    fields = {
        "time": timestamp(verdict.time_s),
        "source": source,
        "label": verdict.label,
        "score": _rounded(verdict.score, 4),
        "outcome": verdict.outcome,
        "why": verdict.why,
        "top": _top(verdict.top),
        "answers": [
            {"index": one.index, "label": one.label, "score": _rounded(one.score, 4), "threshold": one.threshold}
            for one in verdict.answers
        ],
        "margin": verdict.margin,
        "for_seconds": _rounded(verdict.for_s, 1),
        "left_seconds": _rounded(verdict.left_s, 1),
        "present": [
            {
                "index": one.index,
                "label": one.label,
                "score": _rounded(one.score, 4),
                "for_seconds": _rounded(one.for_s, 1),
                "gone_in_seconds": _rounded(one.gone_in_s, 1),
            }
            for one in verdict.present
        ],
    }
    return Message(topics.why(verdict.camera), _json(fields).encode())


def lease_seconds(payload: bytes) -> float | None:
    """Return for how long a watcher asks for `why`: 1 to 60 s; None for anything else."""
    try:
        seconds = float(payload) if len(payload) <= 16 else math.nan
    except ValueError:
        return None
    return seconds if 1 <= seconds <= MAX_LEASE_SECONDS else None


def _event_fields(
    event: Event, node: str, epoch: str, event_id: str, appeared_id: str | None, top: Sequence[ScoredLabel]
) -> dict[str, object]:
    fields: dict[str, object] = {
        "event_type": event.event_type,
        "epoch": epoch,
        "id": event_id,
        "late": False,
        "time": timestamp(event.time_s),
        "node": node,
        "camera": event.camera,
        "label": event.label,
        "index": event.index,
        "score": _rounded(event.score, 4),
        "top": _top(top),
        "model": event.model,
        "accelerator": event.accelerator,
        "inference_ms": _rounded(event.inference_ms, 1),
        "reason": event.reason,
    }
    if event.event_type == "gone":
        fields |= {
            "started": None if event.started_s is None else timestamp(event.started_s),
            "duration_seconds": _rounded(event.duration_seconds, 1),
            "best_score": _rounded(event.best_score, 4),
            "appeared_id": appeared_id,
        }
    return fields


def _top(top: Sequence[ScoredLabel]) -> list[dict[str, object]]:
    return [{"index": t.index, "label": t.label, "score": _rounded(t.score, 4)} for t in top]


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None or not math.isfinite(number) else round(float(number), digits)


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(_finite(fields), ensure_ascii=False, allow_nan=False)


def _finite(value: object) -> object:
    """Return `value` with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return plain_text(value) if isinstance(value, str) else value
