"""What others may know of a camera."""

from __future__ import annotations

from dataclasses import dataclass


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
