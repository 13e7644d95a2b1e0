"""A model is checked before it is used; every kind that is no classifier is named."""

import hashlib
import random
from pathlib import Path

import numpy as np
import pytest

from edgeclassify import resources
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ModelError
from edgeclassify.inference import load_model
from edgeclassify.inference.metadata import Normalization
from tests.inference.conftest import Load
from tests.inference.tiny_models import (
    Graph,
    Operation,
    Tensor,
    classifier,
    normalization,
    pool_options,
    reshape_to,
    softmax_options,
    with_zip,
)

PICTURE = Tensor((1, 8, 8, 3), "float32")


def pooled(size: int, picture: Tensor = PICTURE) -> list[Operation]:
    return [Operation("AVERAGE_POOL_2D", (0,), (1,), *pool_options(size))]


def test_the_starter_is_a_classifier_with_its_labels(tmp_path: Path) -> None:
    model = load_model(ModelConfig(), tmp_path)
    assert (model.name, model.input_size, model.logits) == ("starter", (64, 64), False)
    assert (len(model.labels), model.labels[-1]) == (13, "background")
    assert model.sha256 == hashlib.sha256((resources.models() / "starter.tflite").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mobilenet_v1_0.25_128_quant", 128),
        ("mobilenet_v1_0.5_160_quant", 160),
        ("mobilenet_v2_1.0_224_quant", 224),
        ("tf2_mobilenet_v2_1.0_224_ptq", 224),
    ],
)
def test_real_models_bring_their_labels(name: str, size: int, shared: Path) -> None:
    model = load_model(ModelConfig(name=f"{name}.tflite"), shared / "models")
    assert model.input_size == (size, size)
    assert (len(model.labels), model.labels[0], model.labels[1000][:13]) == (1001, "background", "toilet tissue")
    assert not model.logits
    assert model.normalization == Normalization((127.5,), (127.5,))


def test_a_wide_picture_has_width_before_height(load: Load) -> None:
    assert load(classifier(12), labels="\n".join("abcdefghijkl")).input_size == (4, 1)


