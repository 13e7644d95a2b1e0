"""Frames through the classifier and the tracker, without broker and cameras."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeclassify.cameras.status import CameraStatus
from edgeclassify.config.sections import EventsConfig, ModelConfig, SnapshotsConfig
from edgeclassify.errors import StuckThreadError
from edgeclassify.events.rules import rules_for
from edgeclassify.events.tracker import Tracker
from edgeclassify.image import StillPicture
from edgeclassify.inference import Classifier, open_classifier
from edgeclassify.lane import Lane
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.pipeline import Pipeline, Swap
from edgeclassify.records import Decision, Frame, Scores, Verdict
from edgeclassify.view import View
from edgeclassify.vocabulary import Vocabulary
from tests.running import AT_ONCE, NOTHING, colour_of, write_model
from tests.waiting import wait_until


@dataclass
class Told:
    """What a pipeline told others."""

    decisions: list[tuple[Decision, bytes | None]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    online: list[tuple[str, bool]] = field(default_factory=list)

    def events(self) -> list[tuple[str, str, str]]:
        return [
            (event.camera, event.event_type, event.reason)
            for decision, _ in self.decisions
            for event in decision.events
        ]


@pytest.fixture
def classifier(tmp_path: Path) -> Iterator[Classifier]:
    write_model(tmp_path)
    config = ModelConfig(name="colours.tflite", scores="probabilities")
    with open_classifier(config, tmp_path) as opened:
        yield opened


def lane(camera: str, told: Told, stale_seconds: float = 10) -> Lane:
    vocabulary = Vocabulary(("red", "green", "blue"))
    config = EventsConfig(**AT_ONCE)
    tracker = Tracker(camera, vocabulary, rules_for(config, [config.thresholds], vocabulary))

    def tell_online(*, online: bool) -> None:
        told.online.append((camera, online))

    return Lane(camera, tracker, CameraStatus(), stale_seconds, tell_online)


def frame(camera: str, colour: tuple[int, int, int]) -> Frame:
    pixels = np.full((1, 1, 3), colour, np.uint8)
    now_s = time.monotonic()
    return Frame(camera, now_s, pixels, StillPicture(Image.fromarray(pixels), View(), now_s, ""))


@contextmanager
def running(
    classifier: Classifier, told: Told, *lanes: Lane, enabled: bool = True
) -> Iterator[Callable[[str, tuple[int, int, int]], None]]:
    """Run a pipeline; what is yielded shows a camera a colour and waits until it was classified."""
    mailbox, stopping = FrameMailbox(), threading.Event()
    by_camera = {one.camera: one for one in lanes}
    pipeline = Pipeline(
        mailbox, classifier, by_camera, SnapshotsConfig(enabled=enabled),
        lambda decision, snapshot: told.decisions.append((decision, snapshot)),
        lambda verdict, _: told.verdicts.append(verdict), told.scores.append,
    )  # fmt: skip
    thread = threading.Thread(target=pipeline.run, args=[stopping])
    thread.start()

    def show(camera: str, colour: tuple[int, int, int]) -> None:
        shown = frame(camera, colour)
        before = by_camera[camera].classified_total
        by_camera[camera].status.last_captured_s = shown.captured_s
        mailbox.put(shown)
        wait_until(lambda: by_camera[camera].classified_total == before + 1)

    try:
        yield show
    finally:
        stopping.set()
        thread.join(5)
    assert not thread.is_alive()


def test_every_frame_is_decided_noted_and_explained(classifier: Classifier) -> None:
    told = Told()
    with running(classifier, told, lane("porch", told)) as show:
        for colour in (colour_of(0), NOTHING, colour_of(1)):
            show("porch", colour)
    assert [(kind, camera) for camera, kind, _ in told.events()] == [
        ("appeared", "porch"), ("gone", "porch"), ("appeared", "porch"), ("gone", "porch"),
    ]  # fmt: skip
    assert [verdict.outcome for verdict in told.verdicts] == ["answered", "below_threshold", "answered"]
    assert len(told.scores) == 3
    assert told.online == [("porch", True), ("porch", False)]


def test_only_what_appeared_has_a_snapshot(classifier: Classifier) -> None:
    told = Told()
    with running(classifier, told, lane("porch", told)) as show:
        for colour in (colour_of(0), colour_of(0), NOTHING):
            show("porch", colour)
    pictures = [snapshot for _, snapshot in told.decisions]
    assert pictures[0] is not None
    assert pictures[0].startswith(b"\xff\xd8")
    assert pictures[1:] == [None] * (len(pictures) - 1)


def test_no_picture_is_encoded_for_nobody(classifier: Classifier) -> None:
    told = Told()
    with running(classifier, told, lane("porch", told), enabled=False) as show:
        show("porch", colour_of(0))
    assert [snapshot for _, snapshot in told.decisions] == [None, None]


def test_an_event_is_worth_more_than_its_picture(classifier: Classifier, caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    shown = frame("porch", colour_of(0))
    closed = Image.new("RGB", (8, 8))
    closed.close()
    damaged = StillPicture(closed, View(), shown.captured_s, "")
    porch = lane("porch", told)
    mailbox, stopping = FrameMailbox(), threading.Event()
    pipeline = Pipeline(
        mailbox, classifier, {"porch": porch}, SnapshotsConfig(),
        lambda decision, snapshot: told.decisions.append((decision, snapshot)),
        lambda *_: stopping.set(), lambda _: None,
    )  # fmt: skip
    mailbox.put(Frame("porch", shown.captured_s, shown.input, damaged))
    with caplog.at_level(logging.WARNING):
        pipeline.run(stopping)
    assert told.events()[0][:2] == ("porch", "appeared")
    assert told.decisions[0][1] is None
    assert "camera porch: no snapshot: " in caplog.text


def test_what_is_present_when_it_stops_is_ended(classifier: Classifier) -> None:
    told = Told()
    with running(classifier, told, lane("porch", told), lane("yard", told)) as show:
        show("porch", colour_of(0))
        show("yard", colour_of(1))
    assert told.events()[2:] == [("porch", "gone", "stopped"), ("yard", "gone", "stopped")]


def test_a_camera_without_fresh_frames_goes_offline_and_ends_what_was_there(classifier: Classifier) -> None:
    told = Told()
    with running(classifier, told, lane("porch", told, stale_seconds=0.3), lane("yard", told)) as show:
        show("porch", colour_of(0))
        show("yard", colour_of(0))
        wait_until(lambda: ("porch", False) in told.online)
        wait_until(lambda: ("porch", "gone", "camera offline") in told.events())
        show("porch", colour_of(0))
    assert told.online[:4] == [("porch", True), ("yard", True), ("porch", False), ("porch", True)]
    assert sorted(told.online[4:]) == [("porch", False), ("yard", False)]  # at the end
    assert [kind for camera, kind, _ in told.events() if camera == "porch"] == ["appeared", "gone", "appeared", "gone"]
    assert [reason for camera, kind, reason in told.events() if camera == "yard" and kind == "gone"] == ["stopped"]


def test_a_camera_that_is_only_captured_is_online_too(classifier: Classifier) -> None:
    told = Told()
    disabled = lane("porch", told)
    with running(classifier, told, disabled):
        assert told.online == []
        disabled.status.last_captured_s = time.monotonic()
        wait_until(lambda: told.online == [("porch", True)])


@contextmanager
def swapping(classifier: Classifier, told: Told, *lanes: Lane) -> Iterator[tuple[Pipeline, FrameMailbox]]:
    """A pipeline that others can swap under; it runs."""
    mailbox, stopping = FrameMailbox(), threading.Event()
    pipeline = Pipeline(
        mailbox, classifier, {lane.camera: lane for lane in lanes}, SnapshotsConfig(enabled=False),
        lambda decision, snapshot: told.decisions.append((decision, snapshot)), lambda *_: None, told.scores.append,
    )  # fmt: skip
    thread = threading.Thread(target=pipeline.run, args=[stopping])
    thread.start()
    try:
        yield pipeline, mailbox
    finally:
        stopping.set()
        thread.join(5)
    assert not thread.is_alive()


class Busy:
    """A classifier that takes as long as it is told."""

    accelerator, xnnpack, threads, failovers_total = "cpu", False, 1, 0

    def __init__(self, inner: Classifier) -> None:
        self.model = inner.model
        self._inner = inner
        self.begun, self.go_on = threading.Event(), threading.Event()

    def classify(self, frame: Frame) -> Scores:
        self.begun.set()
        assert self.go_on.wait(20)
        return self._inner.classify(frame)


def test_a_swap_switches_cameras_off_and_takes_others_out_at_once(classifier: Classifier) -> None:
    told = Told()
    porch, yard = lane("porch", told), lane("yard", told)
    with swapping(classifier, told, porch, yard) as (pipeline, mailbox):
        for camera in ("porch", "yard"):
            mailbox.put(frame(camera, colour_of(0)))
        wait_until(lambda: len(told.events()) == 2)
        pipeline.swap(Swap(classifier, {}, {}, {}, {"porch": False}))
        assert sorted(told.events()[2:]) == [("porch", "gone", "disabled"), ("yard", "gone", "camera removed")]
        assert not porch.wishes.classified
        pipeline.swap(Swap(classifier, {}, {}, {}, {"porch": False}))
        assert len(told.events()) == 4, "it is off already"


def test_a_swap_that_is_not_taken_in_time_is_said_and_never_happens(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeclassify.jobs._PATIENCE_S", 0.2)
    told = Told()
    porch, busy = lane("porch", told), Busy(classifier)
    other = Swap(classifier, {"porch": lane("porch", told).tracker}, {}, {}, {"porch": True})
    with swapping(busy, told, porch) as (pipeline, mailbox):
        mailbox.put(frame("porch", colour_of(0)))
        assert busy.begun.wait(10)
        with pytest.raises(StuckThreadError, match=r"has not answered within 0\.2 s"):
            pipeline.swap(other)
        tracker = porch.tracker
        busy.go_on.set()
        mailbox.put(frame("porch", colour_of(0)))
        wait_until(lambda: porch.classified_total == 2)
        assert (pipeline.classifier, porch.tracker) == (busy, tracker)
        assert [kind for _, kind, _ in told.events()] == ["appeared"]
        monkeypatch.undo()
        pipeline.swap(other)
        assert pipeline.classifier is classifier
        assert told.events()[-1][1:] == ("gone", "reconfigured")


def test_a_frame_made_for_the_model_before_is_counted_as_dropped(classifier: Classifier) -> None:
    told = Told()
    porch = lane("porch", told)
    with swapping(classifier, told, porch) as (_, mailbox):
        shown = frame("porch", colour_of(0))
        mailbox.put(Frame("porch", shown.captured_s, np.zeros((2, 2, 3), np.uint8), shown.picture))
        wait_until(lambda: mailbox.dropped_total("porch") == 1)
    assert (porch.classified_total, told.scores) == (0, [])
