"""A model on an Edge TPU: its interpreter lives in a child process, with a deadline for each inference."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from edgeclassify.errors import ModelError
from edgeclassify.inference.edgetpu_child import memory_bytes, shared_arrays
from edgeclassify.inference.model import Model
from edgeclassify.inference.quantization import input_encoder
from edgeclassify.processes import Child
from edgeclassify.records import Frame, Scores

_INTERPRETER = "edgeclassify.inference.edgetpu_child:EdgeTpuInterpreter"
_START_S = 20.0  # the library loads the firmware into a USB device, which then comes again
_FIRST_S = 10.0  # the model is uploaded
_ANSWER_S = 2.0
ATTEMPT_S = _START_S + _ANSWER_S + _FIRST_S + _ANSWER_S
"""After so long it is known at the latest whether a device can be used."""


class Deadline:
    """How long one inference may take, judged by the last ones."""

    # A busy machine may stop us for so long; beyond the most, going on with the CPU would take more than 2 s in all:
    # half a second is given to a process that hangs for its last words.
    LEAST_S = 0.5
    MOST_S = 1.0
    _FACTOR = 10

    def __init__(self) -> None:
        self._recent_s: deque[float] = deque(maxlen=51)

    def note(self, took_s: float) -> None:
        """Take in one inference."""
        self._recent_s.append(took_s)

    @property
    def limit_s(self) -> float:
        """What the next inference may take, seconds."""
        if not self._recent_s:
            return self.MOST_S
        return min(self.MOST_S, max(self.LEAST_S, self._FACTOR * statistics.median(self._recent_s)))


class EdgeTpu:
    """A Classifier's work on one device; from `__enter__` to `__exit__`, used by one thread at a time.

    The thread that enters must live until it is left: see `Child`.
    """

    accelerator: str
    """`edgetpu:usb:0`, `edgetpu:pci:0`."""

    def __init__(self, model: Model, twin: Path, library: str, devices: Sequence[str]) -> None:
        """Describe it.

        Args:
            model: as it runs on the CPU; scores are told under its name.
            twin: the same model, compiled for the Edge TPU.
            library: libedgetpu, by name or path.
            devices: those to try, in this order; none: the first that the library finds.
        """
        self._model = model
        arguments = {
            "library": library, "devices": tuple(devices), "twin": twin, "input_shape": model.input.shape,
            "outputs": model.outputs,
        }  # fmt: skip
        memory = memory_bytes(model.input.shape, model.outputs)
        self._child = Child("Edge TPU", _INTERPRETER, arguments, memory_bytes=memory, start_timeout_s=_START_S)
        self._deadline = Deadline()
        self._opened = ExitStack()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def __enter__(self) -> Self:
        """Start the process and put the model on the device.

        Raises:
            ChildError: it crashed or hung.
            UnavailableError: there is no device, or no library.
            ModelError: the twin cannot be used.
        """
        with ExitStack() as opening:
            child = opening.enter_context(self._child)
            device, source, output = child.call("describe", timeout_s=_ANSWER_S)
            self.accelerator = f"edgetpu:{device or 'usb:0'}"
            self._source, self._output = source, output
            self._encode = input_encoder(source, self._model.normalization)
            self._decoder = replace(self._model, output=output).decoder()
            self._opened = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def kill(self) -> None:
        """End the process at once, from any thread; who waits for it gets an error."""
        self._child.kill()

    def classify(self, frame: Frame) -> Scores:
        """Return the scores of a frame, whose input must be of the model's size.

        Raises:
            ChildError: no answer in time, or a crash; the process is gone.
            UnavailableError: the device is lost.
        """
        start_s = time.perf_counter()
        values = self._run(frame, self._deadline.limit_s)
        took_s = time.perf_counter() - start_s
        self._deadline.note(took_s)
        return Scores(
            frame.camera, frame.captured_s, values, self._model.name, self.accelerator, inference_ms=took_s * 1000
        )

    def try_out(self, frame: Frame) -> Scores:
        """Return the scores of a frame after a first inference that may take longer.

        Raises:
            ModelError: scores that are no numbers.
            ChildError, UnavailableError: as `classify`.
        """
        self._run(frame, _FIRST_S)
        scores = self.classify(frame)
        if self._decoder.damaged:
            raise ModelError(f"{self.accelerator}: gives scores that are no numbers")
        return scores

    def _run(self, frame: Frame, limit_s: float) -> npt.NDArray[np.float32]:
        encoded = self._encode(frame.input)
        if encoded.shape != self._source.shape:
            raise ValueError(f"Dimension mismatch: a frame of {encoded.shape} for an input of {self._source.shape}")
        # No view of the memory is kept: the child gives it back as soon as it fails.
        self._shared()[0][...] = encoded
        self._child.call("invoke", timeout_s=limit_s)
        return self._decoder.decode(self._shared()[1])

    def _shared(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return shared_arrays(self._child.memory, self._source, self._output)
