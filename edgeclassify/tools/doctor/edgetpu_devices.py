"""The Edge TPUs that the kernel shows, with what `doctor` must know to tell why one cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.tools.doctor.machine import Machine

_USB_BEFORE, _USB_READY = ("1a6e", "089a"), ("18d1", "9302")  # before and after the library has loaded the firmware
_PCI = ("0x1ac1", "0x089a")


@dataclass(frozen=True)
class EdgeTpuDevice:
    """One accelerator."""

    name: str
    """`usb:0`, `pci:0`."""
    node: Path | None
    """What must be opened to use it; None when no driver has made one, or its number is not told."""
    megabits_per_s: int | None = None
    """How fast its USB port is, once the firmware is loaded; before, it tells nothing."""

    @property
    def is_pci(self) -> bool:
        """Whether it is a card, not a USB stick."""
        return self.name.startswith("pci")


def edgetpu_devices(machine: Machine) -> list[EdgeTpuDevice]:
    """Return all of this machine, cards first, as libedgetpu counts them."""
    return [*_cards(machine), *_sticks(machine)]


def _cards(machine: Machine) -> Iterator[EdgeTpuDevice]:
    nodes = sorted((machine.root / "dev").glob("apex_[0-9]*"))
    cards = [
        folder
        for folder in sorted((machine.root / "sys/bus/pci/devices").glob("*"))
        if (machine.text(folder / "vendor"), machine.text(folder / "device")) == _PCI
    ]
    for number in range(max(len(nodes), len(cards))):
        yield EdgeTpuDevice(f"pci:{number}", nodes[number] if number < len(nodes) else None)


def _sticks(machine: Machine) -> Iterator[EdgeTpuDevice]:
    number = 0
    for folder in sorted((machine.root / "sys/bus/usb/devices").glob("*")):
        ids = machine.text(folder / "idVendor"), machine.text(folder / "idProduct")
        if ids not in (_USB_BEFORE, _USB_READY):
            continue
        bus, device = machine.number(folder / "busnum"), machine.number(folder / "devnum")
        node = machine.root / f"dev/bus/usb/{bus:03d}/{device:03d}" if bus is not None and device is not None else None
        speed = machine.number(folder / "speed") if ids == _USB_READY else None
        yield EdgeTpuDevice(f"usb:{number}", node, speed)
        number += 1
