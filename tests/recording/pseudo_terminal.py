"""A command on a terminal that nobody sees, and its screen."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence

import pyte


def record(
    command: Sequence[str], columns: int, lines: int, seconds: float, prompt: str = ""
) -> tuple[pyte.Screen, int]:
    """Run a command for at most `seconds`, then type Ctrl-C; return what was on the screen before that, and its code.

    Args:
        command: what to run.
        columns: of the terminal.
        lines: of the terminal.
        seconds: when to look.
        prompt: what stands on the screen before.
    """
    screen = pyte.Screen(columns, lines)
    stream = pyte.ByteStream(screen)
    stream.feed(f"{prompt}\r\n".encode() if prompt else b"")
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    variables = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(lines)}
    process = subprocess.Popen(
        ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave, env=variables, start_new_session=False
    )
    os.close(slave)
    try:
        _follow(master, stream, until_s=time.monotonic() + seconds)
        if process.poll() is None:
            os.write(master, b"\x03")
            _follow(master, pyte.ByteStream(pyte.Screen(columns, lines)), until_s=time.monotonic() + 20)
        return screen, process.wait(10)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(master)


def _follow(master: int, stream: pyte.ByteStream, until_s: float) -> None:
    """Feed what comes into the screen, until the end or until then."""
    while (left_s := until_s - time.monotonic()) > 0:
        if not select.select([master], [], [], left_s)[0]:
            return
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux's word for: nobody writes there any more
            return
        if not data:
            return
        stream.feed(data)
