"""Devices, streams and pictures -> Picture: what a camera is, and how the one that config.yaml names is opened."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from edgeclassify.config.sections import CameraConfig
from edgeclassify.records import Picture


class Camera(Protocol):
    """An open camera. Used by one thread only; closed by leaving its `with` block."""

    @property
    def live(self) -> bool:
        """False for a source that is read on demand, of which no frame may be dropped."""
        ...

    @property
    def description(self) -> str:
        """What it is, for logs: no password in it."""
        ...

    def read(self, timeout_s: float) -> Picture:
        """Return the newest frame, skipping any backlog; a frame is returned once.

        Raises:
            CameraError: no frame within `timeout_s`, or the source is gone.
        """
        ...


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
        CameraError: now or by entering: it is not there, or cannot be used.
    """
    raise NotImplementedError
