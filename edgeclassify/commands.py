"""Commands that arrive over MQTT: taken in by the network thread, carried out by the main thread, each answered."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Collection, Sequence
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
        self._is_awake = False  # whether `wake` was called and `carry_out` will be
        self._last_refusal = ""
        for topic in subscriptions(publisher.topics):
            publisher.subscribe(topic, self._take_in)

    def carry_out(self, do: Callable[[Command], str], tell: Callable[[str], None]) -> None:
        """Carry out what waits; of several for the same setting the last, a slider sends many.

        Args:
            do: does one thing and returns what to say of it; raises RefusedError if it cannot.
            tell: tells again how everything of a camera is set: a refused value must not stand on a phone.
        """
        self._is_awake = False
        # No more than wait now: a flood of them must keep nobody from stopping this daemon.
        waiting = [self._waiting.get() for _ in range(self._waiting.qsize())]
        for one, command in zip(waiting, _last_of_each([self._parsed(one) for one in waiting]), strict=True):
            text, done = _carried_out(command, do)
            camera = camera_of(self._publisher.topics, one.incoming.topic)
            if camera in self._cameras:
                tell(camera)
            self._answer(one.incoming, text, done=done)

    def _take_in(self, incoming: Incoming) -> None:
        if incoming.retained and not incoming.payload:
            return
        if self._waiting.qsize() >= _MAX_WAITING:
            self._answer(incoming, f"{_MAX_WAITING} others wait already; send it again later", done=False)
            return
        self._waiting.put(_Waiting(incoming, time.monotonic()))
        if not self._is_awake:
            self._is_awake = True
            self._wake()

    def _parsed(self, waiting: _Waiting) -> Command | RefusedError:
        incoming, topics = waiting.incoming, self._publisher.topics
        camera = camera_of(topics, incoming.topic)
        if incoming.retained:
            return RefusedError("is retained, it would be repeated at each connect; send it without retain")
        if incoming.late or time.monotonic() - waiting.arrived_s > _LATE_AFTER_S:
            return RefusedError("came too late, this device was busy or asleep; send it again")
        if camera not in self._cameras:
            return RefusedError(f"there is no camera {camera[:64]!r}; there are: {', '.join(self._cameras)}")
        try:
            return parse(topics, incoming.topic, incoming.payload)
        except RefusedError as error:
            return error

    def _answer(self, incoming: Incoming, text: str, *, done: bool) -> None:
        line = f"{incoming.topic[:200]}: {text}"
        if done:
            log.info("command %s", line)
        else:  # once: whoever sends it again and again must not fill the log
            log.log(logging.DEBUG if line == self._last_refusal else logging.WARNING, "command refused: %s", line)
            self._last_refusal = line
        self._publisher.send(messages.response(self._publisher.topics, incoming.topic, text, time.time(), done=done))


def _last_of_each(commands: Sequence[Command | RefusedError]) -> list[Command | RefusedError]:
    """Return these with a refusal in place of each that a later one for the same setting makes void."""
    last = {(one.camera, one.setting): place for place, one in enumerate(commands) if isinstance(one, Command)}
    return [
        RefusedError("another one came right after it, which counts")
        if isinstance(one, Command) and last[one.camera, one.setting] != place
        else one
        for place, one in enumerate(commands)
    ]


def _carried_out(command: Command | RefusedError, do: Callable[[Command], str]) -> tuple[str, bool]:
    """Return what to say, and whether it was done."""
    if isinstance(command, RefusedError):
        return str(command), False
    try:
        return do(command), True
    except RefusedError as error:
        return str(error), False
