"""What a model file says of itself: which of its files holds the labels, and how pixels become its input."""

import logging

import flatbuffers
import numpy as np
import pytest

from edgeclassify.inference.classifier import CpuClassifier
from edgeclassify.inference.metadata import Normalization, packed_labels
from edgeclassify.inference.quantization import Tensor, can_hold
from tests.inference.conftest import Load, frame
from tests.inference.tiny_models import classifier, normalization, with_zip

DESCRIPTIONS, AXIS_LABELS, VALUE_LABELS = 1, 2, 3


def label_files(*files: tuple[str, int, str]) -> bytes:
    """ModelMetadata whose one output has these files: name, type, locale."""
    builder = flatbuffers.Builder(256)
    packed = []
    for name, kind, locale in files:
        texts = builder.CreateString(name), builder.CreateString(locale)
        builder.StartObject(4)
        builder.PrependUOffsetTRelativeSlot(0, texts[0], 0)
        builder.PrependInt8Slot(2, kind, 0)
        if locale:
            builder.PrependUOffsetTRelativeSlot(3, texts[1], 0)
        packed.append(builder.EndObject())
    tensor = _table(builder, 6, _vector(builder, *packed))
    subgraph = _table(builder, 3, _vector(builder, tensor))
    builder.Finish(_table(builder, 3, _vector(builder, subgraph)), b"M001")
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, field: int, offset: int) -> int:
    builder.StartObject(field + 1)
    builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, *tables: int) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


FILES = {"a-labels.txt": b"a", "codes.txt": b"/m/1", "words-en.txt": b"owl", "words-de.txt": b"Eule", "b.list": b"b"}


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ([], "a-labels.txt"),
        ([("codes.txt", AXIS_LABELS, "")], "codes.txt"),
        ([("b.list", VALUE_LABELS, "")], "b.list"),
        ([("codes.txt", AXIS_LABELS, ""), ("words-de.txt", AXIS_LABELS, "de")], "codes.txt"),
        ([("codes.txt", AXIS_LABELS, ""), ("words-en.txt", AXIS_LABELS, "en")], "words-en.txt"),
        ([("words-de.txt", AXIS_LABELS, "de"), ("words-en.txt", AXIS_LABELS, "en-GB")], "words-en.txt"),
        ([("codes.txt", DESCRIPTIONS, "")], "a-labels.txt"),
        ([("gone.txt", AXIS_LABELS, "")], "a-labels.txt"),
    ],
)
def test_the_file_that_the_metadata_names_holds_the_labels(named: list[tuple[str, int, str]], chosen: str) -> None:
    model = with_zip(classifier(3, metadata={"TFLITE_METADATA": label_files(*named)}), FILES)
    assert packed_labels(model, "m") == (chosen, FILES[chosen])


def test_damaged_metadata_leaves_the_labels(caplog: pytest.LogCaptureFixture) -> None:
    model = with_zip(classifier(3, metadata={"TFLITE_METADATA": b"\xff" * 40}), FILES)
    assert packed_labels(model, "m") == ("a-labels.txt", b"a")


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "mean", "std", "holds"),
    [
        ("uint8", 1 / 127.5, 127, 127.5, 127.5, True),
        ("int8", 1 / 127.5, -1, 127.5, 127.5, True),
        ("uint8", 1 / 64, 100, 127.5, 127.5, True),
        ("uint8", 1 / 127.5, 127, 0.0, 255.0, True),  # the upper half of its range
        ("uint8", 1.6 / 255, 159, 127.5, 127.5, True),  # calibrated with pictures that were never bright
        ("uint8", 1 / 255, 0, 127.5, 127.5, False),  # everything below grey would be black
        ("uint8", 1 / 128, 128, 0.0, 1.0, False),  # everything would be white
        ("int8", 1.0, -128, 0.0, 1.0, True),
        ("uint8", 0.0, 0, 127.5, 127.5, True),
        ("float32", 0.0, 0, 0.0, 1.0, True),
    ],
)
def test_metadata_that_the_input_has_no_room_for_is_told_apart(
    dtype: str, scale: float, zero_point: int, mean: float, std: float, holds: bool
) -> None:
    tensor = Tensor(0, (1, 1, 1, 3), np.dtype(dtype), scale, zero_point)
    assert can_hold(tensor, Normalization((mean,), (std,))) is holds


def test_pixels_are_given_as_they_are_where_metadata_cannot_be_right(
    load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    metadata = {"TFLITE_METADATA": normalization([127.5], [127.5])}
    opened = CpuClassifier(load(classifier(3, dtype="uint8", scale=1 / 255, softmax=False, metadata=metadata)), 1)
    assert opened.model.normalization is None
    assert "is beyond what its input can hold, and not used" in caplog.text
    scores = opened.classify(frame(np.array([[[0, 51, 255]]], np.uint8))).values
    assert scores == pytest.approx([0, 0.2, 1], abs=1e-3)


@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 100), ("int8", -28)])
def test_pixels_are_rescaled_to_steps_that_are_not_theirs(dtype: str, zero_point: int, load: Load) -> None:
    """From end to end: what the model computes with is what its metadata says, whatever its input's scale."""
    metadata = {"TFLITE_METADATA": normalization([127.5], [127.5])}
    content = classifier(3, dtype=dtype, scale=1 / 64, zero_point=zero_point, softmax=False, metadata=metadata)
    scores = CpuClassifier(load(content), 1).classify(frame(np.array([[[0, 51, 255]]], np.uint8))).values
    powers = np.exp(np.array([-1, -0.6, 1]))
    assert scores == pytest.approx(powers / powers.sum(), abs=0.01)


def test_a_float_model_that_says_nothing_gets_minus_1_to_1_and_that_is_said(
    load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert load(classifier(3)).normalization is None
    assert "does not say how pixels are normalized; given from -1 to 1" in caplog.text
