"""The demo's try to get a good model."""

import time
from pathlib import Path

import pytest

from edgeclassify.tools import better_model
from tests.catalogue.server import Page, serving

NAME = "mobilenet_v2_1.0_224_quant"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What it says; it pulls to a folder of this test."""
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(tmp_path / "models"))
    return []


def test_a_model_that_can_be_had_is_here_afterwards_and_not_asked_for_again(
    said: list[str], shared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDGECLASSIFY_MIRROR", str(shared / "models"))
    better_model.try_to_get_better_model(said.append)
    assert (tmp_path / f"models/{NAME}.tflite").is_file()
    assert len(said) == 1
    better_model.try_to_get_better_model(said.append)
    assert len(said) == 1


def test_a_failure_is_one_line_and_the_starter_goes_on(
    said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDGECLASSIFY_MIRROR", str(tmp_path))
    better_model.try_to_get_better_model(said.append)
    assert said[1].endswith("there is no such file; check the path (using the starter)")
    assert len(said) == 2


def test_a_server_that_drips_does_not_hold_up_the_demo(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(better_model, "_AT_MOST_S", 2)
    with serving() as server:
        server.pages["/imagenet_labels.txt"] = Page(bytes(21686), bytes_per_s=100)
        monkeypatch.setenv("EDGECLASSIFY_MIRROR", server.address())
        started_s = time.monotonic()
        better_model.try_to_get_better_model(said.append)
    assert time.monotonic() - started_s < 5
    assert "did not come in time" in said[1]
