"""Another file under the same name is another version."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ModelError
from edgeclassify.inference.versions import version_of
from tests.running import write_model


def test_every_file_of_a_model_counts_and_nothing_else(tmp_path: Path) -> None:
    write_model(tmp_path)
    config = ModelConfig(name="colours.tflite")
    seen = [version_of(config, tmp_path)]
    (tmp_path / "other.txt").write_text("nothing of it")
    assert version_of(config, tmp_path) == seen[0]
    (tmp_path / "colours.txt").write_text("rot\n")
    seen.append(version_of(config, tmp_path))
    (tmp_path / "colours_edgetpu.tflite").write_bytes(b"twin")
    seen.append(version_of(config, tmp_path))
    write_model(tmp_path, ("a", "b", "c", "d"))
    seen.append(version_of(config, tmp_path))
    (tmp_path / "colours.txt").unlink()
    seen.append(version_of(config, tmp_path))
    assert len(set(seen)) == len(seen)


def test_a_named_label_file_counts_in_place_of_the_one_beside(tmp_path: Path) -> None:
    write_model(tmp_path)
    (tmp_path / "named.txt").write_text("one\ntwo\nthree\n")
    config = ModelConfig(name="colours.tflite", labels="named.txt")
    before = version_of(config, tmp_path)
    (tmp_path / "colours.txt").write_text("not used\n")
    assert version_of(config, tmp_path) == before
    (tmp_path / "named.txt").write_text("1\n2\n3\n")
    assert version_of(config, tmp_path) != before
    assert version_of(ModelConfig(name="colours.tflite", labels="gone.txt"), tmp_path).labels == ""


def test_a_model_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        version_of(ModelConfig(name="gone.tflite"), tmp_path)
