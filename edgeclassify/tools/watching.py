"""How events and verdicts look in a terminal that someone watches: one line each."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class _Seen:
    """The last verdict of one camera."""

    message: Mapping[str, Any]
    repeated: bool = False
    answered: bool = False
    told: tuple[str, str, str] | None = None


class Lines:
    """Turns messages into lines; what says nothing new gives none.

    Args:
        nodes: begin each line with the node's name.
        answered: tell verdicts also of frames that have an answer, not only why others have none.
    """

    def __init__(self, *, nodes: bool = False, answered: bool = True) -> None:
        self._nodes = nodes
        self._answered = answered
        self._seen: dict[tuple[str, str], _Seen] = {}

    def event(self, node: str, camera: str, event: Mapping[str, Any]) -> str:
        """Return the line of one event."""
        about = f"{event['score']:.2f}" if event["event_type"] == "appeared" else f"{event['duration_seconds']:.0f} s"
        seen = self._seen.get((node, camera))
        picture = f"  [{seen.message['source']}]" if seen and seen.message["source"] else ""
        late = "  (late)" if event.get("late") else ""
        text = f"{event['event_type']:<8}  {_short(event['label']):<24} {about:>6}  {event['reason']}{late}{picture}"
        return self._line(event["time"], node, camera, text)

    def status(self, node: str, camera: str, status: str) -> str:
        """Return the line of a node or camera (then `camera` is not empty) that went on- or offline."""
        now = datetime.datetime.now(datetime.UTC).isoformat()
        return self._line(now, node, camera or node, f"is {status}")

    def verdict(self, node: str, camera: str, message: Mapping[str, Any]) -> str | None:
        """Return a line when a verdict is new and lasts, or, of a slide show, when a slide had no answer."""
        seen = self._seen.get((node, camera))
        if seen is None or seen.message["source"] != message["source"]:
            self._seen[node, camera] = _Seen(message, answered=message["outcome"] == "answered")
            if seen and seen.message["source"] and not seen.answered:
                return self._verdict_line(node, camera, seen.message)
            return None
        seen.repeated = _kind(seen.message) == _kind(message)
        seen.answered = seen.answered or message["outcome"] == "answered"
        seen.message = message
        if message["source"] or not seen.repeated or seen.told == _kind(message):
            return None
        seen.told = _kind(message)
        if message["outcome"] == "answered" and not self._answered:
            return None
        return self._verdict_line(node, camera, message)

    def _verdict_line(self, node: str, camera: str, message: Mapping[str, Any]) -> str:
        name = f"{message['source']}  " if message["source"] else ""
        return self._line(message["time"], node, camera, f"{'-':<8}  {name}{message['why']}")

    def _line(self, time: str, node: str, camera: str, text: str) -> str:
        local = datetime.datetime.fromisoformat(time).astimezone()
        where = f"{node}/{camera}" if self._nodes else camera
        return f"{local:%H:%M:%S}  {where:<10}  {text}"


def parse(payload: bytes) -> dict[str, Any] | None:
    """Return a JSON object; None for anything else that came over the broker."""
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError):  # no JSON, or brackets in brackets in brackets
        return None
    return message if isinstance(message, dict) else None


def _kind(message: Mapping[str, Any]) -> tuple[str, str, str]:
    return message["source"], message["label"], message["outcome"]


def _short(label: str) -> str:
    return label if len(label) <= 24 else label[:23] + "…"
