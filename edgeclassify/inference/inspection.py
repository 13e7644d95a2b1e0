"""What any .tflite file says of itself, whether it can be used here or not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify import resources
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ChildError, ModelError
from edgeclassify.inference import metadata, runtime
from edgeclassify.inference.files import read_model
from edgeclassify.inference.labels import find_labels
from edgeclassify.inference.metadata import Normalization
from edgeclassify.inference.model import load_model
from edgeclassify.processes import Child

_INSPECTOR = "edgeclassify.inference.inspection:Inspector"
_TIME_S = 60.0  # a model of 200 MB on the slowest Pi, from an SD card


@dataclass(frozen=True)
class TensorFacts:
    """One input or output."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    """Of one step; 0: not quantized, or a scale for each channel."""
    zero_point: int


@dataclass(frozen=True)
class Inspection:
    """What was found in a file."""

    path: Path
    size_bytes: int
    sha256: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    operations: Mapping[str, int]
    """How often each is in the graph."""
    edgetpu: bool
    """It is compiled for the Edge TPU."""
    about: Mapping[str, str]
    """Name, description, version, author, license, as far as its metadata has them."""
    normalization: Normalization | None
    labels: tuple[str, ...]
    labels_from: str
    """Where they are; empty: there are none, or they cannot be read."""
    problem: str
    """Why it (for the Edge TPU: its twin for the CPU) cannot classify here; empty: it can."""


class Inspector:
    """What runs in a child process: a file may crash the runtime that opens it."""

    def __init__(self, memory: memoryview, path: Path) -> None:
        """Take the file; `memory` is not used."""
        del memory
        self._path = path

    def inspect(self) -> Inspection:
        """Return what the file says of itself."""
        return inspect(self._path)

    def input_size(self) -> tuple[int, int] | None:
        """Return width and height of the picture that it takes."""
        return input_size(self._path)

    def close(self) -> None:
        """Nothing is to be closed."""


def inspect_apart(path: Path) -> Inspection:
    """Return what a file says of itself, found out in a child process.

    Raises:
        ModelError: it cannot be read, is no TensorFlow Lite model, or crashes or hangs the runtime.
    """
    found: Inspection = _apart(path, "inspect")
    return found


def input_size_apart(path: Path) -> tuple[int, int] | None:
    """Return width and height of the picture that a model takes, in a child process unless it came with the program.

    Raises:
        ModelError: as `inspect_apart`.
    """
    if path.parent == resources.models():
        return input_size(path)
    found: tuple[int, int] | None = _apart(path, "input_size")
    return found


def _apart(path: Path, method: str) -> Any:  # noqa: ANN401 - whatever the method returns
    read_model(path)  # what is no model at all needs no process
    try:
        with Child(path.name, _INSPECTOR, {"path": path}, start_timeout_s=_TIME_S) as child:
            return child.call(method, timeout_s=_TIME_S)
    except ChildError as error:
        raise ModelError(f"{error}; the runtime cannot open this file: get it again, or do not use it") from error


def inspect(path: Path) -> Inspection:
    """Return what a file says of itself.

    Raises:
        ModelError: it cannot be read, or is no TensorFlow Lite model.
    """
    content = read_model(path)
    graph = runtime.read_graph(content, path)
    with runtime.native_errors(path.name):
        inputs, outputs = _tensors(graph.get_input_details()), _tensors(graph.get_output_details())
        operations = runtime.operation_counts(graph)
    labels, labels_from = _labels(path, content)
    return Inspection(
        path=path,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        inputs=inputs,
        outputs=outputs,
        operations=operations,
        edgetpu=runtime.EDGE_TPU_OPERATION in operations,
        about=metadata.about(content),
        normalization=metadata.normalization(content, path.name),
        labels=labels,
        labels_from=labels_from,
        problem=_problem(path),
    )


def input_size(path: Path) -> tuple[int, int] | None:
    """Return width and height of the picture that a model takes; None when it takes none.

    Raises:
        ModelError: it cannot be read, or is no TensorFlow Lite model.
    """
    graph = runtime.read_graph(read_model(path), path)
    with runtime.native_errors(path.name):
        inputs = _tensors(graph.get_input_details())
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        return None
    _, height, width, _ = inputs[0].shape
    return width, height


def _tensors(details: Sequence[Mapping[str, Any]]) -> tuple[TensorFacts, ...]:
    return tuple(
        TensorFacts(
            name=str(one["name"]),
            shape=tuple(int(n) for n in one["shape"]),
            dtype="text" if np.dtype(one["dtype"]).kind in "SUO" else str(np.dtype(one["dtype"])),
            scale=float(one["quantization"][0]),
            zero_point=int(one["quantization"][1]),
        )
        for one in details
    )


def _labels(path: Path, content: bytes) -> tuple[tuple[str, ...], str]:
    try:
        return find_labels("", path.parent, path, content)
    except ModelError:
        return (), ""


def _problem(path: Path) -> str:
    try:
        load_model(ModelConfig(name=str(path.absolute())), path.parent)
    except ModelError as error:
        return str(error)
    return ""
