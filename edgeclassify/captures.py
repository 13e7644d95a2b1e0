"""The capture threads: one for each camera that runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from edgeclassify.cameras.capture import CAPTURE_LIMIT_S, capture
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import StuckThreadError
from edgeclassify.heartbeats import Heartbeats
from edgeclassify.lane import Lane
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.processes import kill_children
from edgeclassify.threads import StopReason, StopReasons, Worker

_PATIENCE_S = 2.0  # then what it waits for in a child process is ended: opening a Pi camera takes up to 50 s


class Captures:
    """From entering to leaving; used by the main thread.

    Args:
        mailbox: where frames go.
        model_size: returns width and height of the model's input.
        heartbeats: where each thread notes that it goes on.
        stop_reasons: where it is told that a thread died, or does not end.
    """

    def __init__(
        self,
        mailbox: FrameMailbox,
        model_size: Callable[[], tuple[int, int]],
        heartbeats: Heartbeats,
        stop_reasons: StopReasons,
    ) -> None:
        self._mailbox = mailbox
        self._model_size = model_size
        self._heartbeats = heartbeats
        self._stop_reasons = stop_reasons
        self._running: dict[str, tuple[threading.Event, Worker]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stopping, _worker in self._running.values():
            stopping.set()  # all at once: each takes its time
        stuck = [camera for camera in list(self._running) if not self._ended(camera)]
        if stuck:
            raise StuckThreadError(f"cameras {', '.join(stuck)}: their threads still run, told to stop")

    def start(self, lane: Lane, section: CameraConfig, base: Path) -> None:
        """Let a camera give frames."""
        stopping, name = threading.Event(), f"capture-{lane.camera}"
        flow = (self._mailbox, self._model_size, lane.status, lane.wishes)
        body = partial(capture, lane.camera, section, *flow, stopping, base)

        def watched() -> None:
            with self._heartbeats.watched(name, CAPTURE_LIMIT_S) as beat:
                body(beat)

        worker = Worker(name, watched, stopping, self._stop_reasons, stop_timeout_s=_PATIENCE_S, hurry=kill_children)
        self._running[lane.camera] = stopping, worker
        worker.__enter__()

    def stop(self, camera: str) -> None:
        """Let a camera give no more; one whose thread does not end is a reason for the daemon to."""
        if not self._ended(camera):
            reason = f"camera {camera}: its thread still runs, told to stop"
            self._stop_reasons.put(StopReason(reason, StuckThreadError.exit_code))
        self._mailbox.forget(camera)

    def start_anew(self, lane: Lane, section: CameraConfig, base: Path) -> None:
        """Let a camera that was stopped go on with another section of config.yaml."""
        lane.status = replace(lane.status, description="", error="")
        lane.stale_seconds = section.stale_seconds
        self.start(lane, section, base)

    def _ended(self, camera: str) -> bool:
        _stopping, worker = self._running.pop(camera)
        with suppress(StuckThreadError):
            worker.__exit__()
            return True
        return False
