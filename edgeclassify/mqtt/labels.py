"""ON and OFF for the labels that somebody watches."""

from __future__ import annotations

from collections.abc import Mapping

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.messages import Message
from edgeclassify.mqtt.topics import LabelKey, Topics
from edgeclassify.records import Presence


class WatchedLabels:
    """Which labels have a topic of their own, and which of them are present. Used by one thread."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._parts: dict[str, dict[LabelKey, str]] = {}
        self._present: set[tuple[str, LabelKey]] = set()

    def watch(self, camera: str, parts: Mapping[LabelKey, str]) -> list[Message]:
        """Watch exactly these labels of a camera, by their parts of topics; what is no longer watched is cleared."""
        before, now = self._parts.get(camera, {}), dict(parts)
        self._parts[camera] = now
        gone = [part for part in before.values() if part not in set(now.values())]
        return [
            *(messages.cleared(self._topics.label(camera, part)) for part in gone),
            *(self._message(camera, key, part) for key, part in now.items()),
        ]

    def changed(self, presence: Presence) -> list[Message]:
        """Note that a label came or went; one message if it is watched."""
        key = (presence.label, presence.index)
        if presence.present:
            self._present.add((presence.camera, key))
        else:
            self._present.discard((presence.camera, key))
        part = self._parts.get(presence.camera, {}).get(key)
        return [] if part is None else [self._message(presence.camera, key, part)]

    def _message(self, camera: str, key: LabelKey, part: str) -> Message:
        return messages.label_presence(self._topics, camera, part, present=(camera, key) in self._present)
