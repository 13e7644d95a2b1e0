"""Finding cameras in trees like those under /sys and /dev."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeclassify.cameras import discovery
from edgeclassify.cameras.discovery import auto_source, find_video_devices
from edgeclassify.cameras.found import FoundCamera
from edgeclassify.errors import CameraError


def add_node(root: Path, number: int, name: str, *, index: int = 0, driver: str = "uvcvideo", by_id: str = "") -> None:
    node = root / f"sys/class/video4linux/video{number}"
    node.mkdir(parents=True)
    (node / "name").write_text(f"{name}\n")
    (node / "index").write_text(f"{index}\n")
    drivers = root / "sys/bus/drivers" / driver
    drivers.mkdir(parents=True, exist_ok=True)
    (node / "device").mkdir()
    (node / "device/driver").symlink_to(drivers)
    device = root / f"dev/video{number}"
    device.parent.mkdir(exist_ok=True)
    device.touch()
    if by_id:
        link = root / "dev/v4l/by-id" / by_id
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../../video{number}")


def found(root: Path) -> list[FoundCamera]:
    return find_video_devices(root / "sys/class/video4linux", root / "dev")


def test_a_machine_without_cameras_has_none(tmp_path):
    assert found(tmp_path) == []


def test_capture_nodes_are_found_in_the_order_of_their_numbers(tmp_path):
    add_node(tmp_path, 10, "Late Cam")
    add_node(tmp_path, 2, "HD Webcam C525: HD Webcam C525", by_id="usb-046d_HD_Webcam_C525-video-index0")
    add_node(tmp_path, 3, "HD Webcam C525: HD Webcam C525", index=1, by_id="usb-046d_HD_Webcam_C525-video-index1")
    stable = tmp_path / "dev/v4l/by-id/usb-046d_HD_Webcam_C525-video-index0"
    assert found(tmp_path) == [
        FoundCamera(str(stable), "HD Webcam C525", f"{tmp_path}/dev/video2, uvcvideo"),
        FoundCamera(f"{tmp_path}/dev/video10", "Late Cam", f"{tmp_path}/dev/video10, uvcvideo"),
    ]


def test_codecs_and_image_processors_of_a_pi_are_no_cameras(tmp_path):
    names = [
        "bcm2835-codec-decode",
        "bcm2835-isp-capture0",
        "unicam-image",
        "rp1-cfe-csi2_ch0",
        "pispbe-input",
        "rpivid",
    ]
    for number, name in enumerate(names):
        add_node(tmp_path, number, name, driver="platform")
    add_node(tmp_path, 20, "USB Camera")
    assert [camera.name for camera in found(tmp_path)] == ["USB Camera"]


def test_auto_without_a_camera_says_what_to_do(monkeypatch):
    monkeypatch.setattr(discovery, "find_cameras", list)
    with pytest.raises(CameraError, match="camera door: this machine has no camera; connect one, or set source"):
        auto_source("door")


def test_auto_takes_the_first(monkeypatch):
    cameras = [FoundCamera("picamera", "imx708", ""), FoundCamera("/dev/video0", "Webcam", "")]
    monkeypatch.setattr(discovery, "find_cameras", lambda: cameras)
    assert auto_source("door") == "picamera"
