"""What verify says of every kind of damage."""

import dataclasses
from pathlib import Path

import pytest

from edgeclassify.catalogue.entries import catalogue
from edgeclassify.catalogue.pull import Puller
from edgeclassify.catalogue.verify import verify
from tests.catalogue.conftest import model_bytes, sha256

NAME = "mobilenet_v1_0.25_128_quant"
MODEL = model_bytes(50_000)


@pytest.fixture
def birds(puller: Puller, tmp_path: Path) -> Path:
    """A model from a file, pulled."""
    (tmp_path / "birds.tflite").write_bytes(MODEL)
    return puller.pull_address(str(tmp_path / "birds.tflite"), sha256(MODEL), None).path


def found(folder: Path) -> dict[str, tuple[bool | None, str]]:
    return {check.file.name: (check.ok, check.said) for check in verify(folder)}


def test_what_is_whole_is_right_and_an_empty_folder_has_nothing_wrong(birds: Path, tmp_path: Path) -> None:
    assert found(birds.parent) == {"birds.tflite": (True, f"sha256 {sha256(MODEL)}")}
    assert verify(tmp_path / "nothing") == []


def test_one_changed_byte_is_found_and_how_to_mend_it_said(birds: Path, tmp_path: Path) -> None:
    birds.write_bytes(MODEL[:-1] + b"!")
    ok, said = found(birds.parent)["birds.tflite"]
    assert ok is False
    assert f"models pull {tmp_path}/birds.tflite --sha256 {sha256(MODEL)} --name birds" in said


def test_missing_files_own_files_and_leftovers_are_told_apart(birds: Path) -> None:
    birds.unlink()
    (birds.parent / "mine.tflite").write_bytes(b"mine")
    (birds.parent / ".x.tflite.123.part").write_bytes(bytes(1_000_000))
    (birds.parent / "broken.json").write_text("{")
    checks = found(birds.parent)
    assert checks["birds.tflite"][0] is False
    assert "is missing" in checks["birds.tflite"][1]
    assert checks["mine.tflite"][0] is None
    assert checks[".x.tflite.123.part"] == (None, "1.0 MB of a pull that did not end; the next one goes on there")
    assert checks["broken.json"][0] is False


def test_models_of_the_catalogue_are_known_without_a_manifest(shared: Path, puller: Puller, folder: Path) -> None:
    entry = catalogue().entry(NAME)
    dataclasses.replace(puller, mirror=str(shared / "models")).pull_entry(entry, with_twin=True)
    (folder / f"{NAME}.json").unlink()
    assert [check.ok for check in verify(folder)] == [True, True, True]
    twin = folder / entry.twin.name
    twin.write_bytes(twin.read_bytes()[:-1])
    assert found(folder)[entry.twin.name][0] is False
    assert f"run: edgeclassify models pull {NAME}" in found(folder)[entry.twin.name][1]
