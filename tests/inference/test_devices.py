"""Which Edge TPUs the kernel shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeclassify.inference.devices import find_devices, library_is_there
from tests.edgetpu.stand_in import StandIn


def names() -> list[str]:
    return [device.name for device in find_devices()]


def test_a_usb_accelerator_is_known_before_and_after_its_firmware_is_loaded(stand_in: StandIn) -> None:
    assert names() == []
    stand_in.show("1a6e", "089a")
    assert names() == ["usb:0"]
    stand_in.show("18d1", "9302")
    assert names() == ["usb:0"]


def test_devices_of_one_kind_are_counted_and_those_on_pcie_come_first(stand_in: StandIn) -> None:
    stand_in.show(port="2-1")
    stand_in.show(port="1-1")
    stand_in.show_pci()
    assert names() == ["pci:0", "usb:0", "usb:1"]


def test_other_usb_devices_and_what_vanishes_meanwhile_are_none(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.show("046d", "082d")
    (tmp_path / "edgetpu/root/sys/bus/usb/devices/1-1:1.0").mkdir()
    (tmp_path / "edgetpu/root/sys/bus/usb/devices/gone").symlink_to("nowhere")
    assert names() == []


def test_a_device_that_is_plugged_in_again_is_another(stand_in: StandIn) -> None:
    stand_in.show()
    before = find_devices()
    assert before == find_devices()
    stand_in.hide()
    stand_in.show()
    assert set(find_devices()).isdisjoint(before)


def test_a_machine_without_sysfs_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGECLASSIFY_SYSFS_ROOT", "/nowhere")
    assert find_devices() == []


def test_a_library_is_found_where_the_loader_would_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert library_is_there("libc.so.6")
    assert not library_is_there("libno-such-thing.so.1")
    (tmp_path / "libmine.so.1").touch()
    assert library_is_there(str(tmp_path / "libmine.so.1"))
    assert not library_is_there("libmine.so.1")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}")
    assert library_is_there("libmine.so.1")
