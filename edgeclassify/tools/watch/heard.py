"""What came on a topic of a node, and who shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of a node."""

    node: str
    camera: str
    """Empty for the node itself."""
    kind: str
    """The end of its topic: `event`, `why`, `status` or `enabled`."""
    payload: bytes
    message: Mapping[str, Any] | None = None
    """The payload, where it is a JSON object."""

    @property
    def text(self) -> str:
        """The payload of a topic that is no JSON."""
        return self.payload.decode("utf-8", "replace")


class Display(Protocol):
    """Shows what was heard."""

    def show(self, heard: Heard) -> None:
        """Show it, if it is something new."""
        ...

    def note(self, text: str) -> None:
        """Tell of the connection to the broker; empty when it is there."""
        ...

    def refresh(self) -> None:
        """Keep up with time; called some times a second, whether or not something came."""
        ...
