"""One camera on its way through the pipeline."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

from edgeclassify.cameras.status import CameraStatus, CameraWishes
from edgeclassify.events.tracker import Tracker
from edgeclassify.records import State

log = logging.getLogger(__name__)


class TellOnline(Protocol):
    """Tells whether a camera gives fresh frames."""

    def __call__(self, *, online: bool) -> None:
        """Tell it."""
        ...


@dataclass(eq=False)
class Lane:
    """What is known of it; changed by the classify thread alone, but for its wishes and its status."""

    camera: str
    tracker: Tracker
    status: CameraStatus
    stale_seconds: float
    tell_online: TellOnline
    wishes: CameraWishes = field(default_factory=CameraWishes)
    classified_total: int = 0
    online: bool = field(default=False, init=False)
    state: State | None = field(default=None, init=False)
    """What is in front of it now."""

    def update_online(self, now_s: float) -> bool:
        """Compare with when the last frame came; return whether the camera just went offline."""
        captured_s = self.status.last_captured_s
        online = captured_s is not None and now_s - captured_s < self.stale_seconds
        if online == self.online:
            return False
        self.online = online
        log.log(
            logging.INFO if online else logging.WARNING, "camera %s: %s", self.camera, "online" if online else "offline"
        )
        self.tell_online(online=online)
        return not online
