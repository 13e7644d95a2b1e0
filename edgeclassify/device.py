"""What this machine tells of its temperature, its power supply and our memory; and what is to be done about it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

HOT_CELSIUS = 85
POWER_ADVICE = "use the Pi's own power supply and a short cable (Pi 5: 5 V 5 A, Pi 4: 5 V 3 A)"
COOLING_ADVICE = "give it a heat sink or a fan, and air"
THROTTLED = "sys/devices/platform/*/*firmware/get_throttled"  # soc/soc:firmware on a Pi 4
UNDER_VOLTAGE_ALARM = "sys/class/hwmon/hwmon*/in0_lcrit_alarm"
UNDER_VOLTAGE_DRIVER = "rpi_volt"
# Bits of get_throttled that mean now; 16 bits higher they mean since the last start.
UNDER_VOLTAGE, SLOWED_DOWN, _TOO_WARM = 0x1, 0xE, 0x8
_OVER_AFTER_S = 300.0  # a weak supply comes and goes with every frame: it is one trouble


@dataclass(frozen=True)
class Device:
    """What was read; what a machine cannot tell is None."""

    cpu_celsius: float | None
    under_voltage: bool | None
    slowed_down: bool | None
    by_heat: bool = False
    """Whether heat is why it is slowed down, as far as is known."""

    @property
    def throttled(self) -> bool | None:
        """Whether it is slower than it could be, or the voltage is too low."""
        known = [told for told in (self.under_voltage, self.slowed_down) if told is not None]
        return any(known) if known else None

    def troubles(self) -> dict[str, str]:
        """Return what is wrong now, and what to do about each."""
        found = {}
        if self.under_voltage:
            found["the voltage is too low"] = POWER_ADVICE
        if self.by_heat or (self.cpu_celsius or 0) >= HOT_CELSIUS:
            found["the processor is slowed down by heat"] = COOLING_ADVICE
        return found


def read_device(root: Path | None = None) -> Device:
    """Return how this machine is; `root` is where sys lies, by default $EDGECLASSIFY_SYSFS_ROOT, else /."""
    root = root or Path(os.environ.get("EDGECLASSIFY_SYSFS_ROOT") or "/")
    celsius = [value / 1000 for value in _numbers(root, "sys/class/thermal/thermal_zone*/temp")]
    bits = next(_numbers(root, THROTTLED, 16), None)
    if bits is not None:
        flags = bool(bits & UNDER_VOLTAGE), bool(bits & SLOWED_DOWN), slowed_down_by_heat(bits)
        return Device(max(celsius, default=None), *flags)
    return Device(max(celsius, default=None), next(_alarms(root), None), None)


def slowed_down_by_heat(bits: int) -> bool:
    """Tell by bits of get_throttled: too low a voltage slows it down too, but only heat sets the soft limit."""
    return bool(bits & SLOWED_DOWN) and bool(bits & _TOO_WARM or not bits & UNDER_VOLTAGE)


def report(device: Device) -> dict[str, Any]:
    """Return the part `device` of health."""
    celsius, memory_mb = device.cpu_celsius, _resident_mb()
    return {
        "cpu_celsius": None if celsius is None else round(celsius, 1),
        "throttled": device.throttled,
        "memory_mb": None if memory_mb is None else round(memory_mb, 1),
    }


class Care:
    """Tells of each trouble once when it begins, and when it has been over for a while.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen_s: dict[str, float] = {}

    @property
    def troubles(self) -> list[str]:
        """What is wrong now, or was a moment ago."""
        return list(self._seen_s)

    def note(self, device: Device) -> None:
        """Take in a reading."""
        now_s = self._clock()
        for trouble, advice in device.troubles().items():
            if trouble not in self._seen_s:
                warm = "" if device.cpu_celsius is None else f" at {device.cpu_celsius:.0f} C"
                log.warning("device: %s%s; %s", trouble, warm, advice)
            self._seen_s[trouble] = now_s
        for trouble, seen_s in list(self._seen_s.items()):
            if now_s - seen_s > _OVER_AFTER_S:
                del self._seen_s[trouble]
                log.info("device: no longer: %s", trouble)


def _numbers(root: Path, pattern: str, base: int = 10) -> Iterator[int]:
    for path in sorted(root.glob(pattern)):
        try:
            yield int(path.read_text(), base)
        except (OSError, ValueError):
            continue


def _alarms(root: Path) -> Iterator[bool]:
    """Yield what the kernel's own driver has noticed of the power supply."""
    for alarm in root.glob(UNDER_VOLTAGE_ALARM):
        try:
            if alarm.with_name("name").read_text().strip() == UNDER_VOLTAGE_DRIVER:
                yield bool(int(alarm.read_text()))
        except (OSError, ValueError):
            continue


def _resident_mb() -> float | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
