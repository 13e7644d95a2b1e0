"""A TCP relay before a broker that notes when the PUBACK of each event passes on its way to the daemon."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PUBLISH, _PUBACK = 3, 4


@dataclass(frozen=True)
class Acknowledged:
    """An event of the daemon, and when its PUBACK passed."""

    fields: dict[str, Any]
    wall_s: float


class Relay:
    """Takes one connection, from `__enter__` to `__exit__`; the port is known before."""

    def __init__(self) -> None:
        self.acknowledged: queue.SimpleQueue[Acknowledged] = queue.SimpleQueue()
        self._sent: dict[int, dict[str, Any]] = {}  # events by packet id
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]

    def start(self, broker_port: int) -> None:
        """Wait in the background for the daemon."""
        threading.Thread(target=self._serve, args=(broker_port,), daemon=True).start()

    def _serve(self, broker_port: int) -> None:
        daemon, _ = self._listening.accept()
        broker = socket.create_connection(("127.0.0.1", broker_port))
        for end in (daemon, broker):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_pass_on, args=(broker, daemon, self._note_answer), daemon=True).start()
        _pass_on(daemon, broker, self._note_event)

    def _note_event(self, kind: int, body: bytes) -> None:
        if kind >> 4 != _PUBLISH:
            return
        end = 2 + int.from_bytes(body[:2])
        if body[2:end].endswith(b"/event"):
            self._sent[int.from_bytes(body[end : end + 2])] = json.loads(body[body.index(b'{"', end + 2) :])

    def _note_answer(self, kind: int, body: bytes) -> None:
        if kind >> 4 == _PUBACK and (fields := self._sent.pop(int.from_bytes(body[:2]), None)):
            self.acknowledged.put(Acknowledged(fields, time.time()))


def _pass_on(source: socket.socket, target: socket.socket, note: Callable[[int, bytes], None]) -> None:
    """Pass on packet by packet; each is noted before, so that the answer to it cannot come first."""
    with source, target, source.makefile("rb") as packets:
        while head := packets.read(1):
            length = packets.read(1)
            while length[-1] & 0x80:
                length += packets.read(1)
            body = packets.read(sum((byte & 0x7F) << 7 * place for place, byte in enumerate(length)))
            note(head[0], body)
            target.sendall(head + length + body)
