"""When an event was accepted, by clocks that a wrong time of day cannot confuse."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from pathlib import Path

LATE_AFTER_SECONDS = 60.0
CLOCK_UNSET_BEFORE_S = 1_767_225_600.0
"""2026, in seconds since 1970: no clock that is right shows less, but one that was never set does."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment of one boot: CLOCK_BOOTTIME counts on while the machine sleeps and never jumps."""

    boot_id: str
    boot_s: float
    wall_s: float
    """Seconds since 1970; all there is to compare moments of different boots by."""

    def age_s(self, now: Instant) -> float:
        """Return how long ago this was; 0 where that cannot be known: in another boot, whose clock was never set."""
        if self.boot_id != now.boot_id and self.wall_s < CLOCK_UNSET_BEFORE_S:
            return 0.0
        return now.boot_s - self.boot_s if self.boot_id == now.boot_id else now.wall_s - self.wall_s

    def is_late(self, now: Instant) -> bool:
        """Return whether an event of this moment is old news: over a minute ago, or of another boot."""
        return self.boot_id != now.boot_id or self.age_s(now) > LATE_AFTER_SECONDS


def this_instant() -> Instant:
    """Return now."""
    return Instant(_boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())


@functools.cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
