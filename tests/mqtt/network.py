"""A network that fails on demand, between a client and a broker."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

_RESET = struct.pack("ii", 1, 0)
_PROTOCOL_LEVEL_AT = 8  # in a CONNECT shorter than 128 bytes


class Proxy:
    """Forwards TCP from a port of its own to a broker's.

    Args:
        judge: sees the first packet of a client; its answer is sent back and the connection closed, None lets it pass.
    """

    def __init__(self, target_port: int, judge: Callable[[bytes], bytes | None] = lambda _: None):
        self._target_port = target_port
        self._judge = judge
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._open = threading.Event()
        self._open.set()
        self._refusing = False

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._open.set()
        self.cut()

    def cut(self) -> None:
        """Reset every connection."""
        with self._lock:
            for pair in self._pairs:
                for end in pair:
                    with suppress(OSError):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                        end.shutdown(socket.SHUT_RDWR)
            self._pairs.clear()

    def swallow(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        self._open.clear()

    def refuse(self) -> None:
        """Cut, and let nobody in."""
        self._refusing = True
        self.cut()

    def heal(self) -> None:
        self._refusing = False
        self._open.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            first = client.recv(4096)
            answer = self._judge(first)
            if self._refusing or answer is not None:
                client.sendall(answer or b"")
                return
            with socket.create_connection(("127.0.0.1", self._target_port)) as broker:
                with self._lock:
                    self._pairs.append((client, broker))
                self._open.wait()
                broker.sendall(first)
                back = threading.Thread(target=self._forward, args=(broker, client), daemon=True)
                back.start()
                self._forward(client, broker)
                back.join()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._open.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


def is_mqtt5(connect: bytes) -> bool:
    return connect[_PROTOCOL_LEVEL_AT] == 5
