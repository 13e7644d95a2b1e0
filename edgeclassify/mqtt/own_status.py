"""Who else speaks on this node's own status topic."""

from __future__ import annotations

import logging
import time

from edgeclassify.mqtt.messages import OFFLINE, ONLINE

log = logging.getLogger(__name__)


class OwnStatus:
    """Judges what arrives on the status topic: our own echo, an old last will, or another device of the same name."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._foreign_said = False
        self.begin()

    def begin(self) -> None:
        """Forget what was under way: a new connection has nothing."""
        self._echoes = 0
        self._packet: int | None = None
        self._said_s = 0.0

    def said(self, packet_id: int, *, echoes: bool) -> None:
        """Note that we said `online`; `echoes` if the broker tells us too (MQTT 3.1.1)."""
        self._packet, self._said_s = packet_id, time.monotonic()
        self._echoes += echoes

    def is_acknowledged(self, packet_id: int) -> bool:
        """Take an acknowledgement; return whether it is that of the last `online`, and so of all before it."""
        if packet_id != self._packet:
            return False
        self._packet = None
        return True

    def unanswered_s(self) -> float:
        """Return for how long the last `online` has been waiting for its acknowledgement."""
        return 0.0 if self._packet is None else time.monotonic() - self._said_s

    def is_wrong(self, payload: bytes, *, retained: bool) -> bool:
        """Return whether `online` must be said again: somebody said `offline` for us while we are here.

        That is the last will of an older connection of ours under another client id, or another device.
        """
        if retained:
            return False
        if payload == OFFLINE:
            return True
        if payload == ONLINE:
            if self._echoes:
                self._echoes -= 1
            else:
                self._say_foreign()
        return False

    def note_health(self, *, retained: bool) -> None:
        """Note that somebody else tells this node's health: another device, also when it was here first."""
        if not retained:
            self._say_foreign()

    def _say_foreign(self) -> None:
        if not self._foreign_said:
            log.error("another device calls itself %s; set node: in config.yaml of one of them", self._node)
        self._foreign_said = True
