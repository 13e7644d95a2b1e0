"""The model: each way in which it cannot be used has its line."""

from pathlib import Path

from edgeclassify.config.reader import load_config
from edgeclassify.tools.doctor.model import check_model
from tests.running import write_model


def said(folder: Path, text: str) -> dict[str, str]:
    (folder / "config.yaml").write_text(text)
    found = check_model(load_config(folder / "config.yaml"))
    return {finding.check: finding.line.replace(f" model {finding.check}:", "") for finding in found}


def test_a_good_model(tmp_path: Path) -> None:
    write_model(tmp_path)
    found = said(tmp_path, "model: {name: colours.tflite}\nevents: {ignore: []}\n")
    assert list(found) == ["file", "trial", "labels", "names", "xnnpack", "inference"]
    assert not [line for line in found.values() if line.startswith("fail")]
    assert "ms on the CPU with" in found["inference"]


def test_a_missing_and_a_damaged_model(tmp_path: Path) -> None:
    assert "see: edgeclassify models list" in said(tmp_path, "model: {name: gone.tflite}")["use"]
    good = write_model(tmp_path).read_bytes()
    (tmp_path / "half.tflite").write_bytes(good[: len(good) // 2])
    (tmp_path / "half.txt").write_text("a\nb\nc\n")
    assert said(tmp_path, "model: {name: half.tflite}")["use"].startswith("fail half.tflite: ")


def test_labels_that_do_not_fit(tmp_path: Path) -> None:
    write_model(tmp_path).with_suffix(".txt").write_text("one\ntwo\n")
    found = said(tmp_path, "model: {name: colours.tflite}")
    assert found["use"].startswith("fail")
    assert "labels" in found["use"]


def test_names_in_the_configuration_that_the_model_does_not_have(tmp_path: Path) -> None:
    write_model(tmp_path)
    found = said(tmp_path, "model: {name: colours.tflite}\nevents:\n  thresholds: {rad: 0.5}\n")
    assert found["names"].startswith("fail") or found["names"].startswith("warn")
    assert "inference" in found
