"""`edgeclassify cameras` as a user runs it, over sources that need no hardware."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from edgeclassify import cli
from edgeclassify.cameras import discovery
from edgeclassify.cameras.found import FoundCamera

Cameras = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cameras:
    """Run the command with this text as configuration, on a machine with these cameras."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *arguments: str, found: tuple[FoundCamera, ...] = ()) -> tuple[int, str, str]:
        monkeypatch.setattr(discovery, "find_cameras", lambda: list(found))
        Path("config.yaml").write_text(text, encoding="utf-8")
        code = cli.run_command(["cameras", "-c", "config.yaml", *arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def test_a_machine_without_cameras_is_no_error_and_says_what_to_try(cameras):
    code, output, errors = cameras("")
    assert (code, errors) == (0, "")
    assert output.startswith("No camera was found on this machine. Connect one, or set source to rtsp://")
    assert "source: auto  (now: none)" in output


def test_what_to_write_is_said_for_each_camera_without_passwords(cameras):
    found = FoundCamera("/dev/v4l/by-id/usb-Cam-video-index0", "Webcam", "/dev/video0, uvcvideo")
    text = "cameras: {door: {source: 'rtsp://ann:s3cret@door/1'}, porch: {enabled: false}}"
    code, output, errors = cameras(text, found=(found,))
    assert (code, errors) == (0, "")
    assert output == (
        "On this machine:\n"
        "  Webcam (/dev/video0, uvcvideo)\n"
        "    source: /dev/v4l/by-id/usb-Cam-video-index0\n"
        "In config.yaml:\n"
        "  door\n"
        "    source: rtsp://ann:***@door/1\n"
        "  porch\n"
        "    source: auto  (now: /dev/v4l/by-id/usb-Cam-video-index0)  (enabled: false)\n"
    )


def test_pictures_are_saved_as_they_are_and_as_the_model_sees_them(cameras, tmp_path):
    Image.new("RGB", (400, 200), "blue").save(tmp_path / "sky.png")
    text = "cameras: {porch: {source: sky.png}, pattern: {source: test, frames_per_second: 0, rotate: 90}}"
    code, output, errors = cameras(text, "--save", "out/deep")
    assert (code, errors) == (0, "")
    assert "pattern: test, 640 x 480\n    out/deep/pattern.jpg\n    out/deep/pattern-model.png" in output
    assert opened("porch.jpg").size == (400, 200)
    assert opened("pattern.jpg").size == (480, 640)
    assert opened("porch-model.png").size == (64, 64)
    assert opened("porch-model.png").getpixel((32, 32)) == (0, 0, 255)


def opened(name: str) -> Image.Image:
    with Image.open(f"out/deep/{name}") as image:
        image.load()
        return image


def test_a_camera_that_cannot_be_opened_is_told_and_the_others_are_saved(cameras, tmp_path):
    Image.new("RGB", (40, 20)).save(tmp_path / "sky.png")
    found = FoundCamera("/dev/video98", "Broken Cam", "")
    text = "cameras: {bad: {source: gone.mp4}, good: {source: sky.png}}"
    code, _, errors = cameras(text, "--save", "out", found=(found,))
    assert code == 1
    assert errors == (
        f"edgeclassify: camera bad: {tmp_path}/gone.mp4: no such file; check source in the configuration\n"
        "edgeclassify: camera broken_cam: /dev/video98: no such camera; "
        "plug it in, or see which there are: edgeclassify cameras\n"
    )
    assert sorted(path.name for path in Path("out").iterdir()) == ["good-model.png", "good.jpg"]


def test_a_folder_that_cannot_be_written_is_told(cameras, tmp_path):
    (tmp_path / "file").touch()
    code, _, errors = cameras("cameras: {camera: {source: test, frames_per_second: 0}}", "--save", "file")
    assert code == 1
    assert errors == "edgeclassify: file: cannot be written: File exists; choose another folder\n"
