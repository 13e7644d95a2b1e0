"""Who wants to know of messages that come in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from paho.mqtt.client import topic_matches_sub

from edgeclassify.mqtt.arrivals import Incoming

log = logging.getLogger(__name__)

Handler = Callable[[Incoming], None]
"""Gets what arrived; must only enqueue."""


class Subscriptions:
    """One handler per topic filter. Used by one thread."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    @property
    def topics(self) -> Iterable[str]:
        """What to subscribe to."""
        return self._handlers.keys()

    def add(self, topic: str, handler: Handler) -> None:
        """Call `handler` for `topic` from now on."""
        self._handlers[topic] = handler

    def deliver(self, incoming: Incoming) -> None:
        """Call everybody who wants it."""
        for wanted, handler in self._handlers.items():
            if topic_matches_sub(wanted, incoming.topic):
                try:
                    handler(incoming)
                except Exception:  # whoever can publish must not be able to end the daemon
                    log.exception("message on %s: was not handled", incoming.topic)
