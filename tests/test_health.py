"""What the daemon tells of itself, from what it counted."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from edgeclassify.cameras.status import CameraStatus
from edgeclassify.config.sections import EventsConfig, ModelConfig
from edgeclassify.device import Care
from edgeclassify.events.rules import rules_for
from edgeclassify.events.tracker import Tracker
from edgeclassify.health import Health, InferenceTimes
from edgeclassify.inference import open_classifier
from edgeclassify.lane import Lane
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.records import Scores
from edgeclassify.vocabulary import Vocabulary
from tests.running import COLOURS, write_model


def scores(inference_ms: float = 1.0, *values: float) -> Scores:
    return Scores("porch", time.monotonic(), np.array(values or (0, 0, 0), np.float32), "m", "cpu", inference_ms)


def test_quantiles_of_no_one_and_many_inferences() -> None:
    times = InferenceTimes()
    assert times.quantiles_ms() is None
    times.note(scores(7.5))
    assert times.quantiles_ms() == (7.5, 7.5)
    for milliseconds in range(100):
        times.note(scores(float(milliseconds)))
    quantiles = times.quantiles_ms()
    assert quantiles is not None
    assert quantiles[0] == pytest.approx(49, abs=1)
    assert quantiles[1] == pytest.approx(94, abs=1)


def test_only_the_last_inferences_count() -> None:
    times = InferenceTimes()
    for milliseconds in [1000.0] * 500 + [1.0] * 1000:
        times.note(scores(milliseconds))
    assert times.quantiles_ms() == (1.0, 1.0)


def test_rates_are_of_the_time_since_the_report_before(tmp_path: Path) -> None:
    write_model(tmp_path)
    vocabulary = Vocabulary(COLOURS)
    tracker = Tracker("porch", vocabulary, rules_for(EventsConfig(), [{"*": 0.6}], vocabulary))
    lane = Lane("porch", tracker, CameraStatus(), 10, lambda **_: None)
    with open_classifier(ModelConfig(name="colours.tflite"), tmp_path) as classifier:
        health = Health({"porch": lane}, lambda: classifier, InferenceTimes(), FrameMailbox(), Care())
        first = health.report({"waiting": 0})
        camera = first["cameras"]["porch"]
        assert (camera["status"], camera["frame_age_seconds"], camera["frames_per_second"]) == ("offline", None, 0)
        assert (first["inference"]["median_ms"], first["inference"]["p95_ms"]) == (None, None)
        assert first["inference"]["accelerator"] == "cpu"
        assert first["inference"]["threads"] >= 1
        assert first["outbox"] == {"waiting": 0}

        began_s = time.monotonic()
        lane.status.captured_total, lane.classified_total = 300, 100
        lane.status.last_captured_s, lane.status.restarts_total = time.monotonic(), 2
        lane.update_online(time.monotonic())
        tracker.update(scores(1.0, 0.1, 0.2, 0.3))
        time.sleep(0.05)  # a rate needs a time to be over
        second = health.report({})["cameras"]["porch"]
        took_s = time.monotonic() - began_s
    assert second["status"] == "online"
    assert second["captured_total"] == 300
    assert second["restarts_total"] == 2
    assert second["suppressed"] == {"below_threshold": 1, "ambiguous": 0, "cooldown": 0, "ignored": 0}
    assert 300 / (took_s + 0.5) < second["frames_per_second"] <= 300 / 0.05
    assert second["classified_per_second"] == pytest.approx(second["frames_per_second"] / 3, rel=0.01)
    assert 0 <= second["frame_age_seconds"] < 5
