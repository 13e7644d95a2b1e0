"""A stand-in Edge TPU for tests: compiled on the spot, plugged and unplugged at will."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from edgeclassify.tools.faults.stand_in import StandIn as Device
from edgeclassify.tools.faults.stand_in import build_library
from tests.inference.tiny_models import Graph, Operation, Tensor, classifier


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """One for this process, removed at its end."""
    return tempfile.TemporaryDirectory(prefix="stand-in-")


@functools.cache
def library() -> Path:
    """The compiled library, once per process."""
    built = build_library(Path(_folder().name))
    if built is None:
        pytest.skip("cannot run here: no C compiler")
    return built


class StandIn(Device):
    """The device of the demo, with what only tests need."""

    def show_pci(self, number: int = 0) -> None:
        """The kernel shows a PCIe device."""
        (self.root / "dev").mkdir(exist_ok=True)
        (self.root / f"dev/apex_{number}").touch()


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
