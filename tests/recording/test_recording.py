"""A recorded terminal shows what a command showed, and needs nothing else."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pyte
import pytest

from tests.recording.recorder import record
from tests.recording.svg import svg

DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def texts(drawn: str) -> list[tuple[float, float, float, str]]:
    """Place, width and words of what is written."""
    root = ElementTree.fromstring(drawn)
    return [
        (float(one.attrib["x"]), float(one.attrib["y"]), float(one.attrib["textLength"]), one.text or "")
        for one in root.iter(f"{SVG}text")
    ]


def drawn(text: str, columns: int = 40, lines: int = 5) -> str:
    screen = pyte.Screen(columns, lines)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    return svg(screen, "a test")


def test_columns_of_one_table_stand_in_line() -> None:
    first, gone, second, seen = texts(drawn("a     gone\nabcd  seen"))
    assert (first[0], gone[0]) == (second[0], seen[0])
    assert (gone[3], gone[2]) == ("gone", seen[2])
    assert gone[1] < seen[1]


def test_wide_characters_take_two_cells() -> None:
    (wide,) = texts(drawn("猫ab"))
    (narrow,) = texts(drawn("abcd"))
    assert wide[2] == narrow[2]


def test_colours_are_kept_and_signs_of_xml_are_no_markup() -> None:
    page = drawn("\x1b[32mon\x1b[0m <a> & 1 >= 0")
    assert re.search(r'fill="#[0-9a-f]{6}">on<', page)
    assert [words for *_, words in texts(page)] == ["on", "<a> & 1 >= 0"]


def test_a_command_that_goes_on_gets_ctrl_c_and_what_it_says_then_is_not_shown() -> None:
    code = "print('begun', flush=True)\ntry: input()\nexcept KeyboardInterrupt: print('ended')"
    picture, exit_code = record([sys.executable, "-c", code], "it", 40, 5, seconds=3)
    assert [words for *_, words in texts(picture)] == ["$ it", "begun"]
    assert exit_code == 0


def test_a_command_that_ends_is_shown_at_once() -> None:
    code = "import os; print(os.get_terminal_size().columns); exit(3)"
    picture, exit_code = record([sys.executable, "-c", code], "it", 44, 5, seconds=60)
    assert ([words for *_, words in texts(picture)], exit_code) == (["$ it", "44"], 3)


@pytest.mark.parametrize(("name", "typed"), [("demo", "./scripts/demo"), ("why", "edgeclassify watch --why")])
def test_a_recorded_terminal_stands_alone_and_is_light(name: str, typed: str) -> None:
    page = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
    assert len(page) < 40_000
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|<script|<image|url\(", page)
    words = [words for *_, words in texts(page)]
    assert words[0] == f"$ {typed}"
    assert {"appeared", "gone", "cat"} <= set(words)
