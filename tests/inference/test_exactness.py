"""The scores are the bare interpreter's bit for bit, and pixels reach it as whoever trained the model meant them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeclassify.config.sections import ModelConfig
from edgeclassify.inference import open_classifier
from edgeclassify.inference.quantization import ScoreDecoder, Tensor, dequantize
from edgeclassify.inference.ranking import best_indexes
from edgeclassify.records import Pixels
from tests.inference.conftest import frame, middle
from tests.inference.real_models import inner_int8, with_float_ends

Floats = npt.NDArray[np.float32]
PICTURES = ["cat.bmp", "owl.jpg", "parrot.jpg", "sunflower.bmp"]
STORED = st.one_of(
    arrays.arrays(np.uint8, st.integers(1, 300)),
    arrays.arrays(np.int8, st.integers(1, 300)),
)


def bare_scores(content: bytes, tensor: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """What the runtime's own interpreter gives."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
    interpreter.invoke()
    stored: npt.NDArray[np.generic] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
    return stored


def in_words(pixels: Pixels, dtype: str) -> npt.NDArray[np.generic]:
    """The input tensor, as one would write it down."""
    if dtype == "uint8":
        return pixels[np.newaxis]
    if dtype == "int8":
        return (pixels.astype(np.int16) - 128).astype(np.int8)[np.newaxis]
    return (pixels * np.float32(1 / 127.5) - np.float32(1))[np.newaxis]


@pytest.fixture(scope="module")
def contents(shared: Path) -> dict[str, bytes]:
    models = shared / "models"
    uint8 = (models / "mobilenet_v2_1.0_224_quant.tflite").read_bytes()
    int8 = inner_int8((models / "tf2_mobilenet_v2_1.0_224_ptq.tflite").read_bytes())
    return {"uint8": uint8, "int8": int8, "float32": with_float_ends(uint8)}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_photographs_get_the_bare_interpreters_scores_bit_for_bit(
    dtype: str, threads: int, contents: dict[str, bytes], shared: Path, tmp_path: Path
) -> None:
    content = contents[dtype]
    (tmp_path / "m.tflite").write_bytes(content)
    labels = str(shared / "models/imagenet_labels.txt")
    config = ModelConfig(name=str(tmp_path / "m.tflite"), labels=labels, threads=threads)
    with open_classifier(config, tmp_path) as opened:
        assert opened.model.input.dtype == opened.model.output.dtype == dtype
        output = opened.model.output
        for picture in PICTURES:
            pixels = middle(shared / "images" / picture, opened.model.input_size)
            stored = bare_scores(content, in_words(pixels, dtype))
            expected = stored
            if dtype != "float32":
                expected = (stored.astype(np.float32) - output.zero_point) * np.float32(output.scale)
            values = opened.classify(frame(pixels)).values
            assert values.dtype == np.float32
            assert values.tobytes() == expected.tobytes()


@given(STORED, st.floats(2**-12, 4, width=32), st.integers(-128, 255))
def test_dequantizing_is_plain_arithmetic_on_every_number(
    stored: npt.NDArray[np.generic], scale: float, zero_point: int
) -> None:
    expected = [np.float32(int(number) - zero_point) * np.float32(scale) for number in stored]
    values = dequantize(stored, scale, zero_point)
    assert values.dtype == np.float32
    assert values.tolist() == [float(value) for value in expected]


@given(STORED, st.floats(2**-12, 2**-4, width=32), st.integers(-128, 127), st.integers(1, 10))
def test_the_best_of_an_output_tensor_are_those_of_a_plain_sort(
    stored: npt.NDArray[np.generic], scale: float, zero_point: int, count: int
) -> None:
    decoder = ScoreDecoder(Tensor(0, (1, stored.size), stored.dtype, scale, zero_point), logits=False)
    values = decoder.decode(stored[np.newaxis])
    plain = [min(1.0, max(0.0, float(np.float32(int(number) - zero_point) * np.float32(scale)))) for number in stored]
    assert values.tolist() == plain
    assert best_indexes(values, count) == sorted(range(len(plain)), key=lambda index: (-plain[index], index))[:count]
