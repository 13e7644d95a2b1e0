"""A machine in a folder: what its kernel tells is what a test writes."""

import grp  # noqa: F401 - loaded now, as nobody may not read Python's own files
import os
import pwd  # noqa: F401
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgeclassify.tools.doctor.findings import Finding
from edgeclassify.tools.doctor.machine import Machine

Lines = Callable[[Iterator[Finding]], list[str]]


class FakeKernel:
    """Writes below `root` what a kernel would show there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.machine = Machine(root, 4096)

    def write(self, path: str, text: str = "") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
        return file

    def usb(self, ids: str = "18d1:9302", speed: int = 5000, number: int = 4) -> Path:
        """An Edge TPU on USB; returns its node."""
        fields = {"busnum": 1, "devnum": number, "speed": speed}
        fields |= dict(zip(("idVendor", "idProduct"), ids.split(":"), strict=True))
        for name, value in fields.items():
            self.write(f"sys/bus/usb/devices/1-{number}/{name}", str(value))
        return self.write(f"dev/bus/usb/001/{number:03d}")

    def pci(self) -> None:
        """An Edge TPU card, without its driver's node."""
        self.write("sys/bus/pci/devices/0000:01:00.0/vendor", "0x1ac1")
        self.write("sys/bus/pci/devices/0000:01:00.0/device", "0x089a")

    def process(self, pid: int, name: str, *, parent: int = 1, opened: Path | None = None) -> None:
        self.write(f"proc/{pid}/comm", name)
        self.write(f"proc/{pid}/stat", f"{pid} ({name}) S {parent} 1 1")
        folder = self.root / f"proc/{pid}/fd"
        folder.mkdir()
        if opened is not None:
            (folder / "3").symlink_to(opened)


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    return FakeKernel(tmp_path / "root")


@pytest.fixture
def open_kernel() -> Iterator[FakeKernel]:
    """One that other users may look into, as pytest's own folders are closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield FakeKernel(Path(folder, "root"))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user who may nothing."""
    if os.geteuid() != 0:
        pytest.skip("cannot run here: only root can become somebody else")
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def lines() -> Lines:
    return lambda findings: [finding.line for finding in findings]
