"""A device or network stream: decoded in a thread of its own, of which the newest frame is taken."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack, suppress
from typing import Self

import av

from edgeclassify.cameras.camera import NoFrameError
from edgeclassify.cameras.pacing import Playback
from edgeclassify.cameras.stream import Stream, live_sources, open_stream
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.image import VideoPicture
from edgeclassify.view import View

log = logging.getLogger(__name__)

_OPEN_S = 10.0
_CLOSE_S = 0.3


class LiveCamera:
    """A `cameras.Camera` whose reading never blocks for longer than it says.

    FFmpeg does: a device that went silent blocks for ever, a name that is looked up for half a minute, and what was
    interrupted in the middle of a read cannot go on (an HTTP stream stays broken). Nor may another thread close what
    is being read. So the thread that decodes opens and closes by itself; when it does not end in time it is left
    alone, and ends when FFmpeg's own timeouts are over, or the device is unplugged.
    """

    live = True

    def __init__(self, name: str, config: CameraConfig, source: str) -> None:
        self._sources = live_sources(name, config, source)
        self._where = self._sources[0].where
        self._view = View.of(config)
        self._stale_s = config.stale_seconds
        self._changed = threading.Condition()
        self._newest: tuple[av.VideoFrame, float] | None = None
        self._error: CameraError | None = None
        self._closing = threading.Event()
        # A daemon thread, so that a stuck one cannot keep the process alive.
        self._decoding = threading.Thread(target=self._decode, name=f"decode-{name}", daemon=True)
        self.description = self._sources[0].shown

    def __enter__(self) -> Self:
        """Begin to open it; the first `read` tells whether that went well."""
        self._decoding.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._decoding.join(_CLOSE_S)
        if self._decoding.is_alive():
            log.debug("%s: still busy; left to end by itself", self._where)

    def read(self, timeout_s: float) -> VideoPicture:
        """Return the newest frame that was not returned before.

        Raises:
            NoFrameError: none came in time.
            CameraError: it could not be opened, broke, or ended.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._newest or self._error, timeout_s):
                raise NoFrameError(f"{self._where}: no frame comes; check that it is switched on and reachable")
            if self._newest is None:
                assert self._error is not None
                raise self._error
            (frame, captured_s), self._newest = self._newest, None
        return VideoPicture(frame, self._view, captured_s)

    def _decode(self) -> None:
        try:
            while self._play():
                pass
        except CameraError as error:
            self._fail(error)
        except Exception as error:  # the bindings to native code may raise anything, and nobody else would tell of it
            log.exception("%s: decoding crashed", self._where)
            self._fail(CameraError(f"{self._where}: decoding crashed: {error!r}; report this"))

    def _play(self) -> bool:
        """Decode the stream once; return whether it is a recording that is to be played again."""
        with ExitStack() as stack:
            stream = self._open(stack)
            self.description = stream.description
            # What comes faster than its own time (HLS, a recording) is held back, also by not reading it.
            playback = Playback(self._stale_s / 2) if stream.recorded else None
            frames = 0
            for frame in stream.frames():
                frames += 1
                if playback:
                    now_s = time.monotonic()
                    self._closing.wait(max(0.0, playback.due_s(frame.time, now_s) - now_s))
                if self._closing.is_set():
                    return False
                self._offer(frame)
            if frames and stream.ends:
                return True
        raise CameraError(f"{self._where}: the stream ended; check the camera and the network")

    def _open(self, stack: ExitStack) -> Stream:
        """Open it in the first way that works."""
        *others, last = self._sources
        for source in others:
            with suppress(CameraError):
                return stack.enter_context(open_stream(source, _OPEN_S, self._stale_s))
        return stack.enter_context(open_stream(last, _OPEN_S, self._stale_s))

    def _offer(self, frame: av.VideoFrame) -> None:
        with self._changed:
            self._newest = frame, time.monotonic()
            self._changed.notify()

    def _fail(self, error: CameraError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify()
