"""A command on a terminal, and a picture of what it showed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.recording.svg import svg
from tests.terminal import Terminal
from tests.waiting import wait_until

_PROMPT = ["sh", "-c", 'printf "$ %s\\n" "$0"; exec "$@"']
_ENDING_S = 20.0


def record(command: Sequence[str], typed: str, columns: int, lines: int, seconds: float) -> tuple[str, int]:
    """Run a command for at most `seconds`, then type Ctrl-C; return the screen before that as SVG, and its exit code.

    Args:
        command: what to run, in this folder and with this environment.
        typed: what the first line shows a person to have typed.
        columns: of the terminal.
        lines: of the terminal.
        seconds: when to look.
    """
    terminal = Terminal(Path.cwd(), columns=columns, lines=lines, **(os.environ | {"TERM": "xterm-256color"}))
    terminal.command = [*_PROMPT, typed, *command]
    with terminal:
        try:
            wait_until(lambda: terminal.process.poll() is not None, seconds)
            terminal.end()
        except AssertionError:
            pass  # it goes on for ever
        picture = terminal.drawn(partial(svg, title=f"A terminal: {typed}"))
        if terminal.process.poll() is None:
            terminal.type("\x03")
        return picture, terminal.end(_ENDING_S)
