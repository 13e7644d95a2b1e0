"""Devices, streams and pictures -> Picture: what a camera is, and how the one that config.yaml names is opened."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from edgeclassify import homes
from edgeclassify.cameras.camera import Camera, NoFrameError
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError

__all__ = ["Camera", "NoFrameError", "open_camera"]


def open_camera(
    name: str, config: CameraConfig, model_size: tuple[int, int], base: Path
) -> AbstractContextManager[Camera]:
    """Return the camera that `config.source` names, to be opened by `with`.

    Args:
        name: the camera's id, for errors.
        config: its section of config.yaml.
        model_size: width and height of the model's input.
        base: the folder that relative paths are relative to.

    Raises:
        CameraError: now, by entering, or by the first `read`: it is not there, or cannot be used.
    """
    # Imported here, because a Pi camera needs none of the others' libraries.
    from edgeclassify.cameras.discovery import auto_source

    source = auto_source(name) if config.source == "auto" else config.source
    if source.split(":")[0] == "picamera":
        from edgeclassify.cameras.picamera import PiCamera

        return PiCamera(name, config.model_copy(update={"source": source}), model_size)
    if "://" in source or source.startswith("/dev/"):
        from edgeclassify.cameras.live import LiveCamera

        return LiveCamera(name, config, source)
    if source == "test":
        from edgeclassify.cameras.recording import Recording

        return Recording(name, config, None)
    try:
        path = base / Path(source).expanduser()
    except RuntimeError as error:  # ~ or ~user, and there is no such home
        raise CameraError(f"camera {name}: {source}: {str(error).rstrip('.')}; write the whole path") from error
    return _open_path(name, config, path)


def _open_path(name: str, config: CameraConfig, path: Path) -> AbstractContextManager[Camera]:
    from edgeclassify.cameras.pictures import SlideShow
    from edgeclassify.cameras.recording import Recording
    from edgeclassify.picturefile import is_picture

    try:
        path.stat()
    except PermissionError as error:
        mend = homes.advice(path, "let this user enter the folders that it lies in")
        raise CameraError(f"camera {name}: {path}: {error.strerror}; {mend}") from error
    except OSError:
        pass  # told by what opens it
    if path.is_dir() or is_picture(path):
        return SlideShow(name, config, path)
    return Recording(name, config, path)
