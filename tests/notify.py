"""A real notify socket, as systemd would give a service one."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from pathlib import Path
from typing import Self


class NotifySocket:
    """Records what a service says, a datagram each; `variables` are for its environment.

    Args:
        folder: where the socket lies; None gives it an abstract name.
        watchdog_s: how often the service is to feed its watchdog.
    """

    def __init__(self, folder: Path | None, watchdog_s: float | None = None) -> None:
        name = f"@edgeclassify-{uuid.uuid4().hex}" if folder is None else str(folder / "notify")
        self.variables = {"NOTIFY_SOCKET": name}
        if watchdog_s is not None:
            self.variables["WATCHDOG_USEC"] = str(round(watchdog_s * 1e6))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(name.replace("@", "\0", 1) if folder is None else name)
        self._socket.settimeout(0.1)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._received: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    @property
    def datagrams(self) -> list[str]:
        """All but those that only feed the watchdog, in order."""
        with self._lock:
            return [text for _, text in self._received if text != "WATCHDOG=1"]

    @property
    def fed(self) -> list[float]:
        """When the watchdog was fed, by the monotonic clock."""
        with self._lock:
            return [when_s for when_s, text in self._received if text == "WATCHDOG=1"]

    @property
    def status(self) -> str:
        """The last that was said of how things are."""
        lines = [line for text in self.datagrams for line in text.splitlines() if line.startswith("STATUS=")]
        return lines[-1].removeprefix("STATUS=") if lines else ""

    def said(self, key: str) -> int:
        """How many datagrams hold a line `key`=1."""
        return sum(f"{key}=1" in text.splitlines() for text in self.datagrams)

    def silent_s(self) -> float:
        """For how long the watchdog has not been fed."""
        return time.monotonic() - (self.fed or [0.0])[-1]

    def _read(self) -> None:
        while not self._stopping.is_set():
            try:
                text = self._socket.recv(65_536).decode()
            except TimeoutError:
                continue
            with self._lock:
                self._received.append((time.monotonic(), text))
