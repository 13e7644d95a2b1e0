"""Scores as characters: a sparkline over time and bars with their threshold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from edgeclassify.tools.watch.board import Sample

Span = tuple[str, str]
"""A piece of a line and its style, a name of rich's."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters to draw with."""

    levels: str
    """From a score of 0 to one of 1."""
    full: str
    parts: str
    """Of a cell that is not full, from almost nothing to almost full."""
    empty: str
    mark: str
    rule: str
    cut: str
    """Where a text goes on."""
    at_least: str


BLOCKS = Glyphs("▁▂▃▄▅▆▇█", "█", "▏▎▍▌▋▊▉", "·", "│", "─", "…", "≥")
ASCII = Glyphs("_.-:=+*#", "#", "", ".", "|", "-", "~", ">=")


def glyphs_for(environment: Mapping[str, str] = os.environ, encoding: str = "utf-8") -> Glyphs:
    """Return block characters where the terminal's language has them."""
    # Python turns LANG=C into UTF-8 by setting LC_CTYPE: that says nothing about the terminal.
    python_set = environment.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8")
    names = ("LC_ALL", "LANG") if python_set else ("LC_ALL", "LC_CTYPE", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "C")
    is_utf8 = "utf-8" in locale.lower().replace("utf8", "utf-8")
    return BLOCKS if is_utf8 and encoding.lower().replace("-", "") == "utf8" else ASCII


def sparkline(samples: Iterable[Sample], width: int, glyphs: Glyphs) -> list[Span]:
    """Return the last scores, the newest at the right."""
    last = list(samples)[-width:] if width > 0 else []
    spans: list[Span] = [(" " * (width - len(last)), "")]
    for counted, run in groupby(last, lambda sample: sample.counted):
        spans.append(("".join(_level(sample.score, glyphs) for sample in run), "green" if counted else "dim"))
    return spans


def _level(score: float, glyphs: Glyphs) -> str:
    return glyphs.levels[min(int(score * len(glyphs.levels)), len(glyphs.levels) - 1)]


def bar(score: float, threshold: float | None, width: int, style: str, glyphs: Glyphs) -> list[Span]:
    """Return a bar of `width` cells with a mark at the threshold."""
    steps = len(glyphs.parts) + 1
    full, part = divmod(round(score * width * steps), steps)
    drawn = glyphs.full * full + (glyphs.parts[part - 1] if part else "")
    rest = glyphs.empty * (width - len(drawn))
    spans = [(drawn, style), (rest, "dim")]
    if threshold is None:
        return spans
    at = min(int(threshold * width), width - 1)
    if at >= len(drawn):
        cut = at - len(drawn)
        return [(drawn, style), (rest[:cut], "dim"), (glyphs.mark, "bold"), (rest[cut + 1 :], "dim")]
    return [(drawn[:at], style), (glyphs.mark, "bold"), (drawn[at + 1 :], style), (rest, "dim")]
