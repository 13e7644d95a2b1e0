"""States are sent as far as the broker takes their size."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from edgeclassify.mqtt.connection import Connection
from edgeclassify.mqtt.messages import Message

log = logging.getLogger(__name__)


class Fitting:
    """Tells of each topic once that its payload is too large."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def publish(self, connection: Connection, told: Iterable[Message]) -> None:
        """Send what the broker takes."""
        for message in told:
            if connection.fits(message):
                connection.publish(message)
            elif message.topic not in self._said:
                self._said.add(message.topic)
                text = "%s: %d bytes are more than the broker takes (%s); raise its limit of the packet size"
                log.warning(text, message.topic, len(message.payload), connection.max_packet_bytes)
