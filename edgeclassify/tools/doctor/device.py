"""The machine itself: versions, clock, temperature, power, memory."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time
from collections.abc import Iterator

from edgeclassify import __version__
from edgeclassify.device import (
    COOLING_ADVICE,
    HOT_CELSIUS,
    POWER_ADVICE,
    SLOWED_DOWN,
    THROTTLED,
    UNDER_VOLTAGE,
    UNDER_VOLTAGE_ALARM,
    UNDER_VOLTAGE_DRIVER,
    slowed_down_by_heat,
)
from edgeclassify.tools.doctor.findings import Finding, Part
from edgeclassify.tools.doctor.machine import Machine, output_of
from edgeclassify.tools.installation import package_version, runtime_version

PART = Part("device")

_LIBRARIES = ("numpy", "av", "Pillow", "paho-mqtt", "pydantic", "PyYAML")
_EARLIEST_YEAR = 2026  # no clock that is right can show an earlier one
_WARM_CELSIUS = 75
_LITTLE_MB, _TOO_LITTLE_MB = 200, 60
_HAS_BEEN = 16


def check_device(machine: Machine) -> Iterator[Finding]:
    """Yield what is to be said of this machine."""
    yield from _versions()
    yield _clock_year()
    yield _clock_synchronized(machine)
    yield _temperature(machine)
    yield from _power(machine)
    yield _memory(machine)


def _versions() -> Iterator[Finding]:
    yield PART.ok("python", f"{platform.python_version()} on {platform.machine()}, edgeclassify {__version__}")
    missing = [name for name in _LIBRARIES if not package_version(name)]
    if missing:
        yield PART.fail(
            "libraries", f"missing: {', '.join(missing)}", f"run: {sys.executable} -m pip install {' '.join(missing)}"
        )
    else:
        yield PART.ok("libraries", ", ".join(f"{name} {package_version(name)}" for name in _LIBRARIES))
    runtime = runtime_version()
    if not runtime:
        yield PART.fail("runtime", "no TensorFlow Lite runtime is installed", "run: pip install ai-edge-litert")
    elif runtime.startswith("tflite-runtime") and not package_version("numpy").startswith("1."):
        yield PART.fail(
            "runtime", f"{runtime} needs numpy 1, here is {package_version('numpy')}", "run: pip install 'numpy<2'"
        )
    else:
        yield PART.ok("runtime", runtime)
    if _has_the_wrong_pycoral():
        yield PART.warn(
            "pycoral",
            "PyPI's pycoral is installed, which has nothing to do with the Edge TPU",
            "run: pip uninstall pycoral",
        )


def _has_the_wrong_pycoral() -> bool:
    if not package_version("pycoral"):
        return False
    files = importlib.metadata.files("pycoral") or []
    return not any(file.as_posix().startswith("pycoral/utils/") for file in files)


def _clock_year() -> Finding:
    now = time.gmtime()
    if now.tm_year < _EARLIEST_YEAR:
        return PART.fail(
            "clock",
            f"it is not {now.tm_year}",
            "connect the network so that the clock is set, or run: timedatectl set-time",
        )
    return PART.ok("clock", time.strftime("%Y-%m-%d %H:%M UTC", now))


def _clock_synchronized(machine: Machine) -> Finding:
    if (machine.root / "run/systemd/timesync/synchronized").exists():
        return PART.ok("time server", "the clock was set by a time server")
    told = output_of("timedatectl", "show", "--property=NTPSynchronized", "--value")
    if told == "yes":
        return PART.ok("time server", "the clock is synchronized")
    if told == "no":
        return PART.warn(
            "time server",
            "the clock is not synchronized, so times in events may be wrong",
            "connect the network, and run: sudo timedatectl set-ntp true",
        )
    return PART.skip("time server", "this machine does not tell whether its clock is synchronized")


def _temperature(machine: Machine) -> Finding:
    zones = sorted((machine.root / "sys/class/thermal").glob("thermal_zone*/temp"))
    celsius = [value / 1000 for zone in zones if (value := machine.number(zone)) is not None]
    if not celsius:
        return PART.skip("temperature", "this machine does not tell it")
    hottest = max(celsius)
    text = f"{hottest:.0f} C"
    if hottest >= HOT_CELSIUS:
        return PART.fail("temperature", f"{text}: it slows down to save itself", COOLING_ADVICE)
    if hottest >= _WARM_CELSIUS:
        return PART.warn("temperature", f"{text}, near 80 C, where a Pi slows down", COOLING_ADVICE)
    return PART.ok("temperature", text)


def _power(machine: Machine) -> Iterator[Finding]:
    known = _throttled_bits(machine)
    if known is None:
        yield _voltage(machine)
        return
    bits, since = known
    if bits & UNDER_VOLTAGE:
        yield PART.fail("power", f"the voltage is too low now (throttled={bits:#x})", POWER_ADVICE)
    elif bits >> _HAS_BEEN & UNDER_VOLTAGE:
        yield PART.warn("power", f"the voltage was too low {since} (throttled={bits:#x})", POWER_ADVICE)
    else:
        yield PART.ok("power", f"the voltage was never too low {since}")
    if bits & SLOWED_DOWN:
        text = f"the processor is slowed down now (throttled={bits:#x})"
        yield PART.fail("throttling", text, _throttling_advice(bits))
    elif bits >> _HAS_BEEN & SLOWED_DOWN:
        text = f"the processor was slowed down {since} (throttled={bits:#x})"
        yield PART.warn("throttling", text, _throttling_advice(bits >> _HAS_BEEN))
    else:
        yield PART.ok("throttling", f"the processor was never slowed down {since}")


def _throttling_advice(bits: int) -> str:
    return COOLING_ADVICE if slowed_down_by_heat(bits) else POWER_ADVICE


def _throttled_bits(machine: Machine) -> tuple[int, str] | None:
    """Return what a Pi's firmware has noticed, and since when; None on other machines."""
    try:
        return int(output_of("vcgencmd", "get_throttled").partition("=")[2], 16), "since the last start"
    except ValueError:  # no such command, or this user may not ask the firmware
        pass
    for file in machine.root.glob(THROTTLED):
        if (bits := machine.number(file, 16)) is not None:
            return bits, "in the last seconds"  # the kernel's own driver asks all the time, and begins anew each time
    return None


def _voltage(machine: Machine) -> Finding:
    """Judge the power supply by what the kernel's own driver has noticed."""
    for file in machine.root.glob(UNDER_VOLTAGE_ALARM):
        if machine.text(file.with_name("name")) != UNDER_VOLTAGE_DRIVER:
            continue
        if machine.number(file):
            return PART.fail("power", "the voltage is too low now", POWER_ADVICE)
        return PART.ok("power", "the voltage is not too low now")
    return PART.skip("power", "only a Raspberry Pi tells of its power supply")


def _memory(machine: Machine) -> Finding:
    fields = dict(line.split(":", 1) for line in machine.text("proc/meminfo").splitlines() if ":" in line)
    try:
        available_mb = int(fields["MemAvailable"].split()[0]) / 1024
    except (KeyError, ValueError, IndexError):
        return PART.skip("memory", "this machine does not tell it")
    text = f"{available_mb:.0f} MB available"
    if available_mb < _TOO_LITTLE_MB:
        return PART.fail("memory", text, "stop other programs; the daemon needs about 150 MB")
    if available_mb < _LITTLE_MB:
        return PART.warn("memory", text, "stop other programs; the daemon needs about 150 MB")
    return PART.ok("memory", text)
