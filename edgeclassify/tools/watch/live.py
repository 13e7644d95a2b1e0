"""`watch --why` on a terminal: events scroll, below them a line for each camera and what the noticed one sees."""

from __future__ import annotations

import os
import sys
import time
from typing import Self

from edgeclassify.tools.watch.bars import glyphs_for
from edgeclassify.tools.watch.board import Board
from edgeclassify.tools.watch.heard import Heard
from edgeclassify.tools.watch.lines import Lines
from edgeclassify.tools.watch.screen import Screen
from edgeclassify.tools.watch.view import View

_FRAME_S = 0.1
_LEFT_FOR_EVENTS = 4
"""So many lines of the terminal at most are left for events."""


def can_be_live() -> bool:
    """Tell whether stdout is a terminal that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


class Live:
    """Shows what was heard on this terminal, from `__enter__` to `__exit__`.

    Args:
        nodes: begin each line with the node's name.
    """

    def __init__(self, *, nodes: bool = False) -> None:
        self._screen = Screen(sys.stdout)
        self._board = Board()
        self._view = View(glyphs_for(encoding=sys.stdout.encoding), nodes=nodes)
        self._lines = Lines(self._screen.write_above, nodes=nodes)
        self._drawn_s = 0.0

    def __enter__(self) -> Self:
        self._screen.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                self._draw(time.monotonic())
        finally:
            self._screen.__exit__()

    def show(self, heard: Heard) -> None:
        """Take it in; it is drawn a moment later."""
        now_s = time.monotonic()
        if heard.kind == "why":
            self._read(heard, now_s)
            return
        self._lines.show(heard)
        if heard.kind == "event":
            self._board.notice(heard.node, heard.camera, now_s)
        elif heard.kind == "enabled":
            self._board.camera_enabled(heard.node, heard.camera, enabled=heard.text != "OFF")
        elif heard.camera:
            self._board.camera_status(heard.node, heard.camera, heard.text)
        else:
            self._board.node_status(heard.node, heard.text)

    def note(self, text: str) -> None:
        """Tell of the connection to the broker."""
        self._lines.note(text)
        self._board.broker_gone = bool(text)

    def refresh(self) -> None:
        """Draw, if it is time to."""
        now_s = time.monotonic()
        if now_s - self._drawn_s >= _FRAME_S:
            self._draw(now_s)

    def _read(self, heard: Heard, now_s: float) -> None:
        if heard.message is None:
            return
        try:
            self._board.read(heard.node, heard.camera, heard.message, now_s)
        except (TypeError, ValueError):
            return  # not one of ours: somebody else may publish on these topics

    def _draw(self, now_s: float) -> None:
        size = self._screen.size()
        height = size.lines - min(_LEFT_FOR_EVENTS, max(1, size.lines // 4))
        # The last column stays free: a terminal goes to the next line when it is written to.
        self._screen.draw(self._view.lines(self._board, now_s, size.columns - 1, height))
        self._drawn_s = now_s
