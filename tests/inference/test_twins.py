"""Which files are the two of one model."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeclassify import resources
from edgeclassify.errors import ModelError
from edgeclassify.inference.twins import Twins, find_twins


@pytest.fixture
def pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pulled"
    folder.mkdir()
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(folder))
    return folder


def test_both_lie_together_and_either_name_means_both(pulled: Path, tmp_path: Path) -> None:
    cpu, edgetpu = pulled / "birds.tflite", pulled / "birds_edgetpu.tflite"
    cpu.touch()
    edgetpu.touch()
    for name in ("birds", "birds_edgetpu", "pulled/birds.tflite", "pulled/birds_edgetpu.tflite"):
        assert find_twins(name, tmp_path) == Twins(cpu, edgetpu)


def test_the_one_beside_comes_before_one_among_the_models(pulled: Path, tmp_path: Path) -> None:
    for folder in (pulled, tmp_path):
        (folder / "birds.tflite").touch()
        (folder / "birds_edgetpu.tflite").touch()
    assert find_twins("birds.tflite", tmp_path).edgetpu == tmp_path / "birds_edgetpu.tflite"
    (tmp_path / "birds_edgetpu.tflite").unlink()
    assert find_twins("birds.tflite", tmp_path).edgetpu == pulled / "birds_edgetpu.tflite"


def test_without_a_twin_there_is_one_file(pulled: Path, tmp_path: Path) -> None:
    assert find_twins("starter", tmp_path) == Twins(resources.models() / "starter.tflite", None)
    (tmp_path / "mine_edgetpu.tflite").touch()
    assert find_twins("mine_edgetpu.tflite", tmp_path) == Twins(tmp_path / "mine_edgetpu.tflite", None)


def test_folders_that_may_not_be_looked_into_hold_no_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_file = Path.is_file

    def refused(path: Path) -> bool:
        if path.name == "starter_edgetpu.tflite":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refused)
    assert find_twins("starter", tmp_path).edgetpu is None


def test_an_unknown_name_is_an_error(pulled: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model 'owls_edgetpu'"):
        find_twins("owls_edgetpu", tmp_path)
