"""Verdicts on single frames, published only while somebody watches."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.arrivals import Incoming
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.mqtt.topics import Topics
from edgeclassify.records import Frame, Verdict

log = logging.getLogger(__name__)

_TOLD_A_SECOND = 4.0
_INTERVAL_S = 1 / _TOLD_A_SECOND


@dataclass(slots=True)
class _Allowance:
    """How often one camera may still be told of: what is not used adds up to a second's worth."""

    left: float = _TOLD_A_SECOND
    picture: str = ""
    told_s: float = 0.0
    counted_s: float = 0.0

    def take(self, picture: str, now_s: float) -> bool:
        """Use it, if it is time to tell; the last piece is kept for another picture, which is told at once."""
        self.left = min(_TOLD_A_SECOND, self.left + (now_s - self.counted_s) * _TOLD_A_SECOND)
        self.counted_s = now_s
        another = picture != self.picture
        if self.left < (1 if another else 2) or not (another or now_s - self.told_s >= _INTERVAL_S):
            return False
        self.left -= 1
        self.picture, self.told_s = picture, now_s
        return True


class Watchers:
    """A watcher asks on `why/set` for some seconds of verdicts, and asks again for more."""

    def __init__(self, publisher: Publisher, topics: Topics) -> None:
        self._publisher = publisher
        self._topics = topics
        self._until_s = 0.0
        self._allowances: dict[str, _Allowance] = {}
        publisher.subscribe(topics.why_set, self._ask)

    def wanted(self) -> bool:
        """Tell whether anybody wants to know, over MQTT or in the log."""
        return time.monotonic() <= self._until_s or log.isEnabledFor(logging.DEBUG)

    def tell(self, verdict: Verdict, frame: Frame) -> None:
        """Publish the verdict if somebody watches: 4 a second at most, of another picture at once."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("camera %s: %s%s", frame.camera, frame.picture.name and f"{frame.picture.name}: ", verdict.why)
        now_s, picture = time.monotonic(), frame.picture.name
        if now_s <= self._until_s and self._allowances.setdefault(frame.camera, _Allowance()).take(picture, now_s):
            self._publisher.send(messages.why(self._topics, verdict, picture))

    def _ask(self, incoming: Incoming) -> None:
        seconds = messages.lease_seconds(incoming.payload)
        if seconds is not None and not incoming.retained:
            self._until_s = max(self._until_s, time.monotonic() + seconds)
