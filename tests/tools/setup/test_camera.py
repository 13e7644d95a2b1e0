"""Which camera is taken when there is nobody to ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeclassify.cameras import discovery
from edgeclassify.cameras.found import FoundCamera
from edgeclassify.config.sections import Config, ModelConfig
from edgeclassify.errors import UsageError
from edgeclassify.tools.setup.camera import choose_camera
from edgeclassify.tools.setup.given import Given
from edgeclassify.tools.setup.model import ChosenModel
from edgeclassify.tools.setup.unattended import Unattended

WEBCAM = FoundCamera("/dev/v4l/by-id/usb-Cam", "Webcam", "/dev/video0, uvcvideo")
OTHER = FoundCamera("picamera", "imx708", "CSI")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[FoundCamera]:
    """The cameras of this machine."""
    cameras: list[FoundCamera] = []
    monkeypatch.setattr(discovery, "find_cameras", lambda: cameras)
    return cameras


def chosen(current: dict[str, Any] | None = None, **given: Any) -> tuple[str, str]:
    config = Config.model_validate(current or {})
    model = ChosenModel(ModelConfig(), None)
    camera = choose_camera(Given(untested=True, **given), config, model, Path(), Unattended(print))
    return camera.name, camera.source


def test_the_only_camera_is_taken(found: list[FoundCamera]) -> None:
    found.append(WEBCAM)
    assert chosen() == ("camera", WEBCAM.source)


def test_of_several_one_must_be_given(found: list[FoundCamera]) -> None:
    found += [OTHER, WEBCAM]
    with pytest.raises(UsageError, match="there are 2 cameras; give one: --source picamera"):
        chosen()
    assert chosen(source="picamera") == ("camera", "picamera")


def test_without_one_it_is_said_what_to_give(found: list[FoundCamera]) -> None:
    with pytest.raises(UsageError, match=r"no camera was found.*give --source with an address"):
        chosen()


def test_what_is_configured_is_kept_for_its_camera_only(found: list[FoundCamera]) -> None:
    found.append(WEBCAM)
    current = {"cameras": {"porch": {"source": "rtsp://h/1"}, "yard": {}}}
    assert chosen(current) == ("porch", "rtsp://h/1")
    assert chosen(current, camera="yard") == ("yard", WEBCAM.source)
    assert chosen(current, camera="new") == ("new", WEBCAM.source)


@pytest.mark.parametrize(
    ("typed", "source"),
    [
        ("clips", f"{Path.cwd()}/clips"),
        ("/clips", "/clips"),
        ("~/clips", "~/clips"),
        ("auto", "auto"),
        ("picamera:1", "picamera:1"),
        ("rtsp://h/1", "rtsp://h/1"),
    ],
)
def test_a_path_that_is_typed_here_holds_from_everywhere(typed: str, source: str) -> None:
    assert chosen(source=typed) == ("camera", source)
