"""What was heard as lines: for people, or as it came."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgeclassify.tools.foreign import harmless, harmless_json
from edgeclassify.tools.watch.heard import Heard
from edgeclassify.tools.watch.widths import fitted

_LABEL_CELLS = 24


@dataclass(slots=True)
class _Seen:
    """The last verdict of one camera."""

    message: Mapping[str, Any]
    repeated: bool = False
    answered: bool = False
    told: tuple[str, str, str] | None = None


class RawLines:
    """Shows events and verdicts as they came, one a line."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def show(self, heard: Heard) -> None:
        """Show a message that is JSON."""
        if heard.message is not None:
            self._show(harmless_json(heard.payload))

    def note(self, text: str) -> None:
        """Say nothing: it would be no JSON."""

    def refresh(self) -> None:
        """Do nothing: each line is there at once."""


class Lines:
    """Shows lines for people; what says nothing new gives none.

    Args:
        show: takes each line.
        nodes: begin each line with the node's name.
        answered: tell verdicts also of frames that have an answer, not only why others have none.
    """

    def __init__(self, show: Callable[[str], None], *, nodes: bool = False, answered: bool = True) -> None:
        self._show = show
        self._nodes = nodes
        self._answered = answered
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._were_online: set[tuple[str, str]] = set()

    def show(self, heard: Heard) -> None:
        """Show what says something new."""
        try:
            line = self._line_of(heard)
        except (KeyError, TypeError, ValueError, OverflowError):
            return  # not one of ours: somebody else may publish on these topics
        if line is not None:
            self._show(line)

    def note(self, text: str) -> None:
        """Tell that the connection is not there."""
        if text:
            self._show(f"-- {text}")

    def refresh(self) -> None:
        """Do nothing: each line is there at once."""

    def _line_of(self, heard: Heard) -> str | None:
        node, camera = heard.node, heard.camera
        if heard.kind == "status":
            return self._status(node, camera, heard.text)
        if heard.message is None:
            return None
        if heard.kind == "event":
            return self._event(node, camera, heard.message)
        return self._verdict(node, camera, heard.message) if heard.kind == "why" else None

    def _event(self, node: str, camera: str, event: Mapping[str, Any]) -> str:
        kind, label = harmless(event["event_type"]), fitted(harmless(event["label"]), _LABEL_CELLS)
        about = f"{event['score']:.2f}" if kind == "appeared" else f"{event['duration_seconds']:.0f} s"
        seen = self._seen.get((node, camera))
        picture = f"  [{harmless(seen.message['source'])}]" if seen and seen.message["source"] else ""
        late = "  (late)" if event.get("late") else ""
        text = f"{kind:<8}  {label} {harmless(about, 12):>6}  {harmless(event['reason'])}{late}{picture}"
        return self._line(event["time"], node, camera, text)

    def _status(self, node: str, camera: str, status: str) -> str | None:
        """Return the line of a node or camera (then `camera` is not empty) that went on- or offline."""
        if status == "online":
            self._were_online.add((node, camera))
        elif not status or (camera and (node, camera) not in self._were_online):
            return None  # it is no more, or only about to start
        now = datetime.datetime.now(datetime.UTC).isoformat()
        return self._line(now, node, camera, f"is {harmless(status)}")

    def _verdict(self, node: str, camera: str, message: Mapping[str, Any]) -> str | None:
        """Return a line when a verdict is new and lasts, or, of a slide show, when a slide had no answer."""
        # All of it is read before any is kept: what is not one of ours must not stand in the way of what is.
        line, kind = self._verdict_line(node, camera, message), _kind(message)
        seen = self._seen.get((node, camera))
        if seen is None or seen.message["source"] != message["source"]:
            self._seen[node, camera] = _Seen(message, answered=message["outcome"] == "answered")
            if seen and seen.message["source"] and not seen.answered:
                return self._verdict_line(node, camera, seen.message)
            return None
        seen.repeated = _kind(seen.message) == kind
        seen.answered = seen.answered or message["outcome"] == "answered"
        seen.message = message
        if message["source"] or not seen.repeated or seen.told == kind:
            return None
        seen.told = kind
        return None if message["outcome"] == "answered" and not self._answered else line

    def _verdict_line(self, node: str, camera: str, message: Mapping[str, Any]) -> str:
        name = f"{harmless(message['source'])}  " if message["source"] else ""
        return self._line(message["time"], node, camera, f"{'-':<8}  {name}{harmless(message['why'])}")

    def _line(self, time: str, node: str, camera: str, text: str) -> str:
        local = datetime.datetime.fromisoformat(time).astimezone()
        where = harmless(f"{node}/{camera}" if self._nodes and camera else camera or node)
        return f"{local:%H:%M:%S}  {where:<10}  {text}"


def _kind(message: Mapping[str, Any]) -> tuple[str, str, str]:
    return message["source"], message["label"], message["outcome"]
