"""A model that was checked from end to end before anything is classified with it."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ModelError
from edgeclassify.inference import runtime, signature
from edgeclassify.inference.files import read_model
from edgeclassify.inference.labels import find_labels, fit_labels
from edgeclassify.inference.metadata import Normalization, normalization
from edgeclassify.inference.quantization import Tensor, can_hold
from edgeclassify.inference.twins import find_twins

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Model:
    """An image classifier: one picture in, one score for each label out."""

    name: str
    """Of the file, without .tflite."""
    path: Path
    content: bytes = field(repr=False)
    """The file as it was read; interpreters are built from it."""
    sha256: str
    labels: tuple[str, ...] = field(repr=False)
    """As many as the model has outputs."""
    input: Tensor
    output: Tensor
    logits: bool
    """Its outputs need a softmax to be scores."""
    normalization: Normalization | None
    """What its metadata says; None when it says nothing, or nothing that can be."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the picture it takes, pixels."""
        _, height, width, _ = self.input.shape
        return width, height


def load_model(config: ModelConfig, base: Path) -> Model:
    """Return the model of the configuration, its file for the CPU; relative paths start at `base`.

    It is run once, so that what breaks only then breaks here.

    Raises:
        ModelError: it cannot be found, read or used, or its labels do not fit.
    """
    path = find_twins(config.name, base).cpu
    content = read_model(path)
    return _checked(config, base, path, content)


def _checked(config: ModelConfig, base: Path, path: Path, content: bytes) -> Model:
    where = path.name
    interpreter = runtime.build(content, 1, path)
    with runtime.native_errors(where):
        source = signature.picture_input(interpreter.get_input_details(), where)
        output = signature.score_output(interpreter.get_output_details(), where)
        last_operation = runtime.last_operation(interpreter, output.index)
        interpreter.set_tensor(source.index, np.zeros(source.shape, source.dtype))
        interpreter.invoke()
        outputs = interpreter.get_tensor(output.index).size  # a dynamic one shows its size only now
    labels = _labels(config, base, path, content, outputs, last_operation)
    logits = signature.gives_logits(output, last_operation) if config.scores == "auto" else config.scores == "logits"
    model = Model(
        name=path.stem,
        path=path,
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        labels=labels,
        input=source,
        output=output,
        logits=logits,
        normalization=_normalization(content, source, where),
    )
    log.debug("model %s: %s in, %s out, %s", where, source, output, "logits" if logits else "probabilities")
    return model


def _normalization(content: bytes, tensor: Tensor, where: str) -> Normalization | None:
    found = normalization(content, where)
    if found is not None and not can_hold(tensor, found):
        log.warning(
            "model %s: its metadata, (pixel - %s) / %s, is beyond what its input can hold, and not used: "
            "pixels are given as they are", where, found.mean, found.std,
        )  # fmt: skip
        return None
    if found is None and not tensor.quantized:
        log.info("model %s: does not say how pixels are normalized; given from -1 to 1", where)
    return found


def _labels(
    config: ModelConfig, base: Path, path: Path, content: bytes, outputs: int, last_operation: str
) -> tuple[str, ...]:
    try:
        labels, origin = find_labels(config.labels, base, path, content)
    except ModelError:
        signature.check_not_embedding(last_operation, outputs, None, path.name)
        raise
    signature.check_not_embedding(last_operation, outputs, len(labels), path.name)
    return fit_labels(labels, outputs, path.name, origin)
