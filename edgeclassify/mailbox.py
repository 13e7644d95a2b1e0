"""The newest frame per camera, fair between cameras; what is replaced unseen is counted."""

from __future__ import annotations

import threading
from collections import Counter

from edgeclassify.records import Frame


class FrameMailbox:
    """One slot per camera: `put` replaces, `take` serves the camera that waited longest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, Frame] = {}  # insertion order is the order of waiting
        self._dropped: Counter[str] = Counter()

    def put(self, frame: Frame) -> None:
        """Offer a live frame; one of the same camera that still waits is dropped and counted."""
        with self._changed:
            if frame.camera in self._waiting:
                self._dropped[frame.camera] += 1
            self._waiting[frame.camera] = frame  # replacing keeps the camera's place in the line
            self._changed.notify_all()

    def put_when_free(self, frame: Frame, timeout_s: float) -> bool:
        """Offer a frame that must not be dropped; False when the slot did not get free in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: frame.camera not in self._waiting, timeout_s):
                return False
            self._waiting[frame.camera] = frame
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float) -> Frame | None:
        """Return the frame of the camera that waited longest; None when there is none in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._waiting), timeout_s):
                return None
            frame = self._waiting.pop(next(iter(self._waiting)))
            self._changed.notify_all()
            return frame

    def discard(self, frame: Frame) -> None:
        """Count a frame that was taken and cannot be used."""
        with self._changed:
            self._dropped[frame.camera] += 1

    def forget(self, camera: str) -> None:
        """Drop what a camera that was stopped has left."""
        with self._changed:
            self._waiting.pop(camera, None)
            self._changed.notify_all()

    def dropped_total(self, camera: str) -> int:
        """How many frames of this camera were replaced before they were classified, or could not be used."""
        with self._changed:
            return self._dropped[camera]
