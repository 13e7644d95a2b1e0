"""Video files and the test pattern."""

from __future__ import annotations

import time
import wave
from itertools import pairwise
from pathlib import Path

import pytest

from edgeclassify.cameras import NoFrameError, open_camera
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from tests.cameras.conftest import COLOURS, colour_of, make_video

ON_DEMAND = 0.0


def play(path: Path, frames: int, **config) -> list[tuple[int, int, int]]:
    """Read so many frames on demand; return their colours."""
    section = CameraConfig(source=str(path), **{"frames_per_second": ON_DEMAND, **config})
    with open_camera("door", section, (32, 24), path.parent) as camera:
        return [colour_of(camera.read(1).model_input(32, 24)) for _ in range(frames)]


@pytest.mark.parametrize(
    ("codec", "name"),
    [("libx264", "a.mp4"), ("libx264", "a.mkv"), ("libx264", "a.h264"), ("mjpeg", "a.avi"), ("libvpx-vp9", "a.webm")],
)
def test_a_file_is_played_frame_by_frame_for_ever(tmp_path, codec, name):
    path = make_video(tmp_path / name, codec=codec, frames=7)
    one_round = [COLOURS[n % len(COLOURS)] for n in range(7)]
    assert play(path, 21) == one_round * 3


def test_a_file_on_demand_is_not_live_and_names_itself(tmp_path):
    path = make_video(tmp_path / "clip: one.mp4")
    config = CameraConfig(source="clip: one.mp4", frames_per_second=ON_DEMAND)
    with open_camera("door", config, (32, 24), tmp_path) as camera:
        assert not camera.live
        assert camera.read(1).name == path.name
        assert camera.description == f"{path}, h264 64 x 48"


@pytest.mark.parametrize(
    ("name", "pts", "least_s"),
    [("a.mp4", None, 0.17), ("a.h264", None, 0.17), ("a.mp4", lambda n: n * 1000, 0.4)],
    ids=["even", "without", "jumping"],
)
def test_a_file_is_paced_whatever_its_timestamps_are(tmp_path, name, pts, least_s):
    path = make_video(tmp_path / name, rate=50, frames=4, pts=pts)
    config = CameraConfig(source=str(path), frames_per_second=50)
    with open_camera("door", config, (32, 24), tmp_path) as camera:
        assert camera.live
        times_s = [camera.read(2).captured_s for _ in range(12)]
    assert all(earlier < later for earlier, later in pairwise(times_s))
    assert least_s < times_s[-1] - times_s[0] < 5


def test_a_frame_that_is_not_due_in_time_is_not_lost(tmp_path):
    path = make_video(tmp_path / "a.mp4", rate=5, frames=3)
    with open_camera("door", CameraConfig(source=str(path)), (32, 24), tmp_path) as camera:
        assert colour_of(camera.read(1).model_input(32, 24)) == COLOURS[0]
        with pytest.raises(NoFrameError, match="not due"):
            camera.read(0.01)
        assert colour_of(camera.read(1).model_input(32, 24)) == COLOURS[1]


def test_a_truncated_file_plays_as_far_as_it_goes(tmp_path):
    path = make_video(tmp_path / "a.mkv", frames=50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert play(path, 12)[:3] == list(COLOURS[:3])


def test_a_picture_stays_valid_when_its_camera_is_closed(tmp_path):
    path = make_video(tmp_path / "a.mp4")
    with open_camera("door", CameraConfig(source=str(path)), (32, 24), tmp_path) as camera:
        pictures = [camera.read(1) for _ in range(3)]
    assert [colour_of(picture.model_input(32, 24)) for picture in pictures] == list(COLOURS[:3])
    assert pictures[0].jpeg(640, 85).startswith(b"\xff\xd8")


def test_the_test_pattern_moves_and_never_ends():
    config = CameraConfig(source="test", frames_per_second=ON_DEMAND, size=[320, 240])
    with open_camera("door", config, (32, 24), Path()) as camera:
        first = camera.read(1).model_input(32, 24)
        for _ in range(60):
            last = camera.read(1).model_input(32, 24)
    assert (first != last).any()


def _sound(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 8000)


def _moov_is_missing(path: Path) -> None:
    make_video(path, frames=50, container="mp4")
    path.write_bytes(path.read_bytes()[:600])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "no such file; check source"),
        (lambda path: path.touch(), "the file is empty"),
        (lambda path: path.write_text("hello"), "is no video, or was cut off"),
        (lambda path: path.write_bytes(bytes(range(256)) * 100), "is no video, or was cut off"),
        (_sound, "holds no video"),
        (_moov_is_missing, "is no video, or was cut off"),
    ],
)
def test_a_file_that_holds_no_video_says_so_and_what_to_do(tmp_path, make, message, capfd):
    path = tmp_path / "a.mp4"
    make(path)
    started_s = time.monotonic()
    with pytest.raises(CameraError, match=message) as error:
        play(path, 1)
    assert str(error.value).startswith(f"camera door: {path}: ")
    assert time.monotonic() - started_s < 2
    assert capfd.readouterr().err == ""
