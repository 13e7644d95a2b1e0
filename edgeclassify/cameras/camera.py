"""What every camera is to the rest of the program."""

from __future__ import annotations

from typing import Protocol

from edgeclassify.errors import CameraError
from edgeclassify.records import Picture


class NoFrameError(CameraError):
    """No frame came in time, but the camera is still open: `read` may be called again."""


class Camera(Protocol):
    """An open camera. Used by one thread only; closed by leaving its `with` block."""

    @property
    def live(self) -> bool:
        """False for a source that is read on demand, of which no frame may be dropped."""
        ...

    @property
    def description(self) -> str:
        """What it is, for logs: no password in it."""
        ...

    def read(self, timeout_s: float) -> Picture:
        """Return the newest frame, skipping any backlog; a frame is returned once.

        Raises:
            NoFrameError: no frame within `timeout_s`.
            CameraError: the source is gone, or must be opened again.
        """
        ...
