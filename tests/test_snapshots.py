"""A snapshot is never larger than what every broker takes, and never stops an event."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from edgeclassify import snapshots
from edgeclassify.config.sections import SnapshotsConfig
from edgeclassify.snapshots import snapshot_of


class Noise:
    """The hardest picture for a JPEG; encoded for real."""

    name, captured_s = "", 0.0

    def __init__(self, width: int = 2000, height: int = 1500, *, error: Exception | None = None) -> None:
        self._image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8))
        self._error = error

    def model_input(self, width: int, height: int):
        raise AssertionError

    def jpeg(self, width: int, quality: int) -> bytes:
        if self._error:
            raise self._error
        file = io.BytesIO()
        image = self._image.copy()
        image.thumbnail((width, self._image.height))
        image.save(file, "JPEG", quality=quality)
        return file.getvalue()


def width_of(jpeg: bytes | None) -> int:
    assert jpeg is not None
    return Image.open(io.BytesIO(jpeg)).width


def test_a_picture_of_usual_size_is_encoded_as_configured() -> None:
    picture = Noise(200, 100)
    assert snapshot_of(picture, "porch", SnapshotsConfig(width=100, quality=80)) == picture.jpeg(100, 80)


def test_one_that_would_be_too_large_becomes_poorer_then_smaller() -> None:
    huge = SnapshotsConfig(width=2000, quality=95)
    jpeg = snapshot_of(Noise(), "porch", huge)
    assert len(jpeg or b"") <= snapshots.MAX_BYTES
    assert width_of(jpeg) in (2000, 1000, 500)


def test_one_that_is_too_large_in_any_case_is_said_and_left_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MAX_BYTES", 500)
    assert snapshot_of(Noise(), "porch", SnapshotsConfig(width=1000, quality=95)) is None
    assert "camera porch: no snapshot: larger than" in caplog.text
    assert "snapshots.width" in caplog.text


@pytest.mark.parametrize("error", [OSError("broken"), ValueError("odd"), MemoryError()])
def test_one_that_cannot_be_encoded_is_said_and_left_out(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert snapshot_of(Noise(10, 10, error=error), "porch", SnapshotsConfig()) is None
    assert "camera porch: no snapshot" in caplog.text
