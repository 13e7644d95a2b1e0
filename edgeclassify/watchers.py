"""Verdicts on single frames, published only while somebody watches."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.arrivals import Incoming
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.mqtt.topics import Topics
from edgeclassify.records import Frame, Verdict

log = logging.getLogger(__name__)

_TOLD_A_SECOND = 4  # at most, of each camera
_INTERVAL_S = 1 / _TOLD_A_SECOND


@dataclass(slots=True)
class _Told:
    """What was told of one camera last."""

    picture: str = ""
    at_s: deque[float] = field(default_factory=lambda: deque([-1.0] * _TOLD_A_SECOND, _TOLD_A_SECOND))

    def is_enough(self, picture: str, now_s: float) -> bool:
        return now_s - self.at_s[0] < 1 or (picture == self.picture and now_s - self.at_s[-1] < _INTERVAL_S)


class Watchers:
    """A watcher asks on `why/set` for some seconds of verdicts, and asks again for more."""

    def __init__(self, publisher: Publisher, topics: Topics) -> None:
        self._publisher = publisher
        self._topics = topics
        self._until_s = 0.0
        self._told: dict[str, _Told] = {}
        publisher.subscribe(topics.why_set, self._ask)

    def wanted(self) -> bool:
        """Tell whether anybody wants to know, over MQTT or in the log."""
        return time.monotonic() <= self._until_s or log.isEnabledFor(logging.DEBUG)

    def tell(self, verdict: Verdict, frame: Frame) -> None:
        """Publish the verdict if somebody watches: at most 4 a second, and soon of another picture."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("camera %s: %s%s", frame.camera, frame.picture.name and f"{frame.picture.name}: ", verdict.why)
        now_s, picture = time.monotonic(), frame.picture.name
        told = self._told.setdefault(frame.camera, _Told())
        if now_s > self._until_s or told.is_enough(picture, now_s):
            return
        told.picture = picture
        told.at_s.append(now_s)
        self._publisher.send(messages.why(self._topics, verdict, picture))

    def _ask(self, incoming: Incoming) -> None:
        seconds = messages.lease_seconds(incoming.payload)
        if seconds is not None and not incoming.retained:
            self._until_s = max(self._until_s, time.monotonic() + seconds)
