"""What a machine tells of its temperature and power, and what is said of it: once for each trouble."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from edgeclassify.device import Care, Device, read_device, report
from tests.broker import Broker
from tests.running import Daemon, colour_of, slides, write_pictures

FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_device_tells_numbers_or_null() -> None:
    told = report(read_device())
    assert list(told) == ["cpu_celsius", "throttled", "memory_mb"]
    assert told["cpu_celsius"] is None or -30 < told["cpu_celsius"] < 130
    assert told["throttled"] in (None, True, False)
    assert told["memory_mb"] > 10


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    assert read_device(tmp_path) == Device(None, None, None)
    assert read_device(tmp_path).throttled is None
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "")
    write(tmp_path, FIRMWARE, "nonsense")
    write(tmp_path, "sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1")
    assert read_device(tmp_path) == Device(None, None, None), "an alarm of another driver"


@pytest.mark.parametrize(
    ("bits", "under_voltage", "slowed_down", "by_heat"),
    [
        ("50005", True, True, False),
        ("50000", False, False, False),
        ("1", True, False, False),
        ("8", False, True, True),
        ("0x2", False, True, True),
        ("d000d", True, True, True),
    ],
)
def test_what_a_raspberry_pi_says(
    tmp_path: Path, bits: str, under_voltage: bool, slowed_down: bool, by_heat: bool
) -> None:
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    write(tmp_path, "sys/class/thermal/thermal_zone1/temp", "51000\n")
    write(tmp_path, FIRMWARE, f"{bits}\n")
    device = read_device(tmp_path)
    assert device == Device(51.0, under_voltage, slowed_down, by_heat)
    assert ("the processor is slowed down by heat" in device.troubles()) is by_heat, "too low a voltage slows it too"
    assert device.throttled is (under_voltage or slowed_down)


def test_the_kernels_own_driver_tells_of_the_voltage(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    write(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert read_device(tmp_path) == Device(None, under_voltage=True, slowed_down=None)


def test_each_trouble_is_told_once_with_advice_and_is_over_only_after_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    now_s = [0.0]
    care = Care(lambda: now_s[0])
    for second in range(0, 600, 30):  # it comes and goes
        now_s[0] = float(second)
        care.note(Device(60.0, under_voltage=second % 60 == 0, slowed_down=False))
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("device: the voltage is too low at 60 C; use the Pi's own power supply and")
    assert care.troubles == ["the voltage is too low"]
    now_s[0] = 1000.0
    care.note(Device(86.0, under_voltage=False, slowed_down=None))
    assert caplog.messages[1:] == [
        "device: the processor is slowed down by heat at 86 C; give it a heat sink or a fan, and air",
        "device: no longer: the voltage is too low",
    ]


def test_the_daemon_tells_it_in_its_log(tmp_path: Path, broker: Broker) -> None:
    write(tmp_path / "root", FIRMWARE, "1\n")
    daemon = Daemon(tmp_path, broker.port, {"porch": slides(write_pictures(tmp_path / "pictures", colour_of(0)))})
    daemon.variables = {"EDGECLASSIFY_SYSFS_ROOT": str(tmp_path / "root")}
    with daemon:
        daemon.wait_for("device: the voltage is too low; use the Pi's own power supply")
        assert daemon.stop() == 0
        assert daemon.said().count("voltage is too low; use") == 1
