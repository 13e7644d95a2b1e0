"""The map of the program: frame -> scores -> decision -> messages.

Capture threads put frames into the mailbox; this loop, in the one thread that owns the classifier and the
trackers, takes them out and hands what was decided to the publisher, which never makes it wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from edgeclassify.config.sections import SnapshotsConfig
from edgeclassify.events.rules import Rules
from edgeclassify.events.tracker import Tracker
from edgeclassify.heartbeats import Beat, no_beat
from edgeclassify.inference import Classifier
from edgeclassify.jobs import Jobs
from edgeclassify.lane import Lane
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.records import Decision, Frame, Scores, Verdict
from edgeclassify.snapshots import snapshot_of

_POLL_S = 0.25

Accept = Callable[[Decision, bytes | None], None]
"""Takes a decision and the JPEG of the frame on which something appeared."""


@dataclass(frozen=True)
class Swap:
    """Other parts to go on with, all at once."""

    classifier: Classifier
    """What runs from now on."""

    trackers: Mapping[str, Tracker]
    """Those that decide from now on, by camera; what is present there ends."""

    rules: Mapping[str, Rules]
    """Those of the other cameras, where what is present stays."""

    added: Mapping[str, Lane]
    """More cameras."""

    enabled: Mapping[str, bool]
    """Whether each camera is classified; those that are not here are no more."""


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
        self._jobs = Jobs("the thread that classifies")

    def input_size(self) -> tuple[int, int]:
        """Return width and height of the model's input, pixels."""
        return self.classifier.model.input_size

    # The next three are called by another thread than the one that runs, and return when it is done. They raise
    # StuckThreadError when that thread did not get to it in time: then it is not done at all.

    def swap(self, swap: Swap) -> None:
        """Go on with other parts."""
        self._jobs.ask(partial(self._swap, swap))

    def retune(self, rules: Mapping[str, Rules]) -> None:
        """Go on with other rules, by camera; what is present stays."""
        self._jobs.ask(partial(self._retune, rules))

    def set_enabled(self, camera: str, *, enabled: bool) -> None:
        """Classify a camera, or leave its frames out: then what is present ends."""
        self._jobs.ask(partial(self._set_enabled, self._lanes[camera], enabled))

    def end(self, camera: str, reason: str) -> None:
        """End what is present before the next frame; returns at once."""
        self._jobs.leave(lambda: self._end(self._lanes[camera], reason))

    def run(self, stopping: threading.Event, beat: Beat = no_beat) -> None:
        """Classify until `stopping` is set, then end what is still present."""
        checked_s = 0.0
        while not stopping.is_set():
            beat()
            frame = self._mailbox.take(_POLL_S)
            self._jobs.carry_out()
            if frame is not None:
                self._classify(frame)
            now_s = time.monotonic()
            if now_s - checked_s >= _POLL_S:
                checked_s = now_s
                self._find_offline(now_s)
        for lane in self._lanes.values():
            self._end(lane, "stopped")
            lane.tell_online(online=False)

    def _swap(self, swap: Swap) -> None:
        for camera in [camera for camera in self._lanes if camera not in swap.enabled]:
            lane = self._lanes.pop(camera)
            self._end(lane, "camera removed")
            lane.tell_online(online=False)
        for camera, tracker in swap.trackers.items():
            lane = self._lanes[camera]
            self._end(lane, "reconfigured")
            tracker.counts.update(lane.tracker.counts)
            lane.tracker = tracker
        self._retune(swap.rules)
        self._lanes.update(swap.added)
        for camera, wanted in swap.enabled.items():
            self._set_enabled(self._lanes[camera], wanted)
        self.classifier = swap.classifier

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
