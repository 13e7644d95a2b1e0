"""A command on a real pseudo-terminal, and what a person would see there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pyte
import pytest

from tests.running import edgeclassify, environment
from tests.waiting import wait_until


class Terminal:
    """Runs `edgeclassify ...` in `folder`; `variables` change its environment, None takes one out."""

    def __init__(
        self, folder: Path, *arguments: object, columns: int = 100, lines: int = 30, **variables: str | None
    ) -> None:
        self._folder = folder
        self._arguments = arguments
        self._variables = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": None, "NO_COLOR": None} | variables
        self._lock = threading.Lock()
        self._shown = pyte.HistoryScreen(columns, lines, history=1000)
        self._stream = pyte.ByteStream(self._shown)
        self.prefix: list[str] = []
        """A command that becomes this one, like `ip netns exec NAME`."""
        self.command: list[str] = []
        """Runs in place of `edgeclassify ...`."""
        self.came = b""
        """Every byte that was written."""
        self.descriptor, self._slave = os.openpty()
        self._set_size(columns, lines)

    def __enter__(self) -> Self:
        variables = environment(self._folder)
        for name, value in self._variables.items():
            variables.pop(name, None)
            if value is not None:
                variables[name] = value
        # Its own session with this as its terminal: Ctrl-C reaches it as it does a person's command.
        # A test before, in this process, may have left a signal ignored, which is inherited.
        command = ["env", "--default-signal", "setsid", "--ctty", *self.prefix]
        command += self.command or edgeclassify(*self._arguments)
        files = {"stdin": self._slave, "stdout": self._slave, "stderr": self._slave}
        self.process = subprocess.Popen(command, cwd=self._folder, env=variables, **files)  # type: ignore[call-overload]
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._slave)  # the last one: now reading ends
        self._reader.join()
        os.close(self.descriptor)
        assert b"Traceback" not in self.came, self.came.decode("utf-8", "replace")

    @property
    def screen(self) -> list[str]:
        """The lines that are seen now."""
        with self._lock:
            return [line.rstrip() for line in self._shown.display]

    @property
    def scrolled(self) -> list[str]:
        """The lines that have left the screen at its top."""
        with self._lock:
            return ["".join(line[column].data for column in sorted(line)) for line in self._shown.history.top]

    def drawn(self, draw: Callable[[pyte.Screen], str]) -> str:
        """What `draw` makes of what is seen now."""
        with self._lock:
            return draw(self._shown)

    @property
    def text(self) -> str:
        """All that is seen now."""
        return "\n".join(self.screen).rstrip()

    @property
    def cursor_is_hidden(self) -> bool:
        return bool(self._shown.cursor.hidden)

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def wait_for(self, text: str, timeout_s: float = 15.0) -> None:
        try:
            wait_until(lambda: text in self.text, timeout_s)
        except AssertionError:
            pytest.fail(f"it did not show {text!r}; it shows:\n{self.text}")

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        with self._lock:
            self._shown.resize(lines, columns)
            self._set_size(columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def end(self, timeout_s: float = 5.0) -> int:
        """Wait until it has ended, and all it wrote was read; return the exit code."""
        code = self.process.wait(timeout_s)
        wait_until(lambda: not self._is_readable())
        return code

    def _is_readable(self) -> bool:
        waiting = fcntl.ioctl(self.descriptor, termios.FIONREAD, b"\0\0\0\0")
        return bool(struct.unpack("i", waiting)[0])

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: nobody has it open any more
            while data := os.read(self.descriptor, 65_536):
                with self._lock:
                    self.came += data
                    self._stream.feed(data)
