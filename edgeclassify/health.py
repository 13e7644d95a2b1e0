"""What the daemon tells of itself: rates, inference times, the outbox, the device."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from edgeclassify.device import Care, read_device, report
from edgeclassify.events.ranking import SUPPRESSED
from edgeclassify.heartbeats import Beat
from edgeclassify.inference import Classifier
from edgeclassify.lane import Lane
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.records import Scores

_RECENT = 1000
_TICK_S = 1.0


class InferenceTimes:
    """How long the last inferences took; noted by one thread, read by another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent_ms: deque[float] = deque(maxlen=_RECENT)

    def note(self, scores: Scores) -> None:
        """Take in one inference."""
        with self._lock:
            self._recent_ms.append(scores.inference_ms)

    def quantiles_ms(self) -> tuple[float, float] | None:
        """Return the median and the 95th percentile; None before the first inference."""
        with self._lock:
            recent = list(self._recent_ms)
        if not recent:
            return None
        if len(recent) == 1:
            return recent[0], recent[0]
        return statistics.median(recent), statistics.quantiles(recent, n=20, method="inclusive")[-1]


class Health:
    """Makes the health message; rates are over the time since the message before."""

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        classifier: Callable[[], Classifier],
        times: InferenceTimes,
        mailbox: FrameMailbox,
        care: Care,
    ) -> None:
        self._lanes = lanes
        self._classifier = classifier
        self._times = times
        self._mailbox = mailbox
        self._care = care
        self._started_s = self._told_s = time.monotonic()
        self._told: dict[str, tuple[int, int]] = {}

    def run(
        self, stopping: threading.Event, beat: Beat, interval_s: Callable[[], float], tell: Callable[[], None]
    ) -> None:
        """Call `tell` at once and every `interval_s()`, which may change, until `stopping` is set."""
        told_s = -math.inf
        while True:
            beat()
            left_s = told_s + interval_s() - time.monotonic()
            if left_s <= 0:
                told_s = time.monotonic()
                tell()
            elif stopping.wait(min(left_s, _TICK_S)):
                return

    def report(self, outbox: Mapping[str, Any]) -> dict[str, Any]:
        """Return the message's fields, all but `time`; what this machine cannot tell is None."""
        device = read_device()
        self._care.note(device)
        now_s = time.monotonic()
        elapsed_s = max(now_s - self._told_s, 1e-3)
        cameras = {name: self._camera(lane, now_s, elapsed_s) for name, lane in dict(self._lanes).items()}
        self._told_s = now_s
        classifier = self._classifier()
        median_ms, p95_ms = self._times.quantiles_ms() or (None, None)
        return {
            "uptime_seconds": round(now_s - self._started_s),
            "cameras": cameras,
            "inference": {
                "accelerator": classifier.accelerator,
                "xnnpack": classifier.xnnpack,
                "threads": classifier.threads,
                "median_ms": _rounded(median_ms, 1),
                "p95_ms": _rounded(p95_ms, 1),
                "failovers_total": classifier.failovers_total,
            },
            "outbox": dict(outbox),
            "device": report(device),
        }

    def _camera(self, lane: Lane, now_s: float, elapsed_s: float) -> dict[str, Any]:
        captured, classified = lane.status.captured_total, lane.classified_total
        captured_told, classified_told = self._told.get(lane.camera, (0, 0))
        self._told[lane.camera] = (captured, classified)
        last_s = lane.status.last_captured_s
        return {
            "status": "online" if lane.online else "offline",
            "accelerator": self._classifier().accelerator,
            "captured_total": captured,
            "classified_total": classified,
            "dropped_total": self._mailbox.dropped_total(lane.camera),
            "frames_per_second": _rounded((captured - captured_told) / elapsed_s, 1),
            "classified_per_second": _rounded((classified - classified_told) / elapsed_s, 1),
            "frame_age_seconds": None if last_s is None else _rounded(max(0.0, now_s - last_s), 2),
            "restarts_total": lane.status.restarts_total,
            "suppressed": {reason: lane.tracker.counts[reason] for reason in SUPPRESSED},
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
