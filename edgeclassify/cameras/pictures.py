"""A folder of pictures, or one picture, as a slide show."""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from edgeclassify.cameras.camera import NoFrameError
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError, InputError
from edgeclassify.image import StillPicture, load_picture
from edgeclassify.picturefile import SUFFIXES
from edgeclassify.view import View

log = logging.getLogger(__name__)


class SlideShow:
    """A `cameras.Camera`: each picture is shown for `picture_seconds`, repeated at `frames_per_second`, for ever.

    The folder is read again in each round. With `frames_per_second: 0` a picture is repeated whenever it is read.

    Args:
        name: the camera's id.
        config: its section of config.yaml.
        path: a folder, or a picture.
    """

    def __init__(self, name: str, config: CameraConfig, path: Path) -> None:
        self._where = f"camera {name}: {path}"
        self._path = path
        self._view = View.of(config)
        self._picture_s = config.picture_seconds
        self._interval_s = 1 / config.frames_per_second if config.frames_per_second else 0.0
        self._waiting: deque[Path] = deque()
        self._slide: StillPicture | None = None
        self._slide_ends_s = 0.0
        self._due_s = 0.0
        self._told: set[str] = set()
        self.description = str(path)

    @property
    def live(self) -> bool:
        """Whether it keeps its own time."""
        return self._interval_s > 0

    def __enter__(self) -> Self:
        """Show the first picture; raises CameraError when there is none."""
        self._due_s = time.monotonic()
        self._slide = self._following(self._due_s)
        return self

    def __exit__(self, *_: object) -> None:
        self._slide = None

    def read(self, timeout_s: float) -> StillPicture:
        """Return the picture that is shown now, when it is due again.

        Raises:
            NoFrameError: it is not due in time.
            CameraError: there is no picture left.
        """
        wait_s = self._due_s - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, timeout_s))
            if wait_s > timeout_s:
                raise NoFrameError(f"{self._where}: the next frame is not due yet; wait longer")
        now_s = time.monotonic()
        if self._slide is None or now_s >= self._slide_ends_s:
            self._slide = self._following(now_s)
        self._due_s = max(self._due_s + self._interval_s, now_s)
        return self._slide.shown_at(now_s)

    def _following(self, now_s: float) -> StillPicture:
        """Load the next picture that can be read."""
        self._slide_ends_s = now_s + self._picture_s
        for file in self._rest_and_next_round():
            try:
                return load_picture(file, self._view)
            except InputError as error:
                self._tell(f"{self._where}: skipped: {error}")
        raise CameraError(f"{self._where}: none of the pictures can be read; put JPEG or PNG files there")

    def _rest_and_next_round(self) -> Iterator[Path]:
        while self._waiting:
            yield self._waiting.popleft()
        self._waiting.extend(self._files())
        while self._waiting:
            yield self._waiting.popleft()

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        try:
            visible = [file for file in self._path.iterdir() if not file.name.startswith(".") and not file.is_dir()]
        except OSError as error:
            raise CameraError(f"{self._where}: {error.strerror}; check the folder's permissions") from error
        pictures = sorted((file for file in visible if file.suffix.lower() in SUFFIXES), key=_natural)
        if not pictures:
            raise CameraError(f"{self._where}: holds no pictures; put JPEG or PNG files there")
        if len(pictures) < len(visible):
            self._tell(f"{self._where}: {len(visible) - len(pictures)} files there are no pictures; they are skipped")
        return pictures

    def _tell(self, text: str) -> None:
        """Warn once of each thing."""
        if text not in self._told:
            self._told.add(text)
            log.warning("%s", text)


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sort 2.png before 10.png."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", file.name.lower())]
