"""A model that was checked from end to end before anything is classified with it."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ModelError
from edgeclassify.inference import runtime, signature
from edgeclassify.inference.bundle import Bundle, is_bundle, read_bundle
from edgeclassify.inference.features import ending_at_features
from edgeclassify.inference.files import read_model
from edgeclassify.inference.head import FeatureHead, Head, HeadDecoder
from edgeclassify.inference.labels import find_labels, fit_labels
from edgeclassify.inference.metadata import Normalization, normalization
from edgeclassify.inference.quantization import ScoreDecoder, Tensor, can_hold
from edgeclassify.inference.twins import find_twins

log = logging.getLogger(__name__)


class Decoder(Protocol):
    """Turns a model's output tensor into scores."""

    @property
    def damaged(self) -> bool:
        """Some value was no number."""
        ...

    def decode(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return scores, shape (labels,), a new array."""
        ...


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
    """As many as there are scores."""
    input: Tensor
    output: Tensor
    logits: bool
    """Its outputs need a softmax to be scores."""
    normalization: Normalization | None
    """What its metadata says; None when it says nothing, or nothing that can be."""
    head: Head | None = None
    """What makes scores of its outputs, which are features then."""

    def decoder(self) -> Decoder:
        """Return what turns its output tensor into scores."""
        return HeadDecoder(self.output, self.head) if self.head else ScoreDecoder(self.output, logits=self.logits)

    @property
    def outputs(self) -> int:
        """How many numbers the interpreter gives."""
        return self.head.features if self.head else len(self.labels)

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
    if is_bundle(path):
        return _learned(config, read_bundle(path))
    content = read_model(path)
    return _checked(config, base, path, content)


def load_backbone(name: str, base: Path) -> Model:
    """Return a model as it describes pictures: its last features, scaled to length 1, are the scores.

    Raises:
        ModelError: it cannot be found, read or used, or gives no features.
    """
    path = find_twins(name, base).cpu
    if is_bundle(path):
        raise ModelError(f"{path}: is a learned model; name the model that it was learned with")
    content = read_model(path)
    return _feature_model(path, content, hashlib.sha256(content).hexdigest())


def _learned(config: ModelConfig, bundle: Bundle) -> Model:
    """Return the model that a bundle and its backbone make."""
    if config.labels:
        raise ModelError(f"{bundle.path}: a learned model has labels of its own; remove model.labels")
    backbone = _feature_model(bundle.backbone_path, bundle.backbone, bundle.backbone_sha256)
    if backbone.outputs != bundle.head.features:
        raise ModelError(
            f"{bundle.path}: its head takes {bundle.head.features} features and {bundle.backbone_path.name} gives "
            f"{backbone.outputs}; the bundle is damaged, copy it again"
        )
    return replace(
        backbone, name=bundle.path.name, path=bundle.path, sha256=bundle.sha256, labels=bundle.labels, head=bundle.head
    )


def _feature_model(path: Path, content: bytes, sha256: str) -> Model:
    cut = ending_at_features(content, path)
    interpreter, source, output = _run_once(cut, path)
    features = interpreter.get_tensor(output.index).size
    return Model(
        name=path.stem,
        path=path,
        content=cut,
        sha256=sha256,
        labels=tuple(f"feature {number}" for number in range(features)),
        input=source,
        output=output,
        logits=False,
        normalization=_normalization(content, source, path.name),
        head=FeatureHead(features),
    )


def _run_once(content: bytes, path: Path) -> tuple[runtime.Interpreter, Tensor, Tensor]:
    """Return an interpreter that ran on a black picture, with its input and its output."""
    interpreter = runtime.build(content, 1, path)
    with runtime.native_errors(path.name):
        source = signature.picture_input(interpreter.get_input_details(), path.name)
        output = signature.score_output(interpreter.get_output_details(), path.name)
        interpreter.set_tensor(source.index, np.zeros(source.shape, source.dtype))
        interpreter.invoke()
    return interpreter, source, output


def _checked(config: ModelConfig, base: Path, path: Path, content: bytes) -> Model:
    where = path.name
    interpreter, source, output = _run_once(content, path)
    with runtime.native_errors(where):
        last_operation = runtime.last_operation(interpreter, output.index)
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
