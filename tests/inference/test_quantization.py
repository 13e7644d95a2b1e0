"""Pixels in, scores out: every type of tensor, held against plain arithmetic."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeclassify.inference.metadata import Normalization
from edgeclassify.inference.quantization import ScoreDecoder, Tensor, dequantize, input_encoder, softmax
from edgeclassify.inference.ranking import best_indexes

ALL_PIXELS = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)
SHAPE = (1, 16, 16, 3)
MINUS_1_TO_1 = Normalization((127.5,), (127.5,))
floats = st.floats(-1e6, 1e6, width=32)


def tensor(dtype: str, scale: float = 0.0, zero_point: int = 0, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return Tensor(0, shape, np.dtype(dtype), scale, zero_point)


def encode(target: Tensor, normalization: Normalization | None = None) -> npt.NDArray[np.generic]:
    encoded = input_encoder(target, normalization)(ALL_PIXELS)
    assert encoded.shape == SHAPE
    assert encoded.dtype == target.dtype
    return encoded[0]


@given(st.integers(0, 255), st.floats(2**-20, 100), st.integers(-128, 255))
def test_dequantize_is_distance_from_zero_in_steps(stored: int, scale: float, zero_point: int) -> None:
    value = dequantize(np.array([stored], np.uint8), scale, zero_point)[0]
    assert value == pytest.approx((stored - zero_point) * scale, rel=1e-6)


def test_dequantize_does_not_wrap_below_the_zero_point() -> None:
    assert dequantize(np.array([0, 255], np.uint8), 0.5, 128).tolist() == [-64.0, 63.5]
    assert dequantize(np.array([-128, 127], np.int8), 0.5, 127).tolist() == [-127.5, 0.0]


@pytest.mark.parametrize(
    ("scale", "zero_point"), [(1 / 127.5, 127), (1 / 128, 128), (1 / 255, 0), (1, 0), (0.0202, 110), (0, 0)]
)
def test_uint8_takes_pixels_as_they_are(scale: float, zero_point: int) -> None:
    encoded = input_encoder(tensor("uint8", scale, zero_point), None)(ALL_PIXELS)
    assert np.shares_memory(encoded, ALL_PIXELS)


@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 114), ("int8", -14)])
def test_steps_that_three_colours_share_imply_how_each_is_normalized(dtype: str, zero_point: int) -> None:
    """A quantized model from PyTorch, whose converter wrote no metadata."""
    scale = 4.757929 / 255  # from -2.117904, no red at all, to 2.64, all blue
    real = (encode(tensor(dtype, scale, zero_point)).astype(int) - zero_point) * scale
    expected = (ALL_PIXELS / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.abs(real - expected).max() <= scale


@pytest.mark.parametrize(("scale", "zero_point"), [(1 / 127.5, -1), (1 / 255, -128), (0, 0)])
def test_int8_takes_pixels_less_128(scale: float, zero_point: int) -> None:
    assert (encode(tensor("int8", scale, zero_point)) == ALL_PIXELS.astype(int) - 128).all()


def test_metadata_that_agrees_with_the_steps_changes_nothing() -> None:
    assert (encode(tensor("uint8", 1 / 128, 128), MINUS_1_TO_1) == ALL_PIXELS).all()
    assert (encode(tensor("int8", 1 / 127.5, -1), MINUS_1_TO_1) == ALL_PIXELS.astype(int) - 128).all()


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_metadata_that_does_not_rescales_pixels_to_the_steps(dtype: str) -> None:
    zero_point = 100 if dtype == "uint8" else -28
    encoded = encode(tensor(dtype, 1 / 64, zero_point), MINUS_1_TO_1).astype(int)
    real = (encoded - zero_point) / 64
    assert np.abs(real - (ALL_PIXELS / 127.5 - 1)).max() <= 0.5 / 64 + 1e-6


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        (None, ALL_PIXELS / 127.5 - 1),
        (Normalization((0.0,), (255.0,)), ALL_PIXELS / 255),
        (
            Normalization((123.7, 116.3, 103.5), (58.4, 57.1, 57.4)),
            (ALL_PIXELS - np.array([123.7, 116.3, 103.5])) / np.array([58.4, 57.1, 57.4]),
        ),
    ],
)
def test_float_input_is_normalized(normalization: Normalization | None, expected: npt.NDArray[np.float64]) -> None:
    assert np.allclose(encode(tensor("float32"), normalization), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("logits", [True, False])
def test_every_stored_number_gives_a_score_from_0_to_1(dtype: str, logits: bool) -> None:
    stored = np.arange(256, dtype=np.uint8).view(dtype)
    output = tensor(dtype, 0.01, 3, (1, 256))
    scores = ScoreDecoder(output, logits=logits).decode(stored[np.newaxis])
    real = (stored.astype(int) - 3) * 0.01
    expected = np.exp(real) / np.exp(real).sum() if logits else real.clip(0, 1)
    assert scores.dtype == np.float32
    assert np.allclose(scores, expected, atol=1e-6)


@given(arrays.arrays(np.float32, st.integers(1, 50), elements=floats))
def test_softmax_is_a_distribution_in_the_order_of_the_logits(logits: npt.NDArray[np.float32]) -> None:
    probabilities = softmax(logits)
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (np.diff(probabilities[np.argsort(logits)]) >= 0).all()


@given(arrays.arrays(np.float32, st.integers(1, 20)), st.booleans())
def test_whatever_a_damaged_float_model_gives_is_a_score(values: npt.NDArray[np.float32], logits: bool) -> None:
    decoder = ScoreDecoder(tensor("float32", shape=(1, len(values))), logits=logits)
    scores = decoder.decode(values[np.newaxis])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (scores[np.isnan(values)] == 0).all()
    assert decoder.damaged == (not np.isfinite(values).all())


def test_scores_are_the_callers_own() -> None:
    """The interpreter reuses its buffer at the next call."""
    stored = np.array([[0.25, 0.75]], np.float32)
    scores = ScoreDecoder(tensor("float32", shape=(1, 2)), logits=False).decode(stored)
    assert not np.shares_memory(scores, stored)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=30), st.integers(1, 40))
def test_the_best_come_first_and_equal_ones_by_index(scores: list[float], count: int) -> None:
    expected = sorted(range(len(scores)), key=lambda index: (-scores[index], index))[:count]
    assert best_indexes(np.array(scores, np.float32), count) == expected
