"""A terminal's screen as an SVG that stands alone: no font, script or picture from elsewhere."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from html import escape

import pyte
from pyte.screens import Char

_CELL_WIDTH, _CELL_HEIGHT, _FONT_SIZE = 8.4, 19, 14
_MARGIN, _BAR = 16, 34
_BACKGROUND, _BORDER, _TEXT = "#161b22", "#30363d", "#d7dce2"
_FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
_BUTTONS = ("#ff5f57", "#febc2e", "#28c840")
_WORDS = re.compile(r"\S+(?: \S+)*")
_SECOND_HALF = "\u200b"  # of a character that is two cells wide, like those of Chinese
_COLOURS = {
    "default": _TEXT,
    "black": "#6e7681",
    "red": "#ff7b72",
    "green": "#56d364",
    "brown": "#e3b341",
    "yellow": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#76e3ea",
    "white": _TEXT,
}


def svg(screen: pyte.Screen, title: str) -> str:
    """What is seen, down to the last line that is not empty."""
    rows = [[screen.buffer[row][column] for column in range(screen.columns)] for row in range(screen.lines)]
    while rows and not "".join(char.data for char in rows[-1]).strip():
        rows.pop()
    width = round(screen.columns * _CELL_WIDTH + 2 * _MARGIN)
    height = len(rows) * _CELL_HEIGHT + _BAR + _MARGIN
    lines = [text for number, row in enumerate(rows) for text in _row(row, _BAR + (number + 0.75) * _CELL_HEIGHT)]
    return "\n".join([*_frame(width, height, title), *lines, "</g>", "</svg>", ""])


def _frame(width: int, height: int, title: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">'
    )
    yield f"<title>{escape(title)}</title>"
    yield (
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="{_BACKGROUND}" '
        f'stroke="{_BORDER}"/>'
    )
    for number, colour in enumerate(_BUTTONS):
        yield f'<circle cx="{20 + 20 * number}" cy="17" r="6" fill="{colour}"/>'
    yield f'<g font-family="{_FONTS}" font-size="{_FONT_SIZE}" fill="{_TEXT}">'


def _row(row: list[Char], y: float) -> Iterator[str]:
    """The words of one look; each is given its place and width, so that columns stand in line in any font."""
    column = 0
    for look, run in itertools.groupby(row, key=_look):
        text = "".join(char.data or _SECOND_HALF for char in run)
        for words in _WORDS.finditer(text):  # SVG makes one space of several
            x, length = _MARGIN + (column + words.start()) * _CELL_WIDTH, len(words[0]) * _CELL_WIDTH
            shown = escape(words[0], quote=False)
            yield f'<text x="{x:.1f}" y="{y:.1f}" textLength="{length:.1f}"{look}>{shown}</text>'
        column += len(text)


def _look(char: Char) -> str:
    """Attributes of a text."""
    name = (char.bg if char.reverse else char.fg).removeprefix("bright")
    colour = _COLOURS.get(name, f"#{name}")
    return (f' fill="{colour}"' if colour != _TEXT else "") + (' font-weight="bold"' if char.bold else "")
