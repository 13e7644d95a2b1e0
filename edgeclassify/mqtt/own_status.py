"""Who else speaks on this node's own status topic."""

from __future__ import annotations

import logging

from edgeclassify.mqtt.messages import OFFLINE, ONLINE

log = logging.getLogger(__name__)


class OwnStatus:
    """Judges what arrives on the status topic: our own echo, an old last will, or another device of the same name."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._echoes = 0
        self._said = False

    def begin(self) -> None:
        """Forget echoes: a new connection has none under way."""
        self._echoes = 0

    def expect_echo(self) -> None:
        """Note that we said `online` to a broker that tells us too (MQTT 3.1.1)."""
        self._echoes += 1

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
        if not self._said:
            log.error("another device calls itself %s; set node: in config.yaml of one of them", self._node)
        self._said = True
