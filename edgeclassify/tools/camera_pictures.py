"""Pictures of a camera for people: as it is, and as the model sees it."""

from __future__ import annotations

import time
from pathlib import Path

from PIL import Image

from edgeclassify.cameras import NoFrameError, open_camera
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import InputError
from edgeclassify.records import Picture

_SLICE_S = 1.0
_FIRST_FRAME_S = 15.0
_SETTLE_S = 1.0  # a camera finds its exposure with the first frames
_WIDTH, _QUALITY = 1920, 90


def settled_picture(name: str, config: CameraConfig, size: tuple[int, int], base: Path) -> tuple[str, Picture]:
    """Open a camera; return its description and a picture that is well exposed.

    Args:
        name: the camera's id.
        config: its section of config.yaml.
        size: width and height of the model's input.
        base: the folder that relative paths are relative to.

    Raises:
        CameraError: it cannot be opened, or no frame comes.
    """
    picture, ends_s = None, time.monotonic() + _FIRST_FRAME_S
    with open_camera(name, config, size, base) as camera:
        while picture is None or (camera.live and time.monotonic() < ends_s):
            try:
                latest = camera.read(_SLICE_S)
            except NoFrameError:
                if time.monotonic() < ends_s:
                    continue
                if picture is None:
                    raise
                break
            if picture is None:
                ends_s = time.monotonic() + _SETTLE_S
            picture = latest
        return camera.description, picture


def save_pictures(folder: Path, name: str, picture: Picture, size: tuple[int, int]) -> list[Path]:
    """Write NAME.jpg and NAME-model.png.

    Raises:
        InputError: the folder does not take them.
    """
    paths = [folder / f"{name}.jpg", folder / f"{name}-model.png"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_bytes(picture.jpeg(_WIDTH, _QUALITY))
        Image.fromarray(picture.model_input(*size)).save(paths[1])
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}; choose another folder") from error
    return paths
