"""What others may know of a camera, and what they want of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeclassify.records import Picture


@dataclass(slots=True)
class CameraStatus:
    """Written by the capture thread alone; each value may be read at any time."""

    description: str = ""
    """What was opened, without a password; empty before the first frame."""
    captured_total: int = 0
    last_captured_s: float | None = None
    """`time.monotonic()` seconds; None before the first frame."""
    restarts_total: int = 0
    """How often it failed and gave frames again."""
    error: str = ""
    """Why it gives no frames now; empty while it does."""


@dataclass(slots=True)
class CameraWishes:
    """Written by others, read by the capture thread at each picture."""

    classified: bool = True
    """Whether frames are put into the mailbox."""
    next_picture: Callable[[Picture], None] | None = None
    """Called once, in the capture thread, with the next picture."""
