"""The map of the program: frame -> scores -> decision -> messages.

Capture threads put frames into the mailbox; this loop, in the one thread that owns the classifier and the
trackers, takes them out and hands what was decided to the publisher, which never makes it wait.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edgeclassify.cameras.status import CameraStatus
from edgeclassify.config.sections import SnapshotsConfig
from edgeclassify.events.tracker import Tracker
from edgeclassify.inference import Classifier
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.records import Decision, Frame, Scores, Verdict

log = logging.getLogger(__name__)

_POLL_S = 0.25
_SWAP_S = 10.0

Accept = Callable[[Decision, bytes | None], None]
"""Takes a decision and the JPEG of the frame on which something appeared."""


class TellOnline(Protocol):
    """Tells whether a camera gives fresh frames."""

    def __call__(self, *, online: bool) -> None:
        """Tell it."""
        ...


@dataclass(frozen=True, eq=False)
class _Swap:
    """What the classify thread is to go on with."""

    classifier: Classifier
    trackers: Mapping[str, Tracker]
    reason: str
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False)
class Lane:
    """One camera on its way through the pipeline."""

    camera: str
    tracker: Tracker
    status: CameraStatus
    stale_seconds: float
    tell_online: TellOnline
    classified_total: int = 0
    online: bool = field(default=False, init=False)

    def update_online(self, now_s: float) -> bool:
        """Compare with when the last frame came; return whether the camera just went offline."""
        captured_s = self.status.last_captured_s
        online = captured_s is not None and now_s - captured_s < self.stale_seconds
        if online == self.online:
            return False
        self.online = online
        log.log(
            logging.INFO if online else logging.WARNING, "camera %s: %s", self.camera, "online" if online else "offline"
        )
        self.tell_online(online=online)
        return not online


class Pipeline:
    """Runs frames through the classifier and the tracker of their camera."""

    def __init__(
        self,
        mailbox: FrameMailbox,
        classifier: Classifier,
        lanes: Mapping[str, Lane],
        snapshots: SnapshotsConfig,
        accept: Accept,
        explain: Callable[[Verdict, Frame], None],
        note: Callable[[Scores], None],
        explaining: Callable[[], bool] = lambda: True,
    ) -> None:
        self.classifier = classifier
        """What runs now; changed by the classify thread alone."""
        self._mailbox = mailbox
        self._lanes = lanes
        self._snapshots = snapshots
        self._accept = accept
        self._explain = explain
        self._explaining = explaining  # words for nobody are not made
        self._note = note
        self._swaps: queue.SimpleQueue[_Swap] = queue.SimpleQueue()

    def input_size(self) -> tuple[int, int]:
        """Return width and height of the model's input, pixels."""
        return self.classifier.model.input_size

    def swap(self, classifier: Classifier, trackers: Mapping[str, Tracker], reason: str) -> None:
        """Go on with another classifier and other trackers; what is present ends for `reason`.

        Called by another thread than the one that runs; returns when nothing uses the old ones any more.
        """
        swap = _Swap(classifier, trackers, reason)
        self._swaps.put(swap)
        swap.done.wait(_SWAP_S)

    def run(self, stopping: threading.Event) -> None:
        """Classify until `stopping` is set, then end what is still present."""
        checked_s = 0.0
        while not stopping.is_set():
            frame = self._mailbox.take(_POLL_S)
            while not self._swaps.empty():
                self._carry_out(self._swaps.get())
            if frame is not None:
                self._classify(frame)
            now_s = time.monotonic()
            if now_s - checked_s >= _POLL_S:
                checked_s = now_s
                self._find_offline(now_s)
        for lane in self._lanes.values():
            self._accept(lane.tracker.end("stopped", time.monotonic()), None)
            lane.tell_online(online=False)

    def _carry_out(self, swap: _Swap) -> None:
        for camera, lane in self._lanes.items():
            self._accept(lane.tracker.end(swap.reason, time.monotonic()), None)
            tracker = swap.trackers[camera]
            tracker.counts.update(lane.tracker.counts)
            lane.tracker = tracker
        self.classifier = swap.classifier
        swap.done.set()

    def _classify(self, frame: Frame) -> None:
        lane = self._lanes[frame.camera]
        if not lane.online:
            lane.update_online(time.monotonic())
        if frame.input.shape[1::-1] != self.input_size():
            return  # made for the model before
        scores = self.classifier.classify(frame)
        decision = lane.tracker.update(scores, explain=self._explaining())
        lane.classified_total += 1
        self._note(scores)
        self._accept(decision, self._snapshot(decision, frame))
        if decision.verdict:
            self._explain(decision.verdict, frame)

    def _snapshot(self, decision: Decision, frame: Frame) -> bytes | None:
        """Encode the frame when something appeared on it."""
        if not self._snapshots.enabled or all(event.event_type != "appeared" for event in decision.events):
            return None
        try:
            return frame.picture.jpeg(self._snapshots.width, self._snapshots.quality)
        except (OSError, ValueError, MemoryError) as error:
            # An event is worth more than its picture.
            log.warning("camera %s: no snapshot: %s", frame.camera, error)
            return None

    def _find_offline(self, now_s: float) -> None:
        for lane in self._lanes.values():
            if lane.update_online(now_s):
                self._accept(lane.tracker.end("camera offline", now_s), None)
