"""Ctrl-C for what waits in a loop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interruption() -> Iterator[Callable[[], int]]:
    """Yield what tells how often SIGINT or SIGTERM came.

    KeyboardInterrupt would be raised anywhere: in the middle of paho it leaves locks taken, and disconnecting hangs.
    """
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: came.append(number)) for number in numbers]
    try:
        yield lambda: len(came)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
