"""The TensorFlow Lite runtime: the only module that imports it, builds interpreters and reads its graph.

Everything that a damaged model can do to the runtime ends here as ModelError.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify.errors import ModelError, UnavailableError
from edgeclassify.inference.processor import check_processor

log = logging.getLogger(__name__)

Interpreter = Any
"""ai_edge_litert's or tflite_runtime's, which carry no types."""

Delegate = Any
"""Theirs, too; it must live as long as the interpreters that use it."""


@dataclass(frozen=True)
class Operation:
    """One step of a graph; tensors by their index."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


# A real model of this kind needs some 20 MB for its largest tensor. One whose shapes are damaged may ask for
# gigabytes, which the runtime would try to get.
_MAX_TENSOR_BYTES = 256 * 1024 * 1024

# Operations that only pass values on, in another form.
_TRANSPARENT = {"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE"}

EDGE_TPU_OPERATION = "edgetpu-custom-op"
"""What the Edge TPU's compiler puts in place of all that the TPU computes."""

_NATIVE_LINE = re.compile(r"(INFO|WARNING|ERROR|VERBOSE): ")
_stderr_lock = threading.Lock()


def build(content: bytes, threads: int, path: Path, delegate: Delegate | None = None) -> Interpreter:
    """Return an interpreter whose tensors are allocated.

    Args:
        content: the model file. Never a path: a file truncated while it is mapped kills the process.
        threads: at least 1.
        path: where the model came from, for messages.
        delegate: takes over the operations that are compiled for the Edge TPU.

    Raises:
        ModelError: the runtime cannot use it.
    """
    interpreter_class = _library().Interpreter
    check_processor(path.name)
    with native_errors(path.name):
        delegates = [delegate] if delegate else None
        interpreter = interpreter_class(model_content=content, num_threads=threads, experimental_delegates=delegates)
        _check_operations(interpreter, path, has_delegate=delegate is not None)
        _check_memory(interpreter, path.name)
        with _native_lines_to_log():
            interpreter.allocate_tensors()
    return interpreter


def load_delegate(library: str, options: Mapping[str, str]) -> Delegate:
    """Load the Edge TPU's library into this process and open a device.

    Only in a child: it holds the GIL, for seconds or for ever, and the wrong pair of library and runtime crashes.

    Raises:
        UnavailableError: the library cannot be loaded, or there is no such device.
    """
    try:
        return _library().load_delegate(library, dict(options))
    except OSError as error:
        raise UnavailableError(f"{library}: cannot be loaded ({error}); install libedgetpu1-std") from error
    except AttributeError as error:
        raise UnavailableError(f"{library}: is no Edge TPU library ({error}); mend model.edgetpu_library") from error
    except ValueError as error:
        device = options.get("device", "of any kind")
        raise UnavailableError(f"no Edge TPU ({device}) can be opened; is it plugged in, and free?") from error


def read_graph(content: bytes, path: Path) -> Interpreter:
    """Return an interpreter that can be asked for tensors and operations but not run: also one for the Edge TPU.

    Raises:
        ModelError: the runtime cannot read it.
    """
    with native_errors(path.name):
        return _library().Interpreter(model_content=content, num_threads=1)


def operation_counts(interpreter: Interpreter) -> dict[str, int]:
    """Return how often each operation is in the graph, by name, in the order of the graph."""
    return dict(Counter(str(operation["op_name"]) for operation in _operations(interpreter)))


@contextlib.contextmanager
def native_errors(where: str) -> Iterator[None]:
    """Turn what the runtime raises on a damaged model into ModelError."""
    try:
        yield
    except ModelError:
        raise
    # The runtime promises no types: seen are ValueError, RuntimeError, MemoryError, KeyError and IndexError.
    except Exception as error:
        raise unusable(where, error) from error


def unusable(where: str, error: Exception) -> ModelError:
    """Return what to raise when the runtime fails on a model."""
    first_line = str(error).strip().split("\n")[0]
    return ModelError(
        f"{where}: the runtime cannot use it ({first_line or type(error).__name__}); "
        "the file is damaged or made for another runtime: get it again"
    )


