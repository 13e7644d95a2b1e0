"""A command that asks at a terminal, and somebody who answers there."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress

import pytest

from tests.terminal import Terminal
from tests.waiting import wait_until

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Conversation(Terminal):
    """Each text that is waited for stands behind the one before."""

    _read_to = 0

    @property
    def shown(self) -> str:
        """All that was shown so far, without colours."""
        return _SEQUENCE.sub("", self.came.decode(errors="replace")).replace("\r\n", "\n")

    def wait_for(self, text: str, timeout_s: float = 30.0) -> None:
        try:
            wait_until(lambda: text in self.shown[self._read_to :], timeout_s)
        except AssertionError:
            pytest.fail(f"it did not show {text!r}; it showed:\n{self.shown}")
        self._read_to = self.shown.index(text, self._read_to) + len(text)

    def answer(self, question: str, typed: str | bytes = "") -> None:
        """Wait until it asks, and type a line."""
        self.wait_for(question)
        os.write(self.descriptor, (typed.encode() if isinstance(typed, str) else typed) + b"\n")

    def interrupt(self, question: str) -> int:
        """Wait until it asks, and press Ctrl-C until it ends; return the exit code.

        Python does not see one that comes between showing a question and waiting for the answer.
        """
        self.wait_for(question)
        deadline_s = time.monotonic() + 30
        while time.monotonic() < deadline_s:
            os.write(self.descriptor, b"\x03")
            with suppress(AssertionError):
                wait_until(lambda: self.process.poll() is not None, 1)
                return self.end()
        pytest.fail(f"Ctrl-C does not end it; it showed:\n{self.shown}")
