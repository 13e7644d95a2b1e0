"""A learned model on the Edge TPU: the twin of its backbone gives the features, the head is the same."""

from pathlib import Path

import numpy as np
import pytest

from edgeclassify.config.sections import ModelConfig
from edgeclassify.inference import open_classifier
from edgeclassify.inference.accelerators import open_backbone
from edgeclassify.inference.twins import find_twins
from edgeclassify.tools.learn.learning import learn, open_eye
from tests.edgetpu.stand_in import StandIn, library, twin
from tests.inference.conftest import frame
from tests.learned import SIDE, write_backbone
from tests.tools.learn.test_saving import colours


@pytest.fixture
def section(tmp_path: Path) -> ModelConfig:
    path = write_backbone(tmp_path)
    path.with_name("colours_edgetpu.tflite").write_bytes(twin((1, SIDE, SIDE, 3)))
    with open_eye(str(path), tmp_path, ModelConfig(accelerator="cpu")) as eye:
        learn(colours(), "auto", 0.9, eye.backbone, tmp_path / "mine", force=False)
    return ModelConfig(name="./mine", accelerator="auto", edgetpu_library=str(library()))


def test_it_gives_the_scores_of_the_cpu(tmp_path: Path, stand_in: StandIn, section: ModelConfig) -> None:
    picture = frame(np.full((SIDE, SIDE, 3), (200, 40, 30), np.uint8))
    with open_classifier(section.model_copy(update={"accelerator": "cpu"}), tmp_path) as classifier:
        on_cpu = classifier.classify(picture)
    stand_in.plug()
    with open_classifier(section, tmp_path) as classifier:
        on_tpu = classifier.classify(picture)
    assert (on_cpu.accelerator, on_tpu.accelerator) == ("cpu", "edgetpu:usb:0")
    assert classifier.model.labels[on_tpu.values.argmax()] == "red"
    assert on_tpu.values == pytest.approx(on_cpu.values, abs=0.01)


def test_when_it_is_lost_the_same_frame_is_classified_on_the_cpu(
    tmp_path: Path, stand_in: StandIn, section: ModelConfig
) -> None:
    picture = frame(np.full((SIDE, SIDE, 3), (30, 210, 30), np.uint8))
    stand_in.plug()
    with open_classifier(section, tmp_path) as classifier:
        before = classifier.classify(picture)
        stand_in.unplug()
        after = classifier.classify(picture)
    assert (before.accelerator, after.accelerator) == ("edgetpu:usb:0", "cpu")
    assert after.values == pytest.approx(before.values, abs=0.01)


def test_features_are_taken_on_it_while_learning(tmp_path: Path, stand_in: StandIn, section: ModelConfig) -> None:
    stand_in.plug()
    with open_backbone(str(tmp_path / "colours.tflite"), tmp_path, section) as classifier:
        found = classifier.classify(frame(np.full((SIDE, SIDE, 3), (30, 210, 30), np.uint8)))
    assert found.accelerator == "edgetpu:usb:0"
    assert np.linalg.norm(found.values) == pytest.approx(1, abs=1e-3)


def test_a_backbone_that_is_cut_has_no_twin(tmp_path: Path, stand_in: StandIn) -> None:
    stand_in.plug()
    with open_eye("starter", tmp_path, ModelConfig(accelerator="edgetpu", edgetpu_library=str(library()))) as eye:
        assert eye.classifier.accelerator == "cpu"
        assert eye.backbone.cut
        learn(colours_of(eye.classifier.model.outputs), "auto", 0.9, eye.backbone, tmp_path / "mine", force=False)
    assert find_twins("./mine", tmp_path).edgetpu is None


def colours_of(width: int):  # type: ignore[no-untyped-def]
    from tests.learned import examples

    return examples(4, width=width)
