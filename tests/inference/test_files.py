"""Which file a name means, and what is said of one that is no model."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeclassify import resources
from edgeclassify.errors import ModelError
from edgeclassify.inference.files import find_model, read_model


def test_a_name_is_a_model_that_comes_with_the_program(tmp_path: Path) -> None:
    assert find_model("starter", tmp_path) == resources.models() / "starter.tflite"


def test_a_name_is_also_a_model_that_was_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "birds.tflite").write_bytes(b"")
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(tmp_path))
    assert find_model("birds", Path("/nowhere")) == tmp_path / "birds.tflite"


@pytest.mark.parametrize("name", ["birds.tflite", "./birds", "models/birds.tflite"])
def test_a_path_is_relative_to_the_configuration(name: str, tmp_path: Path) -> None:
    assert find_model(name, tmp_path) == tmp_path / name


def test_an_absolute_path_and_home_stay_what_they_are(tmp_path: Path) -> None:
    assert find_model("/models/birds.tflite", tmp_path) == Path("/models/birds.tflite")
    assert find_model("~/birds.tflite", tmp_path) == Path.home() / "birds.tflite"


def test_an_unknown_name_lists_what_is_here(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model 'birds'; here are: .*starter.*path of a .tflite file"):
        find_model("birds", tmp_path)


def test_a_name_from_the_catalogue_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"edgeclassify models pull mobilenet_v2_1.0_224_quant"):
        find_model("mobilenet_v2_1.0_224_quant", tmp_path)


def test_a_file_without_its_ending_is_told_how_to_write_it(tmp_path: Path) -> None:
    (tmp_path / "birds").write_bytes(b"")
    with pytest.raises(ModelError, match=r"write \./birds"):
        find_model("birds", tmp_path)


@pytest.mark.parametrize("name", ["a\0b", "~nobody-of-that-name/x.tflite"])
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.name"):
        find_model(name, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"TFL3", "not a TensorFlow Lite model"),
        (b"\x1c\0\0\0TFL2" + bytes(100), "not a TensorFlow Lite model"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a TensorFlow Lite model"),
    ],
)
def test_another_file_is_no_model(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_model(path)


def test_a_folder_a_missing_file_and_a_device_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder"):
        read_model(tmp_path)
    with pytest.raises(ModelError, match="no such file"):
        read_model(tmp_path / "missing.tflite")
    with pytest.raises(ModelError, match="is not a file"):
        read_model(Path("/dev/zero"))
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(tmp_path / ("x" * 300))


def test_a_file_too_large_for_a_model_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    with path.open("wb") as file:
        file.truncate(201 * 1024 * 1024)  # takes no room on the disk
    with pytest.raises(ModelError, match="211 MB, too large"):
        read_model(path)


@pytest.fixture
def _nobody() -> Iterator[None]:
    """Not root, who may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_file_that_may_not_be_read_says_how_to_allow_it(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(bytes(100))
    path.chmod(0)
    request.getfixturevalue("_nobody")
    with pytest.raises(ModelError, match=r"may not be read by this user.*chmod a\+r"):
        read_model(path)


def test_twins_are_not_listed_as_models_and_one_alone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(tmp_path))
    for name in ("owls.tflite", "owls_edgetpu.tflite", "birds_edgetpu.tflite", ".hidden.tflite"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelError, match=r"here are: birds_edgetpu, owls, starter; name one of them"):
        find_model("cats", tmp_path)
    with pytest.raises(ModelError, match=r"only its Edge TPU twin is here.*put birds\.tflite beside it"):
        find_model("birds", tmp_path)
