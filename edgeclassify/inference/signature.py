"""Whether a model's tensors are those of an image classifier; every other kind is told apart and named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgeclassify.errors import ModelError
from edgeclassify.inference.quantization import Tensor

_TYPES = (np.dtype(np.uint8), np.dtype(np.int8), np.dtype(np.float32))
_MAX_SIDE = 2048  # pixels
_NEEDED = "a classification model is needed: one picture in, one score for each label out"

# Operations that an embedding ends with. A classifier ends with a layer that has weights, or a softmax after it.
_POOLING = {"AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "L2_NORMALIZATION"}

_MAKES_PROBABILITIES = {"SOFTMAX", "LOGISTIC"}
# An Edge TPU model hides its operations in this one; steps of 1/256 from 0 are those of probabilities.
_PROBABILITY_SCALE = 1 / 256


def picture_input(details: Sequence[Mapping[str, Any]], where: str) -> Tensor:
    """Return the one input, shape (1, height, width, 3).

    Args:
        details: the interpreter's `get_input_details()`.
        where: the model's name, for messages.

    Raises:
        ModelError: it takes something else than one picture.
    """
    if len(details) != 1:
        raise ModelError(f"{where} has {len(details)} inputs; {_NEEDED}")
    shape = _shape(details[0])
    shown = _shown(shape)
    # A free first dimension is the batch, which is 1 unless one asks for more.
    if any(n < 0 for n in _signature(details[0])[1:]):
        raise ModelError(f"{where}: its input has no fixed size; convert it again with the size of one picture")
    if len(shape) != 4:
        raise ModelError(f"{where} takes no picture: its input has the shape {shown}; {_NEEDED}")
    if shape[0] != 1:
        raise ModelError(f"{where} takes {shape[0]} pictures at once ({shown}); convert it again with a batch of 1")
    if shape[3] != 3:
        if shape[1] == 3:
            raise ModelError(f"{where}: its input is {shown}, channels first; convert it again, channels last")
        raise ModelError(f"{where}: its input is {shown}, {shape[3]} channel(s); 3 are needed, for red, green and blue")
    if max(shape) > _MAX_SIDE or min(shape[1:3]) < 1:
        raise ModelError(f"{where}: its input is {shown}; a side of 1 to {_MAX_SIDE} pixels is possible")
    return _tensor(details[0], "input", where)


def score_output(details: Sequence[Mapping[str, Any]], where: str) -> Tensor:
    """Return the one output, all of whose dimensions but the last are 1.

    Raises:
        ModelError: it gives something else than one list of scores.
    """
    if len(details) != 1:
        detection = len(details) == 4  # boxes, classes, scores and their count
        kind = "is a detection model, which says where things are" if detection else f"has {len(details)} outputs"
        raise ModelError(f"{where} {kind}; {_NEEDED}")
    shape = _shape(details[0])
    shown = _shown(shape)
    if not shape or any(n < 0 for n in _signature(details[0])[1:]):
        raise ModelError(f"{where}: its output has no fixed size; {_NEEDED}")
    if math.prod(shape[:-1]) != 1 or math.prod(shape) < 1:
        if len(shape) == 4 or (len(shape) == 3 and shape[1] > 1 and shape[2] > 1 and _is_map(details[0])):
            raise ModelError(f"{where} is a segmentation model: its output is a map of {shown}; {_NEEDED}")
        raise ModelError(f"{where} gives no list of scores: its output is {shown}, as of a detection model; {_NEEDED}")
    return _tensor(details[0], "output", where)


def check_not_embedding(last_operation: str, outputs: int, labels: int | None, where: str) -> None:
    """Raise ModelError when the outputs are no scores of labels but a description of the picture."""
    if last_operation in _POOLING and labels != outputs:
        raise ModelError(
            f"{where} is an embedding extractor: its {outputs} outputs describe a picture and are no scores "
            f"(its last operation is {last_operation}); {_NEEDED}"
        )


def gives_logits(output: Tensor, last_operation: str) -> bool:
    """Whether the outputs still need a softmax, judged by the operation that makes them."""
    if last_operation in _MAKES_PROBABILITIES:
        return False
    if last_operation in ("", "edgetpu-custom-op"):
        return not (output.quantized and math.isclose(output.scale, _PROBABILITY_SCALE, rel_tol=0.01))
    return True


def _is_map(details: Mapping[str, Any]) -> bool:
    # One class number for each pixel, after an ARG_MAX.
    return bool(np.issubdtype(details["dtype"], np.integer))


def _tensor(details: Mapping[str, Any], role: str, where: str) -> Tensor:
    dtype = np.dtype(details["dtype"])
    shown = "text" if dtype.kind in "SUO" else str(dtype)
    if dtype not in _TYPES:
        hint = " (class numbers of an ARG_MAX?)" if role == "output" and dtype.kind == "i" else ""
        raise ModelError(f"{where}: its {role} is {shown}{hint}; uint8, int8 and float32 are possible")
    if details["quantization_parameters"]["scales"].size > 1:
        raise ModelError(f"{where}: its {role} has a scale for each channel; convert it again with one scale")
    scale, zero_point = details["quantization"]
    tensor = Tensor(int(details["index"]), _shape(details), dtype, float(scale), int(zero_point))
    if tensor.quantized and not (0 <= tensor.scale < math.inf):
        raise ModelError(f"{where}: its {role} has the scale {scale:g}; the file is damaged, get it again")
    if tensor.quantized and role == "output" and tensor.scale == 0:
        raise ModelError(f"{where}: its output is {shown} without a scale, so no scores; {_NEEDED}")
    return tensor


def _shape(details: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(n) for n in details["shape"])


def _signature(details: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(n) for n in details["shape_signature"])


def _shown(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "one number"
