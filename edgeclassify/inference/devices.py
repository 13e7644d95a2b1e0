"""The Edge TPUs that the kernel shows, by name; whether one was plugged in. Nothing here touches a device."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

# Vendor and product of the USB accelerator, before its firmware is loaded (which the library does) and after.
_USB_IDS = {("1a6e", "089a"), ("18d1", "9302")}
_LOADER_CACHE = Path("/etc/ld.so.cache")
_LIBRARY_FOLDERS = (Path("/lib"), Path("/usr/lib"), Path("/usr/local/lib"))


@dataclass(frozen=True)
class Device:
    """One Edge TPU."""

    name: str
    """As libedgetpu counts them: `usb:0`, `pci:0`."""
    plugging: str
    """Another one each time that it is plugged in."""


def root() -> Path:
    """Return the folder in which sys and dev lie: $EDGECLASSIFY_SYSFS_ROOT, else /."""
    return Path(os.environ.get("EDGECLASSIFY_SYSFS_ROOT") or "/")


def find_devices() -> list[Device]:
    """Return the Edge TPUs of this machine, those on PCIe first."""
    pci = sorted((root() / "dev").glob("apex_[0-9]*"))
    usb = [folder for folder in sorted((root() / "sys/bus/usb/devices").glob("*")) if _usb_id(folder) in _USB_IDS]
    found = [Device(f"pci:{number}", str(path)) for number, path in enumerate(pci)]
    # The kernel counts devnum up with each device that is plugged in.
    found += [Device(f"usb:{number}", f"{path} {_text(path / 'devnum')}") for number, path in enumerate(usb)]
    return found


def library_is_there(library: str) -> bool:
    """Whether the loader would find a library."""
    return find_library(library) is not None


def find_library(library: str) -> Path | None:
    """Return where the loader would find a library, without loading it: a broken one can crash whoever does."""
    if "/" in library:
        return Path(library) if Path(library).exists() else None
    folders = [Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    for folder in _LIBRARY_FOLDERS:
        folders += [folder, *folder.glob("*-linux-gnu*")]
    for folder in folders:
        if (folder / library).exists():
            return folder / library
    try:
        cached = re.search(rb"\0([^\0]*/%b)\0" % re.escape(os.fsencode(library)), _LOADER_CACHE.read_bytes())
    except OSError:
        return None
    return Path(os.fsdecode(cached[1])) if cached else None


def _usb_id(folder: Path) -> tuple[str, str]:
    return _text(folder / "idVendor"), _text(folder / "idProduct")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):  # an interface, which has none, or one that is just being unplugged
        return ""
