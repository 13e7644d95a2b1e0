"""A queue that wakes a thread which waits for a socket."""

from __future__ import annotations

import os
import queue
import select
import threading
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class WakingQueue(Generic[_Item]):
    """Any thread puts; one thread polls `fileno()` together with its socket, then drains."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._descriptor: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return what becomes readable when there is something."""
        assert self._descriptor is not None, "it is closed"
        return self._descriptor

    def put(self, item: _Item) -> None:
        """Add an item; after `close` it is never read."""
        self._items.put(item)
        self.wake()

    def wake(self) -> None:
        """Let `wait` return."""
        with self._lock:  # the number of a closed descriptor may belong to another file by now
            if self._descriptor is not None:
                os.eventfd_write(self._descriptor, 1)

    def wait(self, timeout_s: float) -> None:
        """Wait until there may be something."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        poll.poll(timeout_s * 1000)

    def drain(self) -> list[_Item]:
        """Return all that is there."""
        try:
            os.eventfd_read(self.fileno())
        except BlockingIOError:
            return []
        # What is put from here on wakes again.
        return [self._items.get_nowait() for _ in range(self._items.qsize())]

    def close(self) -> None:
        """Let go of the descriptor."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None
