"""Verdicts on single frames, published only while somebody watches."""

from __future__ import annotations

import logging
import time

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.arrivals import Incoming
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.mqtt.topics import Topics
from edgeclassify.records import Frame, Verdict

log = logging.getLogger(__name__)

_INTERVAL_S = 0.25


class Watchers:
    """A watcher asks on `why/set` for some seconds of verdicts, and asks again for more."""

    def __init__(self, publisher: Publisher, topics: Topics) -> None:
        self._publisher = publisher
        self._topics = topics
        self._until_s = 0.0
        self._told: dict[str, tuple[float, str]] = {}  # when, and of which picture
        publisher.subscribe(topics.why_set, self._ask)

    def wanted(self) -> bool:
        """Tell whether anybody wants to know, over MQTT or in the log."""
        return time.monotonic() <= self._until_s or log.isEnabledFor(logging.DEBUG)

    def tell(self, verdict: Verdict, frame: Frame) -> None:
        """Publish the verdict if somebody watches: a few times a second, and at once of another picture."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("camera %s: %s%s", frame.camera, frame.picture.name and f"{frame.picture.name}: ", verdict.why)
        now_s, picture = time.monotonic(), frame.picture.name
        told_s, told_picture = self._told.get(frame.camera, (0.0, ""))
        if now_s > self._until_s or (picture == told_picture and now_s - told_s < _INTERVAL_S):
            return
        self._told[frame.camera] = now_s, picture
        self._publisher.send(messages.why(self._topics, verdict, frame.picture.name))

    def _ask(self, incoming: Incoming) -> None:
        seconds = messages.lease_seconds(incoming.payload)
        if seconds is not None and not incoming.retained:
            self._until_s = max(self._until_s, time.monotonic() + seconds)
