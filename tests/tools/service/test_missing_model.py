"""Which model an installation has to get for a configuration that was kept."""

from pathlib import Path

import pytest

from edgeclassify.resources import GOOD_MODEL
from edgeclassify.tools.service.missing_model import missing_model


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (f"model: {{name: {GOOD_MODEL}}}", GOOD_MODEL),
        ("model: {name: starter}", ""),
        ("model: {name: birds}", ""),
        ("model: {name: ./mobilenet.tflite}", ""),
        (f"model: {{name: {GOOD_MODEL}}}\nevent: {{}}", ""),
        ("", ""),
    ],
)
def test_it_is_the_catalogues_and_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, model: str
) -> None:
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(tmp_path / "models"))
    (tmp_path / "config.yaml").write_text(config)
    assert missing_model(tmp_path / "config.yaml") == model
    (tmp_path / "models").mkdir()
    (tmp_path / f"models/{GOOD_MODEL}.tflite").touch()
    assert missing_model(tmp_path / "config.yaml") == ""