def operations(interpreter: Interpreter) -> list[Operation]:
    """Return the graph as the file has it, in its order."""
    return [
        Operation(str(one["op_name"]), tuple(map(int, one["inputs"])), tuple(map(int, one["outputs"])))
        for one in _operations(interpreter)
        if "DELEGATE" not in one["op_name"].upper()
    ]


def uses_xnnpack(interpreter: Interpreter) -> bool:
    """Whether an allocated interpreter runs on XNNPACK, which is several times faster than the plain kernels."""
    # A part of the graph that a delegate took over is one more node, DELEGATE or TfLiteXNNPackDelegate.
    return any("DELEGATE" in operation["op_name"].upper() for operation in _operations(interpreter))


def last_operation(interpreter: Interpreter, tensor: int) -> str:
    """Return the name of the operation that computes a tensor, seen through those that only change its form."""
    graph = operations(interpreter)
    producer = {output: operation for operation in graph for output in operation.outputs}
    for _ in graph:
        operation = producer.get(tensor)
        if operation is None:
            return ""
        if operation.name not in _TRANSPARENT or not operation.inputs:
            return operation.name
        tensor = operation.inputs[0]
    return ""


@functools.cache
def _library() -> Any:  # noqa: ANN401 - a module without types
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError:
        try:
            from tflite_runtime import interpreter as tflite
        except ImportError as error:
            raise ModelError("no TensorFlow Lite runtime is installed; run: pip install ai-edge-litert") from error
        return tflite
    return litert


def _operations(interpreter: Interpreter) -> list[dict[str, Any]]:
    # Private, but the same in both runtimes, and nothing public tells the graph.
    operations: list[dict[str, Any]] = interpreter._get_ops_details()  # noqa: SLF001
    return operations


def _check_operations(interpreter: Interpreter, path: Path, *, has_delegate: bool) -> None:
    names = {operation["op_name"] for operation in _operations(interpreter)}
    if EDGE_TPU_OPERATION in names and not has_delegate:
        cpu_model = path.with_name(f"{path.stem.removesuffix('_edgetpu')}.tflite")
        raise ModelError(
            f"{path.name} is compiled for the Edge TPU and cannot run on the CPU; put the model for the CPU, "
            f"{cpu_model.name}, beside it: it is also what goes on when the Edge TPU is lost"
        )
    if "TFLite_Detection_PostProcess" in names:
        raise ModelError(
            f"{path.name} is a detection model, which says where things are; a classification model is needed"
        )


def _check_memory(interpreter: Interpreter, where: str) -> None:
    for tensor in interpreter.get_tensor_details():
        size = math.prod(int(n) for n in tensor["shape"]) * np.dtype(tensor["dtype"]).itemsize
        if size > _MAX_TENSOR_BYTES:
            raise ModelError(
                f"{where}: one of its tensors needs {size / 1e6:.0f} MB; the file is damaged, get it again"
            )


@contextlib.contextmanager
def _native_lines_to_log() -> Iterator[None]:
    """Keep the runtime's own lines ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.") off the terminal.

    It writes to descriptor 2 and has no setting for it. Lines of others that fall into these milliseconds are
    written afterwards. (The runtime holds the GIL meanwhile, so no Python thread gets in.)
    """
    with _stderr_lock:
        try:
            real = os.dup(2)
        except OSError:  # closed: there is nothing to keep clean
            yield
            return
        # In memory: a daemon may run where no folder can be written.
        with os.fdopen(os.memfd_create("stderr"), "w+b") as caught:
            try:
                os.dup2(caught.fileno(), 2)
                yield
            finally:
                os.dup2(real, 2)
                caught.seek(0)
                for line in caught:
                    text = line.decode(errors="replace")
                    if _NATIVE_LINE.match(text):
                        log.debug("runtime: %s", text.strip())
                    else:
                        os.write(real, line)
                os.close(real)
