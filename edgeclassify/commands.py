"""Commands that arrive over MQTT: taken in by the network thread, carried out by the main thread, each answered."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.arrivals import Incoming
from edgeclassify.mqtt.commands import Command, RefusedError, camera_of, parse, subscriptions
from edgeclassify.mqtt.publisher import Publisher

log = logging.getLogger(__name__)

_MAX_WAITING = 100
_LATE_AFTER_S = 10.0
"""Whoever pressed a button that long ago does not expect anything of it any more."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    incoming: Incoming
    arrived_s: float


class Commands:
    """What is asked of this node's cameras.

    Args:
        publisher: where commands come from and answers go.
        cameras: the ids of the cameras.
        wake: tells the main thread that something waits; called by the network thread.
    """

    def __init__(self, publisher: Publisher, cameras: Collection[str], wake: Callable[[], None]) -> None:
        self._publisher = publisher
        self._cameras = cameras
        self._wake = wake
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._last_refusal = ""
        for topic in subscriptions(publisher.topics):
            publisher.subscribe(topic, self._take_in)

    def carry_out(self, do: Callable[[Command], str], tell: Callable[[str], None]) -> None:
        """Carry out what waits.

        Args:
            do: does one thing and returns what to say of it; raises RefusedError if it cannot.
            tell: tells again how everything of a camera is set: a refused value must not stand on a phone.
        """
        while not self._waiting.empty():
            waiting = self._waiting.get()
            incoming = waiting.incoming
            camera = camera_of(self._publisher.topics, incoming.topic)
            try:
                self._check(waiting, camera)
                text, done = do(parse(self._publisher.topics, incoming.topic, incoming.payload)), True
            except RefusedError as error:
                text, done = str(error), False
            if camera in self._cameras:
                tell(camera)
            self._answer(incoming, text, done=done)

    def _take_in(self, incoming: Incoming) -> None:
        if incoming.retained and not incoming.payload:
            return
        if self._waiting.qsize() < _MAX_WAITING:
            self._waiting.put(_Waiting(incoming, time.monotonic()))
            self._wake()

    def _check(self, waiting: _Waiting, camera: str) -> None:
        if waiting.incoming.retained:
            raise RefusedError("is retained, it would be repeated at each connect; send it without retain")
        if waiting.incoming.late or time.monotonic() - waiting.arrived_s > _LATE_AFTER_S:
            raise RefusedError("came too late, this device was busy or asleep; send it again")
        if camera not in self._cameras:
            raise RefusedError(f"there is no camera {camera[:64]!r}; there are: {', '.join(self._cameras)}")

    def _answer(self, incoming: Incoming, text: str, *, done: bool) -> None:
        line = f"{incoming.topic[:200]}: {text}"
        if done:
            log.info("command %s", line)
        else:  # once: whoever sends it again and again must not fill the log
            log.log(logging.DEBUG if line == self._last_refusal else logging.WARNING, "command refused: %s", line)
            self._last_refusal = line
        self._publisher.send(messages.response(self._publisher.topics, incoming.topic, text, time.time(), done=done))
