"""Between pixels, stored numbers and scores: what the tensors of a model hold, and what that means.

A stored number q of a quantized tensor means `(q - zero_point) * scale`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.metadata import Normalization
from edgeclassify.records import Pixels

Scores = npt.NDArray[np.float32]
"""Shape (labels,)."""

# What most MobileNets were trained on when their file does not say: pixels from -1 to 1.
_USUAL = Normalization(mean=(127.5,), std=(127.5,))
# What models from PyTorch were trained on: the mean and the spread of ImageNet's red, green and blue.
_IMAGENET = Normalization(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
_ALIKE = 0.05  # two to three steps: a calibration seldom meets the very last ones

_CLIPPED_AT_MOST = 0.25


@dataclass(frozen=True)
class Tensor:
    """The input or the output of a model."""

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """uint8, int8 or float32."""
    scale: float
    """Real value of one step; 0 when the tensor is not quantized."""
    zero_point: int

    @property
    def quantized(self) -> bool:
        """Whether its numbers are steps, not values."""
        return self.dtype != np.float32


def dequantize(tensor: npt.NDArray[Any], scale: float, zero_point: int) -> npt.NDArray[np.float32]:
    """Return the real values of stored numbers, uint8 or int8, in a new array of the same shape."""
    # Widen first: uint8 - int wraps around below the zero point.
    steps_from_zero = tensor.astype(np.int32) - zero_point
    values: npt.NDArray[np.float32] = np.multiply(steps_from_zero, scale, dtype=np.float32)
    return values


def softmax(logits: Scores) -> Scores:
    """Return probabilities that sum to 1 along the last axis, from finite logits."""
    with np.errstate(over="ignore"):  # so far below the largest that its power is 0
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Scores = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def input_encoder(tensor: Tensor, normalization: Normalization | None) -> Callable[[Pixels], npt.NDArray[Any]]:
    """Return what turns pixels, shape (height, width, 3), into the input tensor, shape (1, height, width, 3).

    A quantized tensor of unknown normalization takes pixels as they are (int8: less 128), whatever its scale: its
    256 steps were chosen to cover the 256 values of a pixel, and so those of -1 to 1, 0 to 1 and 0 to 255 are the
    pixel's own. Only steps that cover what PyTorch makes of ImageNet's colours are not: they are shared by three
    colours of different means. With a normalization that says otherwise, that one too, pixels are normalized and
    then rounded to its steps. Float without a normalization gets -1 to 1.

    The array returned is used again at the next call, and may be a view of the pixels.
    """
    if not tensor.quantized:
        return _normalized(tensor, normalization or _USUAL)
    normalization = normalization or _implied(tensor)
    if normalization is not None and not _covers_pixels(tensor, normalization):
        return _looked_up(tensor, _table(tensor, normalization))
    return _unchanged if tensor.dtype == np.uint8 else _shifted(tensor)


def can_hold(tensor: Tensor, normalization: Normalization) -> bool:
    """Whether a tensor's range has room for normalized pixels; a quarter of them may be clipped by its calibration.

    Metadata is often filled in by hand. Where uint8 holds 0 to 1 and the normalization gives -1 to 1, one of the two
    is wrong, and it is not the steps: the model computes with them.
    """
    if not tensor.quantized or tensor.scale == 0:
        return True
    limits, steps = np.iinfo(tensor.dtype), _steps(tensor, normalization)
    return bool(((steps < limits.min - 1) | (steps > limits.max + 1)).mean() <= _CLIPPED_AT_MOST)


def _implied(tensor: Tensor) -> Normalization | None:
    """Return the normalization of the three colours if the range of the tensor's numbers is just what it comes to."""
    extremes = np.array([[0], [255]]) - np.array(_IMAGENET.mean)
    values = extremes / np.array(_IMAGENET.std)
    limits = np.iinfo(tensor.dtype)
    held = (np.array([limits.min, limits.max]) - tensor.zero_point) * tensor.scale
    is_it = np.abs(held - [values.min(), values.max()]).max() <= _ALIKE
    return _IMAGENET if is_it else None


def _covers_pixels(tensor: Tensor, normalization: Normalization) -> bool:
    """Whether the steps of the tensor are those of the pixels, at most one apart."""
    if tensor.scale == 0:
        return True
    pixels = np.arange(256)[:, np.newaxis] - (128 if tensor.dtype == np.int8 else 0)
    return bool((np.abs(_table(tensor, normalization).astype(np.int32) - pixels) <= 1).all())


