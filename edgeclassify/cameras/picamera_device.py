"""Which Pi cameras there are, and opening one; only for a child process, because libcamera may hang or crash."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from edgeclassify.errors import CameraError


class PiCameraFinder:
    """Says which Pi cameras there are."""

    def __init__(self, _memory: memoryview) -> None:
        self._models = _models(import_picamera2("search"))

    def models(self) -> list[str]:
        """Return the sensors' names, by number."""
        return self._models

    def close(self) -> None:
        """Nothing is held open."""


def import_picamera2(name: str) -> ModuleType:
    """Return the module; raises CameraError: it is missing; `name` is the camera's id, for the message."""
    try:
        return importlib.import_module("picamera2")
    except ModuleNotFoundError as error:
        if error.name not in ("picamera2", "libcamera"):
            raise
        raise CameraError(
            f"camera {name}: {error.name} is missing; run: sudo apt install python3-picamera2 "
            "(a venv sees it only if it was made with --system-site-packages)"
        ) from None


def _models(picamera2: ModuleType) -> list[str]:
    """Return the names of the sensors, by number; USB cameras, which come last in libcamera's list, do not count."""
    found = picamera2.Picamera2.global_camera_info()
    return [str(camera.get("Model", "unknown")) for camera in found if "/usb" not in camera["Id"]]


def open_device(picamera2: ModuleType, name: str, number: int) -> tuple[str, Any]:
    """Return the sensor's name and the camera, open but not configured; raises CameraError: missing, or in use."""
    models = _models(picamera2)
    if not models:
        raise CameraError(
            f"camera {name}: no Pi camera found; check its cable, `rpicam-hello --list-cameras`, "
            "and that this user is in the group video"
        )
    if number >= len(models):
        named = ", ".join(f"picamera:{n} ({model})" for n, model in enumerate(models))
        raise CameraError(
            f"camera {name}: there is no picamera:{number}; {len(models)} Pi camera(s) found, set source: {named}"
        )
    try:
        return models[number], picamera2.Picamera2(number)
    except RuntimeError as error:
        if "busy" not in f"{error} {error.__cause__}".lower():
            raise
        raise CameraError(
            f"camera {name}: the Pi camera is in use by another program; stop that program "
            "(see: fuser -v /dev/media* /dev/video*)"
        ) from None
