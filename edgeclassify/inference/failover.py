"""A Classifier on the Edge TPU while there is one, on the CPU while there is none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from edgeclassify import resources
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import EdgeClassifyError
from edgeclassify.image import load_picture
from edgeclassify.inference.classifier import CpuClassifier
from edgeclassify.inference.edgetpu import EdgeTpu
from edgeclassify.inference.keeper import Keeper
from edgeclassify.inference.model import Model
from edgeclassify.records import Frame, Scores

log = logging.getLogger(__name__)


class FailoverClassifier:
    """A Classifier from `__enter__` to `__exit__`. The CPU's interpreter stays ready: it needs few MB.

    A frame on which the Edge TPU fails is classified on the CPU: whoever calls sees one frame and one answer.

    Args:
        cpu: what goes on when the Edge TPU is lost.
        twin: the same model, compiled for the Edge TPU.
        config: which device, and whether one was asked for.
        library: libedgetpu, by name or path.
        changed: called in the classifying thread when `accelerator` has changed.
        patience_s: how long to wait at the start for an Edge TPU.
    """

    def __init__(
        self,
        cpu: CpuClassifier,
        twin: Path,
        config: ModelConfig,
        library: str,
        changed: Callable[[], None],
        patience_s: float,
    ) -> None:
        self.failovers_total = 0
        self._cpu = cpu
        self._changed = changed
        self._patience_s = patience_s
        picture = load_picture(resources.models() / "golden.png")
        frame = Frame("golden", picture.captured_s, picture.model_input(*cpu.model.input_size), picture)
        self._reference = frame, cpu.classify(frame)
        self._keeper = Keeper(config.accelerator, library, cpu.model, twin, lambda: self._reference)
        self._tpu: EdgeTpu | None = None

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self._keeper)
            self._keeper.wait_for_first_try(self._patience_s)
            self._take()
            self._opened = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._tpu = None
        self._opened.close()

    @property
    def model(self) -> Model:
        """The model as it runs on the CPU; its twin has the same labels and input."""
        return self._cpu.model

    @property
    def accelerator(self) -> str:
        """What is in use now."""
        tpu = self._tpu
        return tpu.accelerator if tpu else self._cpu.accelerator

    @property
    def xnnpack(self) -> bool:
        """Of the CPU."""
        return self._cpu.xnnpack

    @property
    def threads(self) -> int:
        """Of the CPU's interpreter."""
        return self._cpu.threads

    def classify(self, frame: Frame) -> Scores:
        """Return the scores of a frame, whose input must be of the model's size."""
        if self._tpu is None and self._take():
            self._changed()
        if self._tpu is not None:
            try:
                return self._tpu.classify(frame)
            except EdgeClassifyError as error:
                self._fall_back(self._tpu, error)
        scores = self._cpu.classify(frame)
        self._reference = frame, scores
        return scores

    def _take(self) -> bool:
        self._tpu = self._keeper.take()
        if self._tpu is not None:
            log.info("accelerator %s: in use for model %s", self._tpu.accelerator, self.model.name)
        return self._tpu is not None

    def _fall_back(self, tpu: EdgeTpu, error: EdgeClassifyError) -> None:
        self._tpu = None
        self.failovers_total += 1
        self._keeper.lost()
        log.warning("accelerator %s: %s; the CPU goes on, and the Edge TPU is tried again", tpu.accelerator, error)
        self._changed()
