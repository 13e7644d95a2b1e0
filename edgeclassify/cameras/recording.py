"""A video file or the test pattern: played for ever, in its own time or only as fast as frames are taken."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Self

import av

from edgeclassify.cameras.camera import NoFrameError
from edgeclassify.cameras.pacing import Playback
from edgeclassify.cameras.stream import open_stream, test_source, video_file
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.image import VideoPicture
from edgeclassify.view import View


class Recording:
    """A `cameras.Camera`; decoded in the thread that reads, as nothing in it blocks.

    Args:
        name: the camera's id.
        config: its section of config.yaml; with `frames_per_second: 0` it is read on demand.
        file: a video file; None for the test pattern.
    """

    def __init__(self, name: str, config: CameraConfig, file: Path | None) -> None:
        self._source = video_file(name, file) if file else test_source(name, config)
        self._file_name = file.name if file else ""
        self._view = View.of(config)
        # A gap must not make it stale: a recording stays online.
        self._playback = Playback(config.stale_seconds / 2) if config.frames_per_second else None
        self._rounds = self._played_for_ever()
        self._next: av.VideoFrame | None = None
        self._due_s = 0.0
        self.description = self._source.shown

    @property
    def live(self) -> bool:
        """Whether it plays in its own time."""
        return self._playback is not None

    def __enter__(self) -> Self:
        """Open it; raises CameraError."""
        self._decode()
        return self

    def __exit__(self, *_: object) -> None:
        self._rounds.close()

    def read(self, timeout_s: float) -> VideoPicture:
        """Return the next frame; raises NoFrameError when it is not due in time."""
        frame = self._next or self._decode()
        wait_s = self._due_s - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, timeout_s))
            if wait_s > timeout_s:
                raise NoFrameError(f"{self._source.where}: the next frame is not due yet; wait longer")
        self._next = None
        return VideoPicture(frame, self._view, time.monotonic(), self._file_name)

    def _decode(self) -> av.VideoFrame:
        self._next = frame = next(self._rounds)
        if self._playback:
            self._due_s = self._playback.due_s(frame.time, time.monotonic())
        return frame

    def _played_for_ever(self) -> Generator[av.VideoFrame, None, None]:
        while True:
            frames = 0
            # Opened anew each time: not every kind of file can be wound back, and it may have been replaced.
            with open_stream(self._source) as stream:
                self.description = stream.description
                for frame in stream.frames():
                    frames += 1
                    yield frame
            if not frames:
                raise CameraError(f"{self._source.where}: holds no frame that can be decoded; copy it again")
