"""What a search for cameras gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera of this machine."""

    source: str
    """What to write as `source:` in config.yaml."""
    name: str
    """The maker's name for it."""
    detail: str
    """What else is worth knowing, for people: `/dev/video0, uvcvideo`."""
