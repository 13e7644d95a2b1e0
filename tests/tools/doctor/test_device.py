"""The machine itself, with a kernel that tells what a test wants."""

import importlib
from pathlib import Path

import pytest

from edgeclassify.tools.doctor.device import check_device
from tests.tools.doctor.conftest import FakeKernel

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


def said(kernel: FakeKernel) -> dict[str, str]:
    return {f.check: f.line.replace(f" device {f.check}:", "") for f in check_device(kernel.machine)}


def test_a_machine_that_tells_nothing_is_no_failure(kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = said(kernel)
    assert [check for check, line in found.items() if line.startswith("skip")] == [
        "time server", "temperature", "power", "memory",
    ]  # fmt: skip
    assert not [line for line in found.values() if line.startswith("fail")]


@pytest.mark.parametrize(
    ("bits", "power", "throttling"),
    [
        (0x0, "ok", "ok"),
        (0x1, "fail", "ok"),
        (0x50005, "fail", "fail"),
        (0x10000, "warn", "ok"),
        (0x40000, "ok", "warn"),
        (0x8, "ok", "fail"),
    ],
)
def test_power_and_throttling_now_and_since_the_start(
    kernel: FakeKernel, bits: int, power: str, throttling: str
) -> None:
    kernel.write(THROTTLED, f"{bits:x}")
    found = said(kernel)
    assert (found["power"].split()[0], found["throttling"].split()[0]) == (power, throttling)
    assert "last start" not in f"{found}", "the kernel forgets it within seconds"
    assert power == "ok" or "power supply" in found["power"]


@pytest.mark.parametrize(
    ("bits", "advice"),
    [(0x5, "power supply"), (0x50000, "power supply"), (0xD, "fan"), (0x4, "fan"), (0xC0000, "fan")],
)
def test_what_slows_it_down_is_what_is_to_be_mended(kernel: FakeKernel, bits: int, advice: str) -> None:
    kernel.write(THROTTLED, f"{bits:x}")
    assert advice in said(kernel)["throttling"]


def test_power_told_by_the_command_which_knows_it_since_the_start(
    kernel: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.write(THROTTLED, "0")
    command = tmp_path / "bin/vcgencmd"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\necho "throttled=0x50000"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    assert said(kernel)["power"].startswith("warn the voltage was too low since the last start (throttled=0x50000)")


def test_power_told_by_the_driver_where_the_firmware_may_not_be_asked(
    kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    kernel.write("sys/class/hwmon/hwmon0/name", "nvme")
    kernel.write("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1")
    assert said(kernel)["power"].startswith("skip")
    kernel.write("sys/class/hwmon/hwmon1/name", "rpi_volt")
    kernel.write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")
    assert said(kernel)["power"].startswith("fail the voltage is too low now")


@pytest.mark.parametrize(("celsius", "status"), [(48, "ok"), (79, "warn"), (90, "fail")])
def test_temperature(kernel: FakeKernel, celsius: int, status: str) -> None:
    kernel.write("sys/class/thermal/thermal_zone0/temp", "20000")
    kernel.write("sys/class/thermal/thermal_zone1/temp", str(celsius * 1000))
    assert said(kernel)["temperature"].startswith(f"{status:4} {celsius} C")


@pytest.mark.parametrize(("megabytes", "status"), [(900, "ok"), (120, "warn"), (30, "fail")])
def test_memory(kernel: FakeKernel, megabytes: int, status: str) -> None:
    kernel.write("proc/meminfo", f"MemTotal: 1000000 kB\nMemAvailable: {megabytes * 1024} kB")
    assert said(kernel)["memory"].startswith(f"{status:4} {megabytes} MB available")


def test_a_synchronized_clock(kernel: FakeKernel) -> None:
    kernel.write("run/systemd/timesync/synchronized")
    assert said(kernel)["time server"] == "ok   the clock was set by a time server"


def test_a_clock_that_is_not_synchronized(kernel: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "bin/timedatectl"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\necho no\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
    assert said(kernel)["time server"].startswith("warn the clock is not synchronized")


def test_pypis_pycoral_is_told_apart_from_googles(
    kernel: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    info = tmp_path / "pycoral-0.2.0.dist-info"
    info.mkdir()
    for name in ("pycoral/pycoral.py", "pycoral/utils/edgetpu.py"):  # Python counts files that are there only
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pycoral\nVersion: 0.2.0\n")
    (info / "RECORD").write_text("pycoral/pycoral.py,,\n")
    importlib.invalidate_caches()
    assert "pip uninstall pycoral" in said(kernel)["pycoral"]
    (info / "RECORD").write_text("pycoral/utils/edgetpu.py,,\n")
    assert "pycoral" not in said(kernel)
