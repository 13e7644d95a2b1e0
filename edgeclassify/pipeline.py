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
from functools import partial
from typing import Protocol

from edgeclassify.cameras.status import CameraStatus, CameraWishes
from edgeclassify.config.sections import SnapshotsConfig
from edgeclassify.errors import StuckThreadError
from edgeclassify.events.rules import Rules
from edgeclassify.events.tracker import Tracker
from edgeclassify.heartbeats import Beat, no_beat
from edgeclassify.inference import Classifier
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.records import Decision, Frame, Scores, State, Verdict
from edgeclassify.snapshots import snapshot_of

log = logging.getLogger(__name__)

_POLL_S = 0.25
_REQUEST_S = 10.0

Accept = Callable[[Decision, bytes | None], None]
"""Takes a decision and the JPEG of the frame on which something appeared."""


class TellOnline(Protocol):
    """Tells whether a camera gives fresh frames."""

    def __call__(self, *, online: bool) -> None:
        """Tell it."""
        ...


class _Request:
    """Something that only the classify thread may do: it is done once, or given up and never done."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._claim = threading.Lock()
        self._done = threading.Event()

    def carry_out(self) -> None:
        if self._claim.acquire(blocking=False):
            self._work()
            self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is done; False when the thread did not even begin in time: then it never will."""
        if self._done.wait(timeout_s) or not self._claim.acquire(blocking=False):
            return self._done.wait(timeout_s)
        return False


@dataclass(eq=False)
class Lane:
    """One camera on its way through the pipeline."""

    camera: str
    tracker: Tracker
    status: CameraStatus
    stale_seconds: float
    tell_online: TellOnline
    wishes: CameraWishes = field(default_factory=CameraWishes)
    classified_total: int = 0
    online: bool = field(default=False, init=False)
    state: State | None = field(default=None, init=False)
    """What is in front of it now."""

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
        lanes: dict[str, Lane],
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
        self.snapshots = snapshots
        """May be replaced at any time."""
        self._accept = accept
        self._explain = explain
        self._explaining = explaining  # words for nobody are not made
        self._note = note
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()

    def input_size(self) -> tuple[int, int]:
        """Return width and height of the model's input, pixels."""
        return self.classifier.model.input_size

    # The next three are called by another thread than the one that runs, and return when it is done. They raise
    # StuckThreadError when that thread did not get to it in time: then it is not done at all.

    def change(
        self,
        classifier: Classifier,
        trackers: Mapping[str, Tracker],
        rules: Mapping[str, Rules],
        added: Mapping[str, Lane],
        enabled: Mapping[str, bool],
    ) -> None:
        """Go on with other parts, all at once.

        Args:
            classifier: what runs from now on.
            trackers: those that decide from now on, by camera; what is present there ends.
            rules: those of the other cameras, where what is present stays.
            added: more cameras.
            enabled: whether each camera is classified; those that are not here are no more.
        """
        self._ask(partial(self._change, classifier, trackers, rules, added, enabled))

    def retune(self, rules: Mapping[str, Rules]) -> None:
        """Go on with other rules, by camera; what is present stays."""
        self._ask(partial(self._retune, rules))

    def set_enabled(self, camera: str, *, enabled: bool) -> None:
        """Classify a camera, or leave its frames out: then what is present ends."""
        self._ask(partial(self._set_enabled, self._lanes[camera], enabled))

    def end(self, camera: str, reason: str) -> None:
        """End what is present before the next frame; returns at once."""
        self._requests.put(_Request(lambda: self._end(self._lanes[camera], reason)))

    def run(self, stopping: threading.Event, beat: Beat = no_beat) -> None:
        """Classify until `stopping` is set, then end what is still present."""
        checked_s = 0.0
        while not stopping.is_set():
            beat()
            frame = self._mailbox.take(_POLL_S)
            while not self._requests.empty():
                self._requests.get().carry_out()
            if frame is not None:
                self._classify(frame)
            now_s = time.monotonic()
            if now_s - checked_s >= _POLL_S:
                checked_s = now_s
                self._find_offline(now_s)
        for lane in self._lanes.values():
            self._end(lane, "stopped")
            lane.tell_online(online=False)

    def _ask(self, work: Callable[[], object]) -> None:
        request = _Request(work)
        self._requests.put(request)
        if not request.wait(_REQUEST_S):
            raise StuckThreadError(
                f"the thread that classifies has not answered within {_REQUEST_S:g} s: it hangs, or this machine is "
                "too busy; nothing is changed"
            )

    def _change(
        self,
        classifier: Classifier,
        trackers: Mapping[str, Tracker],
        rules: Mapping[str, Rules],
        added: Mapping[str, Lane],
        enabled: Mapping[str, bool],
    ) -> None:
        for camera in [camera for camera in self._lanes if camera not in enabled]:
            lane = self._lanes.pop(camera)
            self._end(lane, "camera removed")
            lane.tell_online(online=False)
        for camera, tracker in trackers.items():
            lane = self._lanes[camera]
            self._end(lane, "reconfigured")
            tracker.counts.update(lane.tracker.counts)
            lane.tracker = tracker
        self._retune(rules)
        self._lanes.update(added)
        for camera, wanted in enabled.items():
            self._set_enabled(self._lanes[camera], wanted)
        self.classifier = classifier

    def _retune(self, rules: Mapping[str, Rules]) -> None:
        for camera, own in rules.items():
            self._lanes[camera].tracker.retune(own)

    def _set_enabled(self, lane: Lane, enabled: bool) -> None:
        was, lane.wishes.classified = lane.wishes.classified, enabled
        if was and not enabled:
            self._end(lane, "disabled")

    def _classify(self, frame: Frame) -> None:
        lane = self._lanes.get(frame.camera)
        if lane is None:
            return  # the camera was removed meanwhile
        if not lane.online:
            lane.update_online(time.monotonic())
        if not lane.wishes.classified:
            return
        if frame.input.shape[1::-1] != self.input_size():
            self._mailbox.discard(frame)  # made for the model before
            return
        scores = self.classifier.classify(frame)
        decision = lane.tracker.update(scores, explain=self._explaining())
        lane.classified_total += 1
        self._note(scores)
        wants_picture = self.snapshots.enabled and any(event.event_type == "appeared" for event in decision.events)
        jpeg = snapshot_of(frame.picture, frame.camera, self.snapshots) if wants_picture else None
        self._tell(lane, decision, jpeg)
        if decision.verdict:
            self._explain(decision.verdict, frame)

    def _find_offline(self, now_s: float) -> None:
        for lane in self._lanes.values():
            if lane.update_online(now_s):
                self._end(lane, "camera offline")

    def _end(self, lane: Lane, reason: str) -> None:
        self._tell(lane, lane.tracker.end(reason, time.monotonic()), None)

    def _tell(self, lane: Lane, decision: Decision, jpeg: bytes | None) -> None:
        lane.state = decision.state or lane.state
        self._accept(decision, jpeg)
