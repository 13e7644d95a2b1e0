"""Hears what nodes tell over MQTT, and asks them to explain themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from edgeclassify.config.sections import MqttConfig
from edgeclassify.tools.foreign import parse
from edgeclassify.tools.interruption import interruption
from edgeclassify.tools.subscription import CONNECTED, Arrival, Subscription
from edgeclassify.tools.watch.heard import Display, Heard

_LEASE_S = 20
_EVERY = "+"
_MAX_SOURCES = 1000
"""Anybody may invent nodes and cameras: so many are listened to."""


class Watch:
    """Hands the events of one node, or of all, to a display.

    Args:
        config: where the broker is.
        base: the folder that relative paths of the configuration are relative to.
        node: whose events; None for all on this broker.
        display: shows them.
        why: also ask the nodes for verdicts.
        camera: of this camera alone.
    """

    def __init__(
        self,
        config: MqttConfig,
        base: Path,
        node: str | None,
        display: Display,
        *,
        why: bool = False,
        camera: str | None = None,
    ) -> None:
        self._config = config
        self._base = base
        self._display = display
        self._why = why
        self._root = f"{config.base_topic}/"
        kinds = ["status", "event", *(["enabled", "why"] if why else [])]
        parts = ["status", *(f"{camera or _EVERY}/{kind}" for kind in kinds)]
        self._topics = [f"{self._root}{node or _EVERY}/{part}" for part in parts]
        self._nodes: set[str] = {node} if node else set()
        self._sources: set[tuple[str, str]] = set()
        self._lease_until_s = 0.0
        self.events_total = 0

    def run(self, ended: Callable[[], bool]) -> bool:
        """Show what arrives until `ended()` says so, or a signal comes: then return True.

        Raises:
            UnavailableError: there is no broker at the start; later it is waited for.
        """
        with Subscription(self._config, self._base, self._topics) as subscription, interruption() as interrupted:
            while not interrupted() and not ended():
                if self._why:
                    self._ask(subscription)
                arrival = subscription.next()
                if arrival is not None:
                    self._take(arrival)
                self._display.refresh()
            return interrupted() > 0

    def _ask(self, subscription: Subscription) -> None:
        if time.monotonic() < self._lease_until_s - _LEASE_S / 2:
            return
        for node in self._nodes:
            subscription.publish(f"{self._root}{node}/why/set", str(_LEASE_S))
        if self._nodes:
            self._lease_until_s = time.monotonic() + _LEASE_S

    def _take(self, arrival: Arrival) -> None:
        if not arrival.topic:
            self._lease_until_s = 0.0
            self._display.note("" if arrival.payload == CONNECTED else arrival.payload.decode())
            return
        heard = self._heard(arrival)
        if not self._is_known((heard.node, heard.camera)):
            return
        if heard.kind == "status" and heard.text not in ("online", "offline", ""):
            return  # of somebody else
        if heard.kind == "status" and not heard.camera and heard.text == "online":
            self._nodes.add(heard.node)
            self._lease_until_s = 0.0  # it may have been restarted, and forgotten who watches
        if heard.kind == "event" and heard.message is not None:
            self.events_total += 1
        self._display.show(heard)

    def _heard(self, arrival: Arrival) -> Heard:
        node, _, rest = arrival.topic.removeprefix(self._root).partition("/")
        camera, _, kind = rest.rpartition("/")
        is_json = kind in ("event", "why")
        return Heard(node, camera, kind, arrival.payload, parse(arrival.payload) if is_json else None)

    def _is_known(self, source: tuple[str, str]) -> bool:
        if source not in self._sources and len(self._sources) >= _MAX_SOURCES:
            return False
        self._sources.add(source)
        return True
