"""Frames to scores."""

from __future__ import annotations

import logging
import os
import time
from typing import Protocol

from edgeclassify.inference import runtime
from edgeclassify.inference.model import Model
from edgeclassify.inference.quantization import input_encoder
from edgeclassify.records import Frame, Scores

log = logging.getLogger(__name__)


class Classifier(Protocol):
    """A model that is ready to run. Used by one thread only; closed by leaving its `with` block."""

    @property
    def model(self) -> Model:
        """What it runs."""
        ...

    @property
    def accelerator(self) -> str:
        """`cpu`, `edgetpu:usb:0` or `edgetpu:pci:0`."""
        ...

    @property
    def xnnpack(self) -> bool:
        """Whether the CPU runs it with XNNPACK, several times faster than without."""
        ...

    @property
    def threads(self) -> int:
        """How many threads the interpreter may use."""
        ...

    @property
    def failovers_total(self) -> int:
        """How often an Edge TPU was lost and the CPU went on."""
        ...

    def classify(self, frame: Frame) -> Scores:
        """Return the scores of a frame, whose input must be of the model's size.

        Raises:
            ModelError: the model failed.
        """
        ...


class CpuClassifier:
    """A Classifier on the CPU."""

    accelerator = "cpu"
    failovers_total = 0

    def __init__(self, model: Model, threads: int) -> None:
        self.model = model
        self.threads = threads
        self._interpreter = runtime.build(model.content, threads, model.path)
        self.xnnpack = runtime.uses_xnnpack(self._interpreter)
        self._encode = input_encoder(model.input, model.normalization)
        self._decoder = model.decoder()
        self._damage_was_said = False

    @property
    def damaged(self) -> bool:
        """Whether some of the scores so far were no numbers."""
        return self._decoder.damaged

    def classify(self, frame: Frame) -> Scores:
        """Return the scores of a frame, whose input must be of the model's size."""
        start_s = time.perf_counter()
        self._interpreter.set_tensor(self.model.input.index, self._encode(frame.input))
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise runtime.unusable(self.model.path.name, error) from error
        # A copy: a view of the interpreter's memory would make the next invoke() raise.
        stored = self._interpreter.get_tensor(self.model.output.index)
        inference_ms = (time.perf_counter() - start_s) * 1000
        values = self._decoder.decode(stored)
        if self._decoder.damaged and not self._damage_was_said:
            self._damage_was_said = True
            log.warning("model %s: gives scores that are no numbers; it is damaged, get it again", self.model.name)
        return Scores(frame.camera, frame.captured_s, values, self.model.name, self.accelerator, inference_ms)


def default_threads() -> int:
    """Return how many threads suit this machine: all cores but one, at most four.

    Capture and decoding need a core now and then. Where they find none, every operation waits for the thread that
    was put aside: with a core half busy, two threads on two cores had the median of one thread, a p95 a quarter
    higher, and used a tenth more CPU.
    """
    return min(4, max(1, len(os.sched_getaffinity(0)) - 1))
