"""Frames to scores: the right answers, bit for bit those of the bare interpreter."""

import logging
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ModelError
from edgeclassify.inference import open_classifier
from edgeclassify.inference.classifier import CpuClassifier, default_threads
from edgeclassify.inference.groups import vocabulary_for
from tests.inference.conftest import Load, frame, middle
from tests.inference.tiny_models import Graph, Operation, Tensor, classifier, reshape_to

REAL = [
    "mobilenet_v1_0.25_128_quant",
    "mobilenet_v1_0.5_160_quant",
    "mobilenet_v2_1.0_224_quant",
    "tf2_mobilenet_v2_1.0_224_ptq",
]


@pytest.mark.parametrize(
    ("picture", "labels"),
    [("cat.bmp", {282, 283, 286}), ("parrot.jpg", {89}), ("sunflower.bmp", {986})],
)
def test_known_pictures_get_their_label(picture: str, labels: set[int], shared: Path) -> None:
    config = ModelConfig(name="mobilenet_v2_1.0_224_quant.tflite")
    with open_classifier(config, shared / "models") as opened:
        scores = opened.classify(frame(middle(shared / "images" / picture, opened.model.input_size)))
    assert int(scores.values.argmax()) in labels
    assert (scores.camera, scores.model, scores.accelerator) == ("camera", "mobilenet_v2_1.0_224_quant", "cpu")
    assert scores.inference_ms > 0


def test_an_owl_of_no_known_kind_is_a_bird_with_groups(shared: Path) -> None:
    """ImageNet has no burrowing owl: no label is sure, but all of them are birds."""
    config = ModelConfig(name="mobilenet_v2_1.0_224_quant.tflite")
    with open_classifier(config, shared / "models") as opened:
        scores = opened.classify(frame(middle(shared / "images/owl.jpg", opened.model.input_size)))
    vocabulary = vocabulary_for(opened.model.labels, "home")
    answers = vocabulary.answer_scores(scores.values)
    assert scores.values.max() < 0.6
    assert answers[vocabulary.find("bird")[0]] > 0.9


@pytest.mark.parametrize("name", REAL)
def test_scores_are_the_bare_interpreters_bit_for_bit(name: str, shared: Path) -> None:
    path = shared / "models" / f"{name}.tflite"
    with open_classifier(ModelConfig(name=str(path), threads=1), Path()) as opened:
        pixels = middle(shared / "images/cat.bmp", opened.model.input_size)
        values = opened.classify(frame(pixels)).values
        assert opened.xnnpack
    bare = Interpreter(model_path=str(path), num_threads=1)
    bare.allocate_tensors()
    output = bare.get_output_details()[0]
    bare.set_tensor(bare.get_input_details()[0]["index"], pixels[np.newaxis])
    bare.invoke()
    scale, zero_point = output["quantization"]
    expected = (bare.get_tensor(output["index"])[0].astype(np.float32) - zero_point) * np.float32(scale)
    assert values.dtype == np.float32
    assert values.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
@pytest.mark.parametrize("softmax", [True, False])
def test_every_type_of_tensor_gives_the_softmax_of_the_pixels(dtype: str, softmax: bool, load: Load) -> None:
    quantization = {"float32": (0.0, 0), "uint8": (1 / 127.5, 127), "int8": (1 / 127.5, -1)}[dtype]
    labels = "\n".join(f"label {n}" for n in range(12))
    model = load(
        classifier(12, dtype=dtype, scale=quantization[0], zero_point=quantization[1], softmax=softmax), labels
    )
    pixels = np.random.default_rng(1).integers(0, 256, (1, 4, 3), np.uint8)
    values = CpuClassifier(model, 1).classify(frame(pixels)).values
    logits = pixels.reshape(-1) / 127.5 - 1
    assert np.allclose(values, np.exp(logits) / np.exp(logits).sum(), atol=1 / 256 if softmax else 0.001)


def test_scores_of_one_frame_stay_when_the_next_is_classified(load: Load) -> None:
    opened = CpuClassifier(load(classifier(3)), 1)
    first = opened.classify(frame(np.array([[[0, 0, 255]]], np.uint8)))
    kept = first.values.copy()
    opened.classify(frame(np.array([[[255, 0, 0]]], np.uint8)))
    assert (first.values == kept).all()


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    with open_classifier(ModelConfig(), tmp_path) as opened, pytest.raises(ValueError, match=r"[Dd]imension"):
        opened.classify(frame(np.zeros((224, 224, 3), np.uint8)))


def test_scores_that_are_no_numbers_are_0_and_said_once(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    tensors = [Tensor((1, 1, 1, 3), "float32"), Tensor((1, 1, 1, 3), "float32"), Tensor((1, 3), "float32")]
    root = [Operation("SQRT", (0,), (1,)), Operation("RESHAPE", (1,), (2,), *reshape_to((1, 3)))]
    opened = CpuClassifier(load(Graph(tensors, root).pack(), scores="probabilities"), 1)
    for _ in range(3):
        scores = opened.classify(frame(np.array([[[0, 255, 204]]], np.uint8)))  # -1, 1 and 0.6
        assert scores.values == pytest.approx([0, 1, 0.6**0.5])
    assert caplog.text.count("no numbers") == 1


def test_scores_outside_0_to_1_are_clipped(load: Load) -> None:
    opened = CpuClassifier(load(classifier(3, softmax=False), scores="probabilities"), 1)
    assert opened.classify(frame(np.array([[[0, 255, 204]]], np.uint8))).values == pytest.approx([0, 1, 0.6])


def test_what_runs_is_said_at_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), open_classifier(ModelConfig(threads=2), tmp_path) as opened:
        assert (opened.threads, opened.accelerator) == (2, "cpu")
    assert "model starter: 13 labels, 64 x 64 pixels, on the CPU with 2 thread(s), XNNPACK" in caplog.text


def test_threads_leave_a_core_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in [(1, 1), (2, 1), (4, 3), (16, 4)]:
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert default_threads() == threads


def test_a_model_that_cannot_be_loaded_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelError), open_classifier(ModelConfig(name="no.tflite"), tmp_path):
        pass
