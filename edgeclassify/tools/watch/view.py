"""The board as lines of a terminal: pure, so many cells wide and no more lines than there are."""

from __future__ import annotations

from dataclasses import dataclass

from edgeclassify.tools.foreign import harmless
from edgeclassify.tools.watch.bars import Glyphs, Span, bar, sparkline
from edgeclassify.tools.watch.board import Board, Row
from edgeclassify.tools.watch.reading import Answer, Reading
from edgeclassify.tools.watch.widths import cells, fitted, fitted_to_end
from edgeclassify.tools.watch.words import duration, words

Line = list[Span]

_ANSWERS = 5
_PANEL_LINES = 1 + _ANSWERS
_QUIET_S = 5.0
"""A camera that told nothing for longer is said to be quiet."""
_SCORE_CELLS = 4
_WORDS_CELLS = 20
"""`below 0.60 for 1.2 s` should not be cut."""
_MAX_NAME_CELLS = 20
_MAX_BAR_CELLS = 50


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide each column is."""

    name: int
    label: int
    spark: int
    gap: str


class View:
    """Draws a board.

    Args:
        nodes: begin each line with the node's name.
        glyphs: the characters to draw with.
    """

    def __init__(self, glyphs: Glyphs, *, nodes: bool = False) -> None:
        self._glyphs = glyphs
        self._nodes = nodes
        self._name_cells = 0  # it never shrinks: columns that jump are hard to read

    def lines(self, board: Board, now_s: float, width: int, height: int) -> list[Line]:
        """Return at most `height` lines of at most `width` cells."""
        rows = board.rows
        if not rows or height < 2:
            return []
        self._name_cells = max([self._name_cells, *(cells(self._name(row)) for row in rows)])
        columns = self._columns(width)
        noticed = board.noticed()
        panel = noticed is not None and height >= 2 + _PANEL_LINES
        shown = _worth_showing(rows, height - 1 - (_PANEL_LINES if panel else 0))
        lines = [self._rule(_summary(board, rows, shown), width)]
        lines += [self._row(board, row, columns, width, now_s) for row in shown]
        if panel and noticed is not None and noticed.reading is not None:
            lines += self._panel(noticed, noticed.reading, _state(board, noticed, now_s), columns, width)
        return lines

    def _rule(self, heading: Line, width: int) -> Line:
        line = [(self._glyphs.rule * 2 + " ", "dim"), *heading, (" ", "")]
        missing = max(0, width - sum(cells(text) for text, _ in line))
        return _cut([*line, (self._glyphs.rule * missing, "dim")], width, self._glyphs)

    def _name(self, row: Row) -> str:
        return harmless(f"{row.node}/{row.camera}" if self._nodes else row.camera)

    def _columns(self, width: int) -> _Columns:
        name = min(self._name_cells, _MAX_NAME_CELLS, max(5, width // 5))
        gap = "  " if width >= 60 else " "
        left = width - name - 1 - _SCORE_CELLS - _WORDS_CELLS - 2 * len(gap)
        spark = min(16, left // 3) if left >= 20 else 0
        label = min(24, max(6, left - (spark + len(gap) if spark else 0)))
        return _Columns(name, label, spark, gap)

    def _row(self, board: Board, row: Row, columns: _Columns, width: int, now_s: float) -> Line:
        said, style = _state(board, row, now_s)
        reading = row.reading
        gap = (columns.gap, "")
        line: Line = [(fitted_to_end(self._name(row), columns.name, cut=self._glyphs.cut), "bold"), gap]
        line += [(fitted(row.label, columns.label, cut=self._glyphs.cut), style), (" ", "")]
        line.append((f"{reading.score:.2f}" if reading else " " * _SCORE_CELLS, style))
        if columns.spark:
            line += [gap, *sparkline(row.samples, columns.spark, self._glyphs)]
        return _cut([*line, gap, (said, style)], width, self._glyphs)

    def _panel(self, row: Row, reading: Reading, state: Span, columns: _Columns, width: int) -> list[Line]:
        heading = [(f"{self._name(row)}: ", "dim"), (reading.label, state[1])]
        lines = [self._rule([*heading, (f" {reading.score:.2f} {state[0]}", "dim")], width)]
        lines += [self._answer(reading, answer, columns, width) for answer in reading.answers[:_ANSWERS]]
        return lines + [[] for _ in range(_PANEL_LINES - len(lines))]

    def _answer(self, reading: Reading, answer: Answer, columns: _Columns, width: int) -> Line:
        glyphs = self._glyphs
        label_cells = min(36, columns.name + len(columns.gap) + columns.label)
        takes = _takes(reading, answer, glyphs)
        bar_cells = min(_MAX_BAR_CELLS, width - label_cells - 1 - _SCORE_CELLS - 2 - 2 - 7)
        present = any(one.label == answer.label for one in reading.details.present) if reading.details else False
        counts = answer.threshold is not None and answer.score >= answer.threshold
        style = "green" if present else "cyan" if counts else ""
        line: Line = [(fitted(answer.label, label_cells, cut=glyphs.cut), style), (f" {answer.score:.2f}", style)]
        if bar_cells >= 5:
            line += [("  ", ""), *bar(answer.score, answer.threshold, bar_cells, style, glyphs)]
        return _cut([*line, (f"  {takes}", "dim")], width, glyphs)


def _summary(board: Board, rows: list[Row], shown: list[Row]) -> Line:
    online = sum(row.online is not False and not board.is_offline(row) for row in rows)
    hidden = f"; {len(shown)} shown, one alone: --camera ID" if len(shown) < len(rows) else ""
    return [(f"{online} of {len(rows)} cameras online{hidden}", "dim")]


def _state(board: Board, row: Row, now_s: float) -> Span:
    """Return the words of a camera and their style."""
    if board.broker_gone:
        return "the broker is gone", "dim"
    if board.is_offline(row):
        return "offline", "red"
    if not row.enabled:
        return "disabled", "dim"
    if row.reading is None:
        return "waiting for a frame", "dim"
    quiet_s = now_s - row.reading_s
    if quiet_s > _QUIET_S:
        return f"no frame for {duration(quiet_s)}", "dim"
    return words(row.reading), _style(row.reading)


def _style(reading: Reading) -> str:
    if reading.presence is not None:
        return "green"
    return {"answered": "cyan", "cooldown": "cyan", "ambiguous": "yellow", "ignored": "dim"}.get(reading.outcome, "")


def _takes(reading: Reading, answer: Answer, glyphs: Glyphs) -> str:
    if answer.threshold is not None:
        return f"{glyphs.at_least} {answer.threshold:.2f}"
    return "ignored" if reading.details else ""


def _worth_showing(rows: list[Row], height: int) -> list[Row]:
    """Return as many cameras as there is room for, those that were worth a look last, in their usual order."""
    if len(rows) <= height:
        return rows
    chosen = sorted(rows, key=lambda row: -row.noticed_s)[:height]
    return [row for row in rows if row in chosen]


def _cut(line: Line, width: int, glyphs: Glyphs) -> Line:
    """Return a line of at most `width` cells."""
    kept: Line = []
    for text, style in line:
        size = cells(text)
        if size > width:
            kept.append((fitted(text, width, cut=glyphs.cut), style))
            break
        kept.append((text, style))
        width -= size
    return kept
