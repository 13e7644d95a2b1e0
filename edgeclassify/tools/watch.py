"""`edgeclassify watch`: what nodes tell over MQTT, as it arrives."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from edgeclassify.config.sections import MqttConfig
from edgeclassify.tools.interruption import interruption
from edgeclassify.tools.subscription import CONNECTED, Arrival, Subscription
from edgeclassify.tools.watching import Lines, parse

_LEASE_S = 20
_EVERY_NODE = "+"


class Watch:
    """Shows the events of one node, or of all (`node` None).

    Args:
        config: where the broker is.
        base: the folder that relative paths of the configuration are relative to.
        node: whose events; None for all on this broker.
        show: takes each line.
        why: also ask the nodes for verdicts.
        raw: show the JSON as it came, in place of lines for people.
        answered: with `why`, show also verdicts of frames that have an answer.
    """

    def __init__(
        self,
        config: MqttConfig,
        base: Path,
        node: str | None,
        show: Callable[[str], None],
        *,
        why: bool = False,
        raw: bool = False,
        answered: bool = True,
    ) -> None:
        self._config = config
        self._base = base
        self._show = show
        self._why = why
        self._raw = raw
        self._root = f"{config.base_topic}/"
        self._node = node or _EVERY_NODE
        self._nodes: set[str] = {node} if node else set()
        self._lines = Lines(nodes=node is None, answered=answered)
        self._lease_until_s = 0.0
        self._were_online: set[tuple[str, str]] = set()
        self.events_total = 0

    def run(self, ended: Callable[[], bool]) -> bool:
        """Show what arrives until `ended()` says so, or a signal comes: then return True.

        Raises:
            UnavailableError: there is no broker at the start; later it is waited for.
        """
        parts = ["status", "+/status", "+/event", *(["+/why"] if self._why else [])]
        topics = [f"{self._root}{self._node}/{part}" for part in parts]
        with Subscription(self._config, self._base, topics) as subscription, interruption() as interrupted:
            while not interrupted() and not ended():
                if self._why:
                    self._ask(subscription)
                arrival = subscription.next()
                line = self._line(arrival) if arrival is not None else None
                if line is not None:
                    self._show(line)
            return interrupted() > 0

    def _ask(self, subscription: Subscription) -> None:
        if time.monotonic() < self._lease_until_s - _LEASE_S / 2:
            return
        for node in self._nodes:
            subscription.publish(f"{self._root}{node}/why/set", str(_LEASE_S))
        if self._nodes:
            self._lease_until_s = time.monotonic() + _LEASE_S

    def _line(self, arrival: Arrival) -> str | None:
        if not arrival.topic:
            self._lease_until_s = 0.0
            return None if self._raw or arrival.payload == CONNECTED else f"-- {arrival.payload.decode()}"
        node, _, rest = arrival.topic.removeprefix(self._root).partition("/")
        camera, _, kind = rest.rpartition("/")
        if kind == "status":
            return self._status(node, camera, arrival.payload)
        message = parse(arrival.payload)
        if message is None:
            return None
        if kind == "event":
            self.events_total += 1
        if self._raw:
            return arrival.payload.decode("utf-8", "replace")
        try:
            return (self._lines.event if kind == "event" else self._lines.verdict)(node, camera, message)
        except (KeyError, TypeError, ValueError):
            return None  # not one of ours: somebody else may publish on these topics

    def _status(self, node: str, camera: str, payload: bytes) -> str | None:
        status = payload.decode("utf-8", "replace")
        if not camera and status == "online" and node not in self._nodes:
            self._nodes.add(node)
            self._lease_until_s = 0.0
        if self._raw or not status:
            return None
        if status == "online":
            self._were_online.add((node, camera))
            if not camera:
                self._lease_until_s = 0.0  # it may have been restarted, and forgotten who watches
        elif camera and (node, camera) not in self._were_online:
            return None  # it is only about to start
        return self._lines.status(node, camera, status)
