"""A stand-in Edge TPU for tests: compiled on the spot, plugged and unplugged at will."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.inference.tiny_models import Graph, Operation, Tensor, classifier

_SOURCE = Path(__file__).with_name("stand_in_edgetpu.c")


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """One for this process, removed at its end."""
    return tempfile.TemporaryDirectory(prefix="stand-in-")


@functools.cache
def library() -> Path:
    """The compiled library, once per process."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("cannot run here: no C compiler")
    target = Path(_folder().name, "libedgetpu.so")
    subprocess.run([compiler, "-std=c11", "-O1", "-shared", "-fPIC", "-o", str(target), str(_SOURCE)], check=True)
    return target


class StandIn:
    """The device: what the library does from now on, and what the kernel shows of it."""

    def __init__(self, folder: Path) -> None:
        self._options = folder / "stand-in"
        self._root = folder / "root"
        (self._root / "sys/bus/usb/devices").mkdir(parents=True)
        self._plugged = 0
        self.set()

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs in its environment to see this device."""
        return {"STAND_IN_EDGETPU_FILE": str(self._options), "EDGECLASSIFY_SYSFS_ROOT": str(self._root)}

    def set(self, mode: str = "claim", **options: object) -> None:
        """Do this from now on; for the options see the library's source."""
        text = ",".join(f"{key}={value}" for key, value in {"mode": mode, **options}.items())
        new = self._options.with_suffix(".new")
        new.write_text(text)
        new.replace(self._options)  # never read half written

    def show(self, vendor: str = "18d1", product: str = "9302", port: str = "1-1.2") -> None:
        """The kernel shows a USB device, another one each time."""
        self._plugged += 1
        folder = self._root / "sys/bus/usb/devices" / port
        new = self._root / "sys/bus/usb/new"
        new.mkdir()
        for name, text in (("idVendor", vendor), ("idProduct", product), ("devnum", str(self._plugged))):
            (new / name).write_text(f"{text}\n")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)

    def show_pci(self, number: int = 0) -> None:
        """The kernel shows a PCIe device."""
        (self._root / "dev").mkdir(exist_ok=True)
        (self._root / f"dev/apex_{number}").touch()

    def hide(self) -> None:
        """The kernel shows no device."""
        for folder in (self._root / "sys/bus/usb/devices").iterdir():
            shutil.rmtree(folder)

    def plug(self) -> None:
        self.set()
        self.show()

    def unplug(self) -> None:
        self.set("nodevice")
        self.hide()


def twin(picture: Sequence[int] = (1, 1, 1, 3), labels: int = 3, dtype: str = "uint8", scale: float = 1 / 255) -> bytes:
    """A model of which all is done by the Edge TPU; its scores are the picture's first bytes."""
    tensors = [Tensor(tuple(picture), dtype, scale), Tensor((1, labels), dtype, scale)]
    return Graph(tensors, [Operation("", (0,), (1,), custom="edgetpu-custom-op")]).pack()


def write_twins(folder: Path, name: str = "colours", labels: Sequence[str] = ("red", "green", "blue")) -> Path:
    """Both files of a model whose three scores are how red, green and blue one pixel is; returns the CPU's."""
    cpu = folder / f"{name}.tflite"
    cpu.write_bytes(classifier(3, dtype="uint8", scale=1 / 255, softmax=False))
    cpu.with_suffix(".txt").write_text("\n".join(labels) + "\n")
    (folder / f"{name}_edgetpu.tflite").write_bytes(twin())
    return cpu
