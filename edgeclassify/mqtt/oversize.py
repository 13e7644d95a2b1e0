"""States that a broker does not take because of their size."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class Oversize:
    """Tells of each topic once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, topic: str, size_bytes: int, limit_bytes: int | None) -> None:
        """Tell that a payload is larger than the broker's limit of a packet."""
        if topic not in self._said:
            self._said.add(topic)
            text = "%s: %d bytes are more than the broker takes (%s); raise its limit of the packet size"
            log.warning(text, topic, size_bytes, limit_bytes)
