"""The body of a capture thread: camera -> Frame, for as long as the daemon runs, whatever the camera does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edgeclassify.cameras import Camera, NoFrameError, open_camera
from edgeclassify.cameras.pacing import RateLimit
from edgeclassify.cameras.status import CameraStatus, CameraWishes
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.heartbeats import Beat, no_beat
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.records import Frame, Picture

log = logging.getLogger(__name__)

_SLICE_S = 1.5  # so soon it notices that it is to stop; a Pi camera's slowest frame takes a tenth
_PUT_SLICE_S = 0.2
_LEAST_OPENING_S = 15.0  # until the first frame: a stream begins at its next key frame
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
CAPTURE_LIMIT_S = 90.0
"""Opening a Pi camera takes up to 50 s, the longest pause is 30 s."""
_STABLE_S = 60.0  # after so long with frames the next pause is short again


def capture(
    name: str,
    config: CameraConfig,
    mailbox: FrameMailbox,
    model_size: Callable[[], tuple[int, int]],
    status: CameraStatus,
    wishes: CameraWishes,
    stopping: threading.Event,
    base: Path,
    beat: Beat = no_beat,
) -> None:
    """Put frames into the mailbox until `stopping` is set; a camera that fails is opened again, after growing pauses.

    Args:
        name: the camera's id.
        config: its section of config.yaml.
        mailbox: where frames that are due go, with the model's input made.
        model_size: returns width and height of the model's input, which may change while this runs.
        status: what others read.
        wishes: what others want.
        stopping: ends this within about 2 s.
        base: the folder that relative paths are relative to.
        beat: called at least every CAPTURE_LIMIT_S, while nothing hangs that should not.
    """
    _Capture(name, config, mailbox, model_size, status, wishes, stopping, beat).run(base)


class _Capture:
    def __init__(
        self,
        name: str,
        config: CameraConfig,
        mailbox: FrameMailbox,
        model_size: Callable[[], tuple[int, int]],
        status: CameraStatus,
        wishes: CameraWishes,
        stopping: threading.Event,
        beat: Beat,
    ) -> None:
        self._name = name
        self._config = config
        self._mailbox = mailbox
        self._model_size = model_size
        self._status = status
        self._wishes = wishes
        self._stopping = stopping
        self._beat = beat
        self._pause_s = _FIRST_PAUSE_S
        self._told: set[str] = set()  # errors since there were frames
        self._good_since_s: float | None = None

    def run(self, base: Path) -> None:
        while not self._stopping.is_set():
            self._beat()
            try:
                with open_camera(self._name, self._config, self._model_size(), base) as camera:
                    self._frames(camera)
            except CameraError as error:
                self._failed(str(error))
            except Exception as error:  # bindings to native code may raise anything; other cameras must go on
                if not self._told:
                    log.exception("camera %s: crashed", self._name)
                self._failed(f"camera {self._name}: crashed: {error!r}; report this")

    def _frames(self, camera: Camera) -> None:
        limit = RateLimit(self._config.frames_per_second)
        deadline_s = time.monotonic() + max(_LEAST_OPENING_S, self._config.stale_seconds)
        while not self._stopping.is_set():
            self._beat()
            try:
                picture = camera.read(min(_SLICE_S, self._config.stale_seconds))
            except NoFrameError:
                if time.monotonic() < deadline_s:
                    continue
                raise
            deadline_s = time.monotonic() + self._config.stale_seconds
            if self._good_since_s is None:
                self._came(camera, picture)
            self._status.captured_total += 1
            self._status.last_captured_s = picture.captured_s
            if (take := self._wishes.next_picture) is not None:
                self._wishes.next_picture = None
                take(picture)
            if self._wishes.classified and limit.due(picture.captured_s):
                self._put(picture, live=camera.live)

    def _put(self, picture: Picture, *, live: bool) -> None:
        frame = Frame(self._name, picture.captured_s, picture.model_input(*self._model_size()), picture)
        if live:
            self._mailbox.put(frame)
            return
        while not self._mailbox.put_when_free(frame, _PUT_SLICE_S):
            self._beat()
            if self._stopping.is_set():
                return

    def _came(self, camera: Camera, picture: Picture) -> None:
        """Note the first frame after the start or a failure."""
        self._good_since_s = picture.captured_s
        again = self._status.captured_total > 0 and bool(self._status.error)
        self._status.restarts_total += again
        self._status.description = camera.description
        self._status.error = ""
        self._told.clear()
        log.info("camera %s: %s (%s)", self._name, "frames come again" if again else "open", camera.description)

    def _failed(self, error: str) -> None:
        """Tell of each error once, and pause: longer each time, unless it was good for long."""
        if self._stopping.is_set():
            return  # what was ended in the middle fails
        now_s = time.monotonic()
        if self._good_since_s is not None and now_s - self._good_since_s >= _STABLE_S:
            self._pause_s = _FIRST_PAUSE_S
        self._good_since_s = None
        self._status.error = error
        if error not in self._told:
            self._told.add(error)
            log.warning("%s (trying again)", error)
        self._stopping.wait(self._pause_s)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
