"""Which cameras this machine has, and which one `source: auto` means."""

from __future__ import annotations

from pathlib import Path

from edgeclassify.cameras.found import FoundCamera
from edgeclassify.errors import CameraError

_SYSFS = Path("/sys/class/video4linux")
_DEV = Path("/dev")

# Nodes of a Pi that are no cameras by themselves: codecs, image processors, sensors that only libcamera can drive.
_NO_CAMERAS = ("bcm2835-codec", "bcm2835-isp", "bcm2835-image", "unicam", "rp1-cfe", "pispbe", "rpi-hevc", "rpivid")


def find_cameras() -> list[FoundCamera]:
    """Return the Pi cameras, then the others, each with the source to write for it."""
    # Late, because it is only needed here and by a Pi camera itself.
    from edgeclassify.cameras.picamera import find_pi_cameras

    return [*find_pi_cameras(), *find_video_devices()]


def find_video_devices(sysfs: Path = _SYSFS, dev: Path = _DEV) -> list[FoundCamera]:
    """Return USB cameras and the like, in the order of their numbers.

    The source is the name that stays the same after a restart or in another socket, where there is one.
    """
    stable = _stable_names(dev)
    cameras = []
    for node in sorted(sysfs.glob("video*"), key=lambda node: (len(node.name), node.name)):
        name = _text(node / "name")
        # A camera's first node gives pictures; those that follow give metadata or the same in other forms.
        if _text(node / "index") not in ("", "0") or name.startswith(_NO_CAMERAS):
            continue
        device = dev / node.name
        driver = (node / "device/driver").resolve().name
        cameras.append(
            FoundCamera(
                source=str(stable.get(device.resolve(), device)),
                name=name.split(": ")[0] or node.name,
                detail=f"{device}, {driver}" if (node / "device/driver").exists() else str(device),
            )
        )
    return cameras


def auto_source(name: str) -> str:
    """Return the source of the first camera: a Pi camera, else another one.

    Raises:
        CameraError: this machine has none; `name` is the camera's id, for the message.
    """
    cameras = find_cameras()
    if not cameras:
        raise CameraError(
            f"camera {name}: this machine has no camera; connect one, or set source to a stream, a video, "
            "a folder of pictures, or to test"
        )
    return cameras[0].source


def _stable_names(dev: Path) -> dict[Path, Path]:
    links = sorted((dev / "v4l/by-id").glob("*"))
    return {link.resolve(): link for link in links}


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""
