"""What the broker is told at every connect, in this order: retractions, announcements, retained state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgeclassify.mqtt.messages import Message

Confirmed = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Announcement:
    """What Home Assistant is told of our devices."""

    retractions: Sequence[Message]
    """Sent first, and again at each connect until the broker has them."""
    announcements: Sequence[Message]
    """In place of those before, also at each later connect."""
    confirmed: Confirmed
    """Called in the network thread once the broker has all of it; must only enqueue."""


class Standing:
    """Used by the network thread."""

    def __init__(self) -> None:
        self._retractions: list[Message] = []
        self._announcements: dict[str, Message] = {}
        self._states: dict[str, Message] = {}
        self._confirmed: list[Confirmed] = []
        self._fence: int | None = None

    def __iter__(self) -> Iterator[Message]:
        """Yield what a new connection is told, before `online`."""
        self._fence = None
        yield from self._retractions
        yield from self._announcements.values()
        yield from self._states.values()

    def announce(self, announcement: Announcement) -> list[Message]:
        """Take this in place of the one before; return what is to be sent now."""
        self._retractions += announcement.retractions
        for message in announcement.retractions:
            self._states.pop(message.topic, None)  # nor is it told at the next connect
        self._announcements = {message.topic: message for message in announcement.announcements}
        self._confirmed.append(announcement.confirmed)
        return [*announcement.retractions, *announcement.announcements]

    def retain(self, message: Message) -> None:
        """Take a state in place of the one before."""
        self._states[message.topic] = message

    def fenced(self, packet_id: int) -> None:
        """Note that this acknowledgement will be that of everything announced so far."""
        self._fence = packet_id

    def is_fence(self, packet_id: int) -> bool:
        """Take an acknowledgement; return whether it is the one that was waited for."""
        if packet_id != self._fence:
            return False
        self._fence = None
        self.confirm()
        return True

    def confirm(self) -> None:
        """Note that the broker has everything that was said, unless something was announced since."""
        if self._fence is not None:
            return
        self._retractions.clear()
        confirmed, self._confirmed = self._confirmed, []
        for tell in confirmed:
            tell()
