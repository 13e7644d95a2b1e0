"""The child's side of the Edge TPU: libedgetpu and its interpreter, which may hang or crash."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeclassify.errors import ModelError, UnavailableError
from edgeclassify.inference import runtime, signature
from edgeclassify.inference.files import read_model
from edgeclassify.inference.quantization import Tensor

_LARGEST_ITEM_BYTES = 4  # float32


def memory_bytes(input_shape: Sequence[int], outputs: int) -> int:
    """Return how much memory the sides share for a model: its input, and behind it its output."""
    return (math.prod(input_shape) + outputs) * _LARGEST_ITEM_BYTES


def shared_arrays(memory: memoryview, source: Tensor, output: Tensor) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the input and the output as they lie in the shared memory."""
    behind = math.prod(source.shape) * _LARGEST_ITEM_BYTES
    return (
        np.frombuffer(memory, source.dtype, math.prod(source.shape)).reshape(source.shape),
        np.frombuffer(memory, output.dtype, math.prod(output.shape), behind).reshape(output.shape),
    )


class EdgeTpuInterpreter:
    """What runs in the child."""

    def __init__(
        self,
        memory: memoryview,
        library: str,
        devices: Sequence[str],
        twin: Path,
        input_shape: Sequence[int],
        outputs: int,
    ) -> None:
        """Open a device and put the model on it.

        Args:
            memory: shared with the parent, as `shared_arrays` lays it out.
            library: libedgetpu, by name or path.
            devices: those to try, in this order; none: the first that the library finds.
            twin: the model, compiled for the Edge TPU.
            input_shape: that of the model for the CPU.
            outputs: how many numbers that one gives.

        Raises:
            UnavailableError: no library or no device.
            ModelError: the model cannot be used, or is no twin of the one for the CPU.
        """
        content = read_model(twin)
        self._device, self._delegate = _open_first(library, devices or _known_to_pycoral())
        self._interpreter = runtime.build(content, 1, twin, self._delegate)
        with runtime.native_errors(twin.name):
            self._input = signature.picture_input(self._interpreter.get_input_details(), twin.name)
            self._output = signature.score_output(self._interpreter.get_output_details(), twin.name)
        if self._input.shape != tuple(input_shape) or math.prod(self._output.shape) != outputs:
            raise ModelError(
                f"{twin.name}: takes {self._input.shape} and gives {math.prod(self._output.shape)} numbers, the model "
                f"for the CPU {tuple(input_shape)} and {outputs}: they are not the same model; get both again"
            )
        self._picture, self._scores = shared_arrays(memory, self._input, self._output)

    def describe(self) -> tuple[str, Tensor, Tensor]:
        """Return the device's name, empty if nobody knows it, and the model's input and output."""
        return self._device, self._input, self._output

    def invoke(self) -> None:
        """Classify the picture in the shared memory and leave the stored scores there.

        Raises:
            UnavailableError: the device is lost.
        """
        self._interpreter.set_tensor(self._input.index, self._picture)
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise UnavailableError(f"the device is lost ({str(error).splitlines()[0]})") from error
        self._scores[...] = self._interpreter.get_tensor(self._output.index)

    def close(self) -> None:
        """Give the device back."""
        del self._interpreter, self._delegate


def _open_first(library: str, devices: Sequence[str]) -> tuple[str, runtime.Delegate]:
    if not devices:
        return "", runtime.load_delegate(library, {})
    for device in devices[:-1]:
        try:
            return device, runtime.load_delegate(library, {"device": device})
        except UnavailableError:  # another may be free
            continue
    return devices[-1], runtime.load_delegate(library, {"device": devices[-1]})


def _known_to_pycoral() -> list[str]:
    """Ask Google's PyCoral, where it is installed; PyPI's package of that name is another project."""
    spec = importlib.util.find_spec("pycoral")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not any(Path(folder, "utils/edgetpu.py").is_file() for folder in folders):
        return []
    try:
        from pycoral.utils.edgetpu import list_edge_tpus  # type: ignore[import-not-found, unused-ignore] # seldom here

        kinds = [str(device["type"]) for device in list_edge_tpus()]
    except Exception:  # noqa: BLE001 - native code of another time and another Python: it is only asked for names
        return []
    return [f"{kind}:{kinds[:number].count(kind)}" for number, kind in enumerate(kinds) if kind in ("usb", "pci")]