def test_metadata_tells_the_normalization(load: Load) -> None:
    packed = normalization([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    model = load(classifier(3, metadata={"TFLITE_METADATA": packed}))
    assert model.normalization == Normalization((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))


@pytest.mark.parametrize(
    "packed", [b"x", bytes(64), b"\xff" * 64, normalization([0.0], [0.0]), normalization([float("nan")], [1.0])]
)
def test_damaged_metadata_is_not_used(packed: bytes, load: Load, caplog: pytest.LogCaptureFixture) -> None:
    assert load(classifier(3, metadata={"TFLITE_METADATA": packed})).normalization is None
    assert "metadata is damaged" in caplog.text or packed == bytes(64)


def test_labels_inside_a_model_are_found(load: Load) -> None:
    assert load(with_zip(classifier(3), {"labels.txt": b"x\ny\nz"}), labels=None).labels == ("x", "y", "z")


@pytest.mark.parametrize(
    ("softmax", "scores", "logits"),
    [(True, "auto", False), (False, "auto", True), (True, "logits", True), (False, "probabilities", False)],
)
def test_the_last_operation_tells_logits_unless_the_configuration_does(
    softmax: bool, scores: str, logits: bool, load: Load
) -> None:
    assert load(classifier(3, softmax=softmax), scores=scores).logits is logits


def test_a_softmax_is_seen_through_operations_that_change_the_form_only(load: Load) -> None:
    tensors = [
        Tensor((1, 1, 1, 3), "float32"),
        Tensor((1, 3), "float32"),
        Tensor((1, 3), "float32"),
        Tensor((1, 1, 3), "float32"),
    ]
    operations = [
        Operation("RESHAPE", (0,), (1,), *reshape_to((1, 3))),
        Operation("SOFTMAX", (1,), (2,), *softmax_options()),
        Operation("RESHAPE", (2,), (3,), *reshape_to((1, 1, 3))),
    ]
    assert not load(Graph(tensors, operations).pack()).logits


def test_the_labels_must_be_as_many_as_the_outputs(load: Load) -> None:
    with pytest.raises(ModelError, match=r"tiny.tflite has 3 outputs, but .*tiny.txt has 2 labels"):
        load(classifier(3), labels="a\nb\n")


def reshaped(to: tuple[int, ...], picture: Tensor = PICTURE, **graph: object) -> bytes:
    target = Tensor(to, picture.dtype, picture.scale, picture.zero_point)
    return Graph([picture, target], [Operation("RESHAPE", (0,), (1,), *reshape_to(to))], **graph).pack()


TWO_OUTPUTS = [PICTURE, Tensor((1, 1, 1, 3), "float32"), Tensor((1, 3), "float32")]
POOL_AND_RESHAPE = [*pooled(8), Operation("RESHAPE", (1,), (2,), *reshape_to((1, 3)))]

NO_CLASSIFIERS = {
    "has 2 outputs; a classification model is needed": Graph(TWO_OUTPUTS, POOL_AND_RESHAPE, outputs=(1, 2)).pack(),
    "is a detection model": Graph(TWO_OUTPUTS, POOL_AND_RESHAPE, outputs=(1, 2, 1, 2)).pack(),
    "has 2 inputs": Graph([*TWO_OUTPUTS, PICTURE], POOL_AND_RESHAPE, inputs=(0, 3), outputs=(2,)).pack(),
    "is an embedding extractor: its 3 outputs": Graph([PICTURE, Tensor((1, 1, 1, 3), "float32")], pooled(8)).pack(),
    "is a segmentation model: its output is a map of 1 x 4 x 4 x 3": Graph(
        [PICTURE, Tensor((1, 4, 4, 3), "float32")], pooled(2)
    ).pack(),
    "as of a detection model": reshaped((1, 32, 6)),
    "1 x 8 x 8 x 1, 1 channel": reshaped((1, 64), Tensor((1, 8, 8, 1), "float32")),
    "channels first": reshaped((1, 192), Tensor((1, 3, 8, 8), "float32")),
    "takes 2 pictures at once": reshaped((2, 192), Tensor((2, 8, 8, 3), "float32")),
    "takes no picture": reshaped((1, 3), Tensor((3, 1), "float32")),
    "a side of 1 to 2048 pixels": reshaped((1, 9000), Tensor((1, 1, 3000, 3), "float32")),
    "its input has no fixed size": reshaped((1, 3), Tensor((1, 1, 1, 3), "float32", signature=(1, -1, -1, 3))),
    "its input is int32": reshaped((1, 3), Tensor((1, 1, 1, 3), "int32")),
    "output is uint8 without a scale": reshaped((1, 3), Tensor((1, 1, 1, 3), "uint8")),
}


@pytest.mark.parametrize("message", NO_CLASSIFIERS)
def test_what_is_no_classifier_is_named(message: str, load: Load) -> None:
    with pytest.raises(ModelError, match=rf"tiny.tflite.*{message}"):
        load(NO_CLASSIFIERS[message], labels=None if "embedding" in message else "a\nb\nc")


def test_a_free_batch_is_a_batch_of_one(load: Load) -> None:
    content = reshaped((1, 3), Tensor((1, 1, 1, 3), "float32", signature=(-1, 1, 1, 3)))
    assert load(content).input_size == (1, 1)


def test_text_tensors_are_refused(load: Load) -> None:
    with pytest.raises(ModelError, match=r"input is text|runtime cannot use it"):
        load(reshaped((1, 3), Tensor((1, 1, 1, 3), "string")))


def test_the_embedding_extractor_is_named(shared: Path) -> None:
    name = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"
    with pytest.raises(ModelError, match="embedding extractor: its 1024 outputs"):
        load_model(ModelConfig(name=name), shared / "models")


def test_a_model_for_the_edge_tpu_means_its_twin_for_the_cpu(shared: Path, tmp_path: Path) -> None:
    name = "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    model = load_model(ModelConfig(name=name, labels="imagenet_labels.txt"), shared / "models")
    assert model.path == shared / "models/mobilenet_v1_0.25_128_quant.tflite"
    (tmp_path / name).write_bytes((shared / "models" / name).read_bytes())
    with pytest.raises(ModelError, match=r"compiled for the Edge TPU .* mobilenet_v1_0.25_128_quant.tflite, beside it"):
        load_model(ModelConfig(name=name), tmp_path)


def test_a_model_that_fails_when_it_is_run_fails_at_load(shared: Path) -> None:
    with pytest.raises(ModelError, match="the runtime cannot use it"):
        load_model(ModelConfig(name="invalid_model_invoking_error.tflite"), shared / "models")


def test_a_tensor_of_gigabytes_is_refused_before_it_is_made(load: Load) -> None:
    huge = Tensor((1, 70_000, 70_000, 3), "float32")
    tensors = [PICTURE, huge, Tensor((1, 192), "float32")]
    operations = [Operation("RESHAPE", (0,), (n,), *reshape_to(tensors[n].shape)) for n in (1, 2)]
    with pytest.raises(ModelError, match=r"one of its tensors needs 58800 MB"):
        load(Graph(tensors, operations).pack())


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.99, 0.9999])
def test_a_truncated_model_is_an_error(part: float, load: Load) -> None:
    content = (resources.models() / "starter.tflite").read_bytes()
    with pytest.raises(ModelError, match=r"tiny.tflite"):
        load(content[: int(len(content) * part)])


def test_random_bytes_are_an_error(load: Load) -> None:
    with pytest.raises(ModelError, match="the runtime cannot use it"):
        load(b"\x1c\0\0\0TFL3" + random.Random(1).randbytes(100_000))


def test_a_mutated_model_works_or_is_an_error(load: Load) -> None:
    """Most of these hit the graph, not the weights."""
    content = (resources.models() / "starter.tflite").read_bytes()
    labels = (resources.models() / "starter.txt").read_text()
    outcomes = set()
    for seed in range(50):
        chance = random.Random(seed)
        mutated = bytearray(content)
        for _ in range(chance.choice([1, 5, 50])):
            near_the_end = len(mutated) - 1 - chance.randrange(20_000)
            mutated[chance.choice([chance.randrange(8, 2000), near_the_end])] = chance.randrange(256)
        try:
            load(bytes(mutated), labels)
            outcomes.add("works")
        except ModelError as error:
            assert "tiny.tflite" in str(error)
            outcomes.add("error")
    assert outcomes == {"works", "error"}


def test_the_picture_is_not_kept(load: Load) -> None:
    """A model holds no interpreter: it may be used by several."""
    model = load(classifier(3))
    assert not any(isinstance(value, np.ndarray) for value in vars(model).values())
