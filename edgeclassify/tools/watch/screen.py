"""The lower end of a terminal, drawn again and again; what is written above it scrolls away as usual."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import termios
from collections import deque
from collections.abc import Iterator
from typing import Self, TextIO

from edgeclassify.tools.watch.view import Line

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_CLEAR_BELOW, _CLEAR_REST_OF_LINE, _CLEAR_ALL = "\x1b[J", "\x1b[K", "\x1b[2J\x1b[H"
_USUAL_SIZE = os.terminal_size((80, 24))


class Screen:
    """Draws from `__enter__` to `__exit__`; then the cursor stands below, and the terminal is as it was.

    Lines are overwritten, not cleared first, in one write: nothing flickers, also over a slow connection.
    """

    def __init__(self, terminal: TextIO) -> None:
        from rich.console import Console

        self._terminal = terminal
        # It only translates styles: what the terminal and NO_COLOR allow is found out by it.
        self._styles = Console(file=io.StringIO(), force_terminal=True, highlight=False)
        self._known_codes: dict[str, tuple[str, str]] = {}
        self._drawn: list[str] = []
        self._above: list[str] = []
        self._scrolled: deque[str] = deque(maxlen=200)
        self._size = _USUAL_SIZE
        self._restoring = contextlib.ExitStack()
        self._suspended = False

    def __enter__(self) -> Self:
        self._restoring.enter_context(_suspending(self))
        self._restoring.enter_context(_no_echo(self._terminal))
        self._size = self.size()
        self._write(_HIDE_CURSOR)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._write(("\r\n" if self._drawn else "") + _SHOW_CURSOR)
        self._drawn = []
        self._restoring.close()

    def size(self) -> os.terminal_size:
        """Return columns and lines; the usual ones where the terminal does not know, a serial line, say."""
        try:
            size = os.get_terminal_size(self._terminal.fileno())
        except OSError:
            return _USUAL_SIZE
        return size if size.columns > 0 and size.lines > 0 else _USUAL_SIZE

    def write_above(self, line: str) -> None:
        """Write a line that stays, when the next drawing is made."""
        self._above.append(line)

    def draw(self, lines: list[Line]) -> None:
        """Draw the lower end; nothing is written when nothing has changed."""
        if self._suspended:
            self._suspend()
        drawn = [self._styled(line) for line in lines]
        size = self.size()
        resized = size != self._size
        if drawn == self._drawn and not self._above and not resized:
            return
        anew = resized or bool(self._above) or not self._drawn
        start = self._all_anew(size) if resized else self._from_the_top()
        above = "".join(f"{line}\r\n" for line in self._above)
        before = [] if anew else self._drawn
        # Lines that are the same are passed over: few bytes, and calm on a slow connection.
        body = "\r\n".join(
            "" if before[number : number + 1] == [line] else f"{line}{_CLEAR_REST_OF_LINE}"
            for number, line in enumerate(drawn)
        )
        fewer = _CLEAR_BELOW if anew or len(drawn) < len(self._drawn) else ""
        self._write(f"{start}{above}{body}{fewer}")
        self._scrolled.extend(self._above)
        self._above, self._drawn, self._size = [], drawn, size

    def suspend_soon(self) -> None:
        """Ctrl-Z was pressed: give the terminal back before the next drawing."""
        self._suspended = True

    def _from_the_top(self) -> str:
        """Return what moves to the first line drawn, and makes room for lines above."""
        up = f"\x1b[{len(self._drawn) - 1}A" if len(self._drawn) > 1 else ""
        return f"\r{up}{_CLEAR_BELOW if self._above else ''}"

    def _all_anew(self, size: os.terminal_size) -> str:
        """Return what writes the screen again: where a terminal has put lines that were too long cannot be known."""
        last = list(self._scrolled)[-size.lines :]
        return _CLEAR_ALL + "".join(f"{line}\r\n" for line in last)

    def _suspend(self) -> None:
        self._suspended = False
        self.__exit__()
        os.kill(os.getpid(), signal.SIGSTOP)
        self.__enter__()

    def _styled(self, line: Line) -> str:
        return "".join(text.join(self._codes(style)) for text, style in line if text)

    def _codes(self, style: str) -> tuple[str, str]:
        """Return what begins and ends a style on this terminal."""
        if style not in self._known_codes:
            from rich.text import Text

            with self._styles.capture() as captured:
                self._styles.print(Text("x", style), end="")
            begin, _, end = captured.get().partition("x")
            self._known_codes[style] = begin, end
        return self._known_codes[style]

    def _write(self, text: str) -> None:
        try:
            self._terminal.write(text)
            self._terminal.flush()
        except OSError as error:
            if error.errno == errno.EIO:  # the connection to the terminal is cut
                raise BrokenPipeError(errno.EPIPE, "the terminal is gone") from error
            raise


@contextlib.contextmanager
def _suspending(screen: Screen) -> Iterator[None]:
    """Let Ctrl-Z give the terminal back before it stops the process."""
    before = signal.signal(signal.SIGTSTP, lambda *_: screen.suspend_soon())
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


@contextlib.contextmanager
def _no_echo(terminal: TextIO) -> Iterator[None]:
    """Keep what is typed meanwhile (an Enter, say) from moving what is drawn."""
    try:
        descriptor = terminal.fileno()
        before = termios.tcgetattr(descriptor)
        is_ours = os.tcgetpgrp(descriptor) == os.getpgrp()  # in the background the change would stop the process
    except (OSError, termios.error):
        yield
        return
    if is_ours:
        quiet = list(before)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        if is_ours:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(descriptor, termios.TCSANOW, before)
