"""What the runtime needs to know of the processor."""

from __future__ import annotations

import platform
from pathlib import Path

from edgeclassify.errors import ModelError

_CPUINFO = Path("/proc/cpuinfo")


def check_processor(where: str, machine: str = "", cpuinfo: Path = _CPUINFO) -> None:
    """Stop where the runtime would crash: on 64-bit ARM it does when the kernel tells nothing of an ARM processor.

    Args:
        where: begins the message.
        machine: as the kernel calls it; default: this one.
        cpuinfo: where the kernel tells of the processor.

    Raises:
        ModelError: it would crash.
    """
    if (machine or platform.machine()) != "aarch64":
        return
    try:
        told = cpuinfo.read_text(errors="replace")
    except OSError:
        told = ""
    # An emulator may show the file of the machine that it runs on.
    if "CPU implementer" not in told:
        raise ModelError(
            f"{where}: {cpuinfo} tells nothing of an ARM processor, and without that the runtime crashes; "
            "mount /proc, for a service with ProcSubset=all; in an emulator, use a newer qemu"
        )
