"""A stand-in Edge TPU: compiled on the spot, plugged and unplugged at will."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_COMPILE_S = 60.0


def build_library(folder: Path) -> Path | None:
    """Compile the stand-in for libedgetpu into `folder`; None when there is no C compiler that can."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    target, source = folder / "libedgetpu.so", Path(__file__).with_name("stand_in_edgetpu.c")
    command = [compiler, "-std=c11", "-O1", "-shared", "-fPIC", "-o", str(target), str(source)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_COMPILE_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return target if done.returncode == 0 else None


class StandIn:
    """The device: what the library does from now on, and what the kernel shows of it."""

    def __init__(self, folder: Path) -> None:
        self._options = folder / "stand-in"
        self.root = folder / "root"
        """The folder in which sys and dev lie for who is to see this device."""
        (self.root / "sys/bus/usb/devices").mkdir(parents=True)
        self._plugged = 0
        self.set()

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs in its environment to see this device."""
        return {"STAND_IN_EDGETPU_FILE": str(self._options), "EDGECLASSIFY_SYSFS_ROOT": str(self.root)}

    def set(self, mode: str = "claim", **options: object) -> None:
        """Do this from now on; for the options see the library's source."""
        text = ",".join(f"{key}={value}" for key, value in {"mode": mode, **options}.items())
        new = self._options.with_suffix(".new")
        new.write_text(text)
        new.replace(self._options)  # never read half written

    def show(self, vendor: str = "18d1", product: str = "9302", port: str = "1-1.2") -> None:
        """Let the kernel show a USB device, another one each time."""
        self._plugged += 1
        folder = self.root / "sys/bus/usb/devices" / port
        new = self.root / "sys/bus/usb/new"
        new.mkdir()
        for name, text in (("idVendor", vendor), ("idProduct", product), ("devnum", str(self._plugged))):
            (new / name).write_text(f"{text}\n")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)

    def hide(self) -> None:
        """Let the kernel show no device."""
        for folder in (self.root / "sys/bus/usb/devices").iterdir():
            shutil.rmtree(folder)

    def plug(self) -> None:
        """Let it work, and the kernel show it."""
        self.set()
        self.show()

    def unplug(self) -> None:
        """Take it away."""
        self.set("nodevice")
        self.hide()
