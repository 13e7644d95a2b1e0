"""Slide shows."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from PIL import Image

from edgeclassify.cameras import NoFrameError, open_camera
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from tests.cameras.conftest import COLOURS, colour_of, make_picture


def shown(folder: Path, reads: int, **config) -> list[str]:
    """Return the names of the pictures that so many reads give."""
    section = CameraConfig(source=str(folder), **{"frames_per_second": 50, "picture_seconds": 0.05, **config})
    with open_camera("feeder", section, (32, 24), folder) as camera:
        return [camera.read(2).name for _ in range(reads)]


def in_turn(names: list[str]) -> list[str]:
    """Leave out repeats."""
    return [name for n, name in enumerate(names) if n == 0 or names[n - 1] != name]


def test_pictures_are_shown_in_natural_order_again_and_again_each_for_its_time(tmp_path):
    for name in ("10.png", "2.PNG", "a.jpg"):
        make_picture(tmp_path / name)
    names = shown(tmp_path, 12)
    assert in_turn(names)[:4] == ["2.PNG", "10.png", "a.jpg", "2.PNG"]
    assert 2 <= names.index("10.png") <= 4  # 50 ms, one each 20 ms


@pytest.mark.parametrize(
    ("section", "corner"),
    [
        ({}, (0, 0)),
        ({"flip": "horizontal"}, (0, 1)),
        ({"flip": "vertical"}, (1, 0)),
        ({"flip": "both"}, (1, 1)),
        ({"rotate": 90}, (0, 1)),
        ({"rotate": 90, "flip": "horizontal"}, (0, 0)),
    ],
)
def test_the_model_sees_it_turned_and_then_flipped_as_configured(tmp_path, section, corner):
    picture = Image.new("RGB", (64, 64))
    picture.paste((255, 255, 255), (0, 0, 32, 32))  # white at the top, left
    picture.save(tmp_path / "a.png")
    config = CameraConfig(source="a.png", fit="squash", **section)
    with open_camera("feeder", config, (32, 32), tmp_path) as camera:
        pixels = camera.read(2).model_input(32, 32)
    bright = [(row, column) for row in (0, 1) for column in (0, 1) if pixels[row * 31, column * 31].min() > 200]
    assert bright == [corner]


def test_a_slide_is_repeated_at_the_frame_rate_with_a_time_of_its_own(tmp_path):
    make_picture(tmp_path / "a.png")
    config = CameraConfig(source="a.png", frames_per_second=20)
    with open_camera("feeder", config, (32, 24), tmp_path) as camera:
        pictures = [camera.read(1) for _ in range(5)]
        with pytest.raises(NoFrameError):
            camera.read(0.001)
    assert pictures[4].captured_s - pictures[0].captured_s == pytest.approx(0.2, abs=0.08)
    # It was scaled once.
    assert all(picture.model_input(32, 24) is pictures[0].model_input(32, 24) for picture in pictures)


def test_without_a_frame_rate_it_is_read_on_demand_and_a_slide_still_lasts(tmp_path):
    for name in ("a.png", "b.png"):
        make_picture(tmp_path / name)
    config = CameraConfig(source=str(tmp_path), frames_per_second=0, picture_seconds=60)
    with open_camera("feeder", config, (32, 24), tmp_path) as camera:
        assert not camera.live
        started_s = time.monotonic()
        assert {camera.read(1).name for _ in range(1000)} == {"a.png"}
        assert time.monotonic() - started_s < 1


def test_a_single_picture_is_shown_as_it_is(tmp_path):
    path = make_picture(tmp_path / "a.png", COLOURS[2])
    with open_camera("feeder", CameraConfig(source=str(path)), (32, 24), tmp_path) as camera:
        assert colour_of(camera.read(1).model_input(32, 24)) == COLOURS[2]
        assert camera.description == str(path)


def test_a_picture_that_is_added_is_shown_in_the_next_round(tmp_path):
    make_picture(tmp_path / "a.png")
    config = CameraConfig(source=str(tmp_path), frames_per_second=0, picture_seconds=0.05)
    with open_camera("feeder", config, (32, 24), tmp_path) as camera:
        camera.read(1)
        make_picture(tmp_path / "b.png")
        deadline_s = time.monotonic() + 5
        while camera.read(1).name != "b.png":
            assert time.monotonic() < deadline_s


def test_damaged_and_foreign_files_are_skipped_and_told_once(tmp_path, caplog):
    make_picture(tmp_path / "good.png")
    make_picture(tmp_path / "cut.jpg", size=(300, 300))
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:900])
    (tmp_path / "note.txt").write_text("hello")
    (tmp_path / ".hidden.png").write_text("hello")
    (tmp_path / "folder.png").mkdir()
    with caplog.at_level(logging.INFO):
        assert set(shown(tmp_path, 15)) == {"good.png"}
    assert len(caplog.messages) == 2
    assert "1 files there are no pictures" in caplog.messages[0]
    assert "cut.jpg: a damaged picture" in caplog.messages[1]


@pytest.mark.parametrize(
    ("files", "message"),
    [({}, "holds no pictures; put"), ({"a.jpg": b"x"}, "none of the pictures can be read"), ({"a": b""}, "holds no")],
)
def test_a_folder_without_a_usable_picture_is_an_error(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CameraError, match=f"camera feeder: {tmp_path}: {message}"):
        shown(tmp_path, 1)


def test_a_folder_that_vanishes_is_an_error(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture = make_picture(folder / "a.png")
    config = CameraConfig(source=str(folder), frames_per_second=0, picture_seconds=0.05)
    with open_camera("feeder", config, (32, 24), tmp_path) as camera:
        camera.read(1)
        picture.unlink()
        folder.rmdir()
        with pytest.raises(CameraError, match="pictures"):
            read_for(camera, 1)


def read_for(camera, seconds: float) -> None:
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        camera.read(1)


def test_a_folder_that_may_not_be_entered_is_an_error_that_says_so(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    (closed / "pictures").mkdir(parents=True)
    real = Path.stat

    def stat(path: Path, **more) -> object:  # root may enter every folder
        if closed in path.parents:
            raise PermissionError(13, "Permission denied")
        return real(path, **more)

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(CameraError, match=r"camera feeder: .*pictures: Permission denied; let this user enter"):
        open_camera("feeder", CameraConfig(source=str(closed / "pictures")), (32, 24), tmp_path)
