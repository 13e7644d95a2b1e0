"""A model is tried in a child process before it is used."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from edgeclassify import resources
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ModelError
from edgeclassify.image import load_picture
from edgeclassify.inference import admission, open_classifier
from edgeclassify.inference.admission import Response, Trial, admit, golden_scores
from edgeclassify.records import Frame
from tests.inference.tiny_models import classifier

SHARED_MODELS = (
    "mobilenet_v1_0.25_128_quant",
    "mobilenet_v1_0.5_160_quant",
    "mobilenet_v2_1.0_224_quant",
    "tf2_mobilenet_v2_1.0_224_ptq",
)


class Crash:
    """A trial that ends as a bad model would end it."""

    def __init__(self, memory: memoryview, config: ModelConfig, base: Path) -> None: ...

    def scores(self, indexes: tuple[int, ...]) -> NoReturn:
        os.abort()

    def close(self) -> None: ...


class OtherScores(Crash):
    """A trial of which the scores are others than they should be."""

    def scores(self, indexes: tuple[int, ...]) -> list[float]:  # type: ignore[override]
        return [1.0 for _ in indexes]


@pytest.fixture
def use_trial(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], None]:
    def use(trial: type) -> None:
        monkeypatch.setattr(admission, "_TRIAL", f"{trial.__module__}:{trial.__qualname__}")

    return use


def test_the_starter_passes_and_is_tried_once_only(tmp_path: Path, use_trial: Callable[[type], None]) -> None:
    admit(ModelConfig(), tmp_path, tmp_path / "state")
    use_trial(Crash)
    admit(ModelConfig(), tmp_path, tmp_path / "state")


def test_what_cannot_be_remembered_leaves_nothing_behind(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "admitted.json").mkdir(parents=True)
    admit(ModelConfig(), tmp_path, state)
    assert [path.name for path in state.iterdir()] == ["admitted.json"]


def test_another_runtime_is_tried_again(
    tmp_path: Path, use_trial: Callable[[type], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    admit(ModelConfig(), tmp_path, tmp_path)
    monkeypatch.setattr(admission, "_runtime", lambda: "ai-edge-litert 99 riscv64")
    use_trial(Crash)
    with pytest.raises(ModelError):
        admit(ModelConfig(), tmp_path, tmp_path)


def test_a_model_that_crashes_the_runtime_is_a_message(tmp_path: Path, use_trial: Callable[[type], None]) -> None:
    use_trial(Crash)
    with pytest.raises(ModelError, match=r"starter\.tflite.*SIGABRT.*not used: get it again"):
        admit(ModelConfig(), tmp_path, tmp_path)
    assert not (tmp_path / "admitted.json").exists()


def test_other_scores_for_the_golden_picture_are_a_message(tmp_path: Path, use_trial: Callable[[type], None]) -> None:
    use_trial(OtherScores)
    with pytest.raises(ModelError, match=r"scores 1\.00 for label \d+ on the golden picture"):
        admit(ModelConfig(), tmp_path, tmp_path)


def test_what_is_wrong_with_a_model_is_said_as_without_a_child(tmp_path: Path) -> None:
    starter = (resources.models() / "starter.tflite").read_bytes()
    (tmp_path / "short.tflite").write_bytes(starter[:5000])
    with pytest.raises(ModelError, match=r"short\.tflite"):
        admit(ModelConfig(name="short.tflite"), tmp_path, tmp_path)
    (tmp_path / "two.txt").write_text("cat\ndog\n")
    with pytest.raises(ModelError, match="13"):
        admit(ModelConfig(labels="two.txt"), tmp_path, tmp_path)


@pytest.mark.parametrize("remembered", [b"", b"\xff\xfe", b"{}", b"null", b"[1, 2]", b"7"])
def test_a_damaged_memory_only_means_another_trial(tmp_path: Path, remembered: bytes) -> None:
    (tmp_path / "admitted.json").write_bytes(remembered)
    admit(ModelConfig(), tmp_path, tmp_path)
    assert len(json.loads((tmp_path / "admitted.json").read_text())) == 1


def test_a_state_dir_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    admit(ModelConfig(), tmp_path, tmp_path / "file" / "state")


@pytest.mark.parametrize("name", ["starter", *SHARED_MODELS])
def test_exchanged_colours_would_be_found(name: str, request: pytest.FixtureRequest) -> None:
    config = ModelConfig()
    if name != "starter":
        models = request.getfixturevalue("shared") / "models"
        config = ModelConfig(name=str(models / f"{name}.tflite"), labels=str(models / "imagenet_labels.txt"))
    picture = load_picture(resources.models() / "golden.png")
    with open_classifier(config, Path()) as classifier:
        right = picture.model_input(*classifier.model.input_size)
        known = golden_scores()[classifier.model.sha256]
        for pixels, agrees in ((right, True), (np.ascontiguousarray(right[..., ::-1]), False)):
            values = classifier.classify(Frame("golden", 0.0, pixels, picture)).values
            worst = max(abs(float(values[index]) - score) for index, score in known.items())
            assert (worst <= admission._TOLERANCE) == agrees


def write(folder: Path, content: bytes) -> ModelConfig:
    (folder / "tiny.tflite").write_bytes(content)
    (folder / "tiny.txt").write_text("a\nb\nc\n")
    return ModelConfig(name="tiny.tflite")


def test_of_a_model_that_is_not_known_it_is_said_what_was_not_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        admit(write(tmp_path, classifier(3)), tmp_path, tmp_path / "state")
        assert "and not of this one" in caplog.text
        assert "damaged" not in caplog.text
        caplog.clear()
        admit(ModelConfig(), tmp_path, tmp_path / "state")
    assert "its scores of the golden picture are right" in caplog.text


class Blind(Crash):
    """A trial of a model that gives always the same."""

    def scores(self, indexes: tuple[int, ...]) -> list[float]:  # type: ignore[override]
        return []

    def response(self) -> Response:
        return Response(numbers=True, to_pictures=False, to_colours=False)


class Numberless(Blind):
    def response(self) -> Response:
        return Response(numbers=False, to_pictures=True, to_colours=True)


def test_a_model_that_does_not_look_is_told(
    tmp_path: Path, use_trial: Callable[[type], None], caplog: pytest.LogCaptureFixture
) -> None:
    config = write(tmp_path, classifier(3))
    use_trial(Blind)
    admit(config, tmp_path, tmp_path / "state")
    assert "gives the same scores for four different pictures" in caplog.text
    use_trial(Numberless)
    with pytest.raises(ModelError, match="scores that are no numbers"):
        admit(config, tmp_path, tmp_path / "other-state")


def test_how_a_model_responds_is_found_out(tmp_path: Path) -> None:
    colourful = Trial(memoryview(b""), write(tmp_path, classifier(3)), tmp_path)
    assert colourful.response() == Response(numbers=True, to_pictures=True, to_colours=True)
    starter = Trial(memoryview(b""), ModelConfig(), tmp_path)
    assert starter.response() == Response(numbers=True, to_pictures=True, to_colours=True)
