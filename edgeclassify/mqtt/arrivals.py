"""What comes from the broker."""

from __future__ import annotations

from typing import NamedTuple

from paho.mqtt.reasoncodes import ReasonCode

_FAILURE = 0x80


class Ack(NamedTuple):
    """The broker's word on a message of QoS 1."""

    packet_id: int
    code: ReasonCode

    @property
    def refused(self) -> bool:
        """Whether it will never take this message; under 3.1.1 it cannot say so."""
        return bool(self.code.value >= _FAILURE)


class Incoming(NamedTuple):
    """A message for us."""

    topic: str
    payload: bytes
    retained: bool
    """The broker had kept it."""
    late: bool
    """It may have waited for long: this process was stopped, or its machine asleep."""