def _table(tensor: Tensor, normalization: Normalization) -> npt.NDArray[Any]:
    """Return what a quantized tensor holds for each pixel value and channel: shape (256, 3)."""
    limits = np.iinfo(tensor.dtype)
    steps = np.clip(_steps(tensor, normalization), limits.min, limits.max)
    return np.broadcast_to(steps, (256, 3)).astype(tensor.dtype)


def _steps(tensor: Tensor, normalization: Normalization) -> npt.NDArray[np.float64]:
    """Return the same without the limits of its type: shape (256, 1) or (256, 3)."""
    pixels = np.arange(256)[:, np.newaxis]
    values = (pixels - np.array(normalization.mean)) / np.array(normalization.std)
    steps: npt.NDArray[np.float64] = np.round(values / tensor.scale) + tensor.zero_point
    return steps


def _unchanged(pixels: Pixels) -> npt.NDArray[Any]:
    return pixels[np.newaxis]


def _shifted(tensor: Tensor) -> Callable[[Pixels], npt.NDArray[Any]]:
    stored = np.empty(tensor.shape, np.int8)
    as_bytes = stored.view(np.uint8)

    def encode(pixels: Pixels) -> npt.NDArray[Any]:
        np.bitwise_xor(pixels, 0x80, out=as_bytes[0])  # in two's complement that is pixel - 128
        return stored

    return encode


def _looked_up(tensor: Tensor, table: npt.NDArray[Any]) -> Callable[[Pixels], npt.NDArray[Any]]:
    stored = np.empty(tensor.shape, tensor.dtype)
    channels = [np.ascontiguousarray(table[:, channel]) for channel in range(3)]

    def encode(pixels: Pixels) -> npt.NDArray[Any]:
        for channel, values in enumerate(channels):
            stored[0, :, :, channel] = values[pixels[:, :, channel]]
        return stored

    return encode


def _normalized(tensor: Tensor, normalization: Normalization) -> Callable[[Pixels], npt.NDArray[Any]]:
    stored = np.empty(tensor.shape, np.float32)
    # Written out for a whole row: numpy is ten times slower with rows of three.
    row = np.ones(tensor.shape[2:])
    factor = (row / normalization.std).astype(np.float32)
    offset = (row * normalization.mean / normalization.std).astype(np.float32)

    def encode(pixels: Pixels) -> npt.NDArray[Any]:
        np.multiply(pixels, factor, out=stored[0])
        np.subtract(stored, offset, out=stored)
        return stored

    return encode


class ValueDecoder:
    """Turns a tensor into the values that it stands for."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self.damaged = False
        """Some value was no number: the model's weights are damaged."""

    def decode(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the values, flat, a new array; what is no number counts as 0."""
        if self._tensor.quantized:
            return dequantize(stored.reshape(-1), self._tensor.scale, self._tensor.zero_point)
        values = stored.reshape(-1)
        self.damaged = self.damaged or not bool(np.isfinite(values).all())
        finite: npt.NDArray[np.float32] = np.nan_to_num(values, posinf=0, neginf=0)
        return finite


class ScoreDecoder:
    """Turns an output tensor into scores from 0 to 1.

    Args:
        tensor: the output.
        logits: its values are not probabilities yet.
    """

    def __init__(self, tensor: Tensor, *, logits: bool) -> None:
        self._logits = logits
        self.damaged = False
        """Some value was no number: the model's weights are damaged."""
        self._values: npt.NDArray[np.float32] | None = None
        if tensor.quantized:
            every_byte = np.arange(256, dtype=np.uint8).view(tensor.dtype)
            self._values = dequantize(every_byte, tensor.scale, tensor.zero_point)
            if not logits:
                self._values = self._values.clip(0, 1)

    def decode(self, stored: npt.NDArray[Any]) -> Scores:
        """Return scores, shape (labels,), a new array; what is no number counts as 0."""
        if self._values is not None:
            values: Scores = self._values[stored.reshape(-1).view(np.uint8)]
            return softmax(values) if self._logits else values
        values = stored.reshape(-1)
        broken = np.isnan(values)
        if np.isfinite(values).all():
            return softmax(values) if self._logits else values.clip(0, 1)
        self.damaged = True
        values = np.nan_to_num(values)  # infinities become the largest numbers
        scores = softmax(values) if self._logits else values.clip(0, 1)
        scores[broken] = 0
        return scores
