"""The daemon's own capture thread and pipeline on a recording, without a broker, run a while at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgeclassify.cameras.capture import capture
from edgeclassify.cameras.status import CameraStatus
from edgeclassify.config.sections import CameraConfig, EventsConfig, SnapshotsConfig
from edgeclassify.errors import UnavailableError
from edgeclassify.events.rules import rules_for
from edgeclassify.events.tracker import Tracker
from edgeclassify.inference import Classifier
from edgeclassify.lane import Lane
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.pipeline import Pipeline
from edgeclassify.records import Decision
from edgeclassify.threads import StopReasons, Worker
from edgeclassify.vocabulary import Vocabulary

_CAMERA = "benchmark"
_PATIENCE_S = 10.0
_STALE_S = 3600.0  # in the pauses between two slices nothing is offline


@dataclass(frozen=True)
class Slice:
    """One uninterrupted piece of a loop."""

    frames: int
    wall_s: float
    cpu_s: float
    """Of all threads of the process."""

    @property
    def frames_per_second(self) -> float:
        """How many there were."""
        return self.frames / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """Per frame."""
        return 1000 * self.cpu_s / self.frames

    @classmethod
    def sum(cls, slices: Sequence[Slice]) -> Slice:
        """Return all of them as one."""
        return cls(sum(s.frames for s in slices), sum(s.wall_s for s in slices), sum(s.cpu_s for s in slices))


@contextmanager
def running_pipeline(classifier: Classifier, clip: Path) -> Iterator[Callable[[float], Slice]]:
    """Give what runs frames of the clip from the file to the decision for so many seconds, as fast as it can.

    In between the capture thread waits with the next frame, and costs nothing.
    """
    mailbox, status, stopping = FrameMailbox(), CameraStatus(), threading.Event()
    camera = CameraConfig(source=str(clip), frames_per_second=0, stale_seconds=_STALE_S)
    vocabulary, events = Vocabulary(classifier.model.labels), EventsConfig()
    tracker = Tracker(_CAMERA, vocabulary, rules_for(events, [events.thresholds], vocabulary))
    lane = Lane(_CAMERA, tracker, status, _STALE_S, _nobody_is_told)
    size = classifier.model.input_size
    body = partial(capture, _CAMERA, camera, mailbox, lambda: size, status, lane.wishes, stopping, clip.parent)
    with Worker(f"capture-{_CAMERA}", body, stopping, StopReasons()):
        yield partial(_run, mailbox, classifier, lane)


def _run(mailbox: FrameMailbox, classifier: Classifier, lane: Lane, seconds: float) -> Slice:
    ended = threading.Event()
    started_total, started_cpu_s, started_s = lane.classified_total, time.process_time(), time.perf_counter()

    def accept(_decision: Decision, _jpeg: bytes | None) -> None:
        if time.perf_counter() - started_s >= seconds:
            ended.set()

    pipeline = Pipeline(mailbox, classifier, {_CAMERA: lane}, SnapshotsConfig(enabled=False), accept, _ignore, _ignore)
    guard = threading.Timer(seconds + _PATIENCE_S, ended.set)
    guard.start()
    try:
        pipeline.run(ended)
    finally:
        guard.cancel()
    frames = lane.classified_total - started_total
    if not frames:
        raise UnavailableError(f"benchmark: the clip gives no frames: {lane.status.error or 'no reason is known'}")
    return Slice(frames, time.perf_counter() - started_s, time.process_time() - started_cpu_s)


def _nobody_is_told(*, online: bool) -> None:
    del online


def _ignore(*_: object) -> None:
    pass
