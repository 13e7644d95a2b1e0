"""What of a README can be run: commands, configurations, and the promises of its table, in the order of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NEEDS = {"root", "a camera", "a Coral", "the internet", "Home Assistant", "another machine"}
"""What a command may lack on an ordinary machine."""
_SHELL = ("", "sh")
_FENCE = re.compile(r"^```(\w*)\s*$")
_MARK = re.compile(r"<!-- needs (.*?) -->")
_COMMENT = re.compile(r"""^((?:[^'"#]|'[^']*'|"[^"]*"|(?<!\s)#)*?)\s*(?:(?<=\s)|^)#(.*)$""")
_SPAN = re.compile(r"`([^`]+)`")
_SECTIONS = re.compile(r"^(node|state_dir|model|cameras|events|mqtt|snapshots|home_assistant):", re.MULTILINE)
_PROMISES = re.compile(r"^\|\s*(?:Promise|承诺)\s*\|")
_SLOW = ("not tried on hardware", "minutes", "hours", "needs ")


@dataclass(frozen=True)
class Command:
    """One command line."""

    text: str
    line: int
    block: int
    """Number of the fenced block that it stands in."""
    needs: frozenset[str]

    def __str__(self) -> str:
        return f"{self.line}: {self.text}"


@dataclass(frozen=True)
class Configuration:
    """A block that may stand in config.yaml."""

    text: str
    line: int


@dataclass(frozen=True)
class Promise:
    """A row of the table of promises."""

    text: str
    commands: tuple[str, ...]
    is_quick: bool

    def __str__(self) -> str:
        return self.text[:60]


@dataclass(frozen=True)
class _Block:
    language: str
    mark: str
    """The line before it."""
    first: int
    lines: tuple[str, ...]


def _blocks(text: str) -> Iterator[_Block]:
    language, mark, inside, first = "", "", None, 0
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if inside is None and fence:
            language, mark, inside, first = fence[1], before, [], number + 1
        elif inside is not None and line.startswith("```"):
            yield _Block(language, mark, first, tuple(inside))
            inside = None
        elif inside is not None:
            inside.append(line)
        before = line or before
    assert inside is None, f"the block that begins at line {first} has no end"


def _needs(words: str) -> frozenset[str]:
    found = re.search(r"\bneeds (.*)", words)
    if not found:
        return frozenset()
    named = {need for need in NEEDS if need in found[1]}
    assert named, f"{words!r} needs something unknown; known are {', '.join(sorted(NEEDS))}"
    return frozenset(named)


def without_comment(line: str) -> tuple[str, str]:
    """Divide a line of shell into what is run and its comment."""
    found = _COMMENT.match(line)
    return (found[1].strip(), found[2].strip()) if found else (line.strip(), "")


def _commands(block: _Block, number: int) -> Iterator[Command]:
    mark = _MARK.search(block.mark)
    for_all = _needs(f"needs {mark[1]}") if mark else frozenset()
    text, comments, begun = "", "", block.first
    for offset, line in enumerate(block.lines):
        more, comment = without_comment(line)
        begun = begun if text else block.first + offset
        text, comments = f"{text} {more.removesuffix(chr(92)).strip()}".strip(), f"{comments} {comment}"
        if more.endswith("\\"):
            continue
        if text:
            yield Command(text, begun, number, for_all | _needs(comments))
        text, comments = "", ""


def runnable(text: str) -> list[Command | Configuration]:
    """Commands and configurations of a document, in order."""
    found: list[Command | Configuration] = []
    for number, block in enumerate(_blocks(text)):
        if block.language in _SHELL:
            found += _commands(block, number)
        elif block.language == "yaml" and _SECTIONS.search("\n".join(block.lines)):
            found.append(Configuration("\n".join(block.lines) + "\n", block.first))
    return found


def commands(text: str) -> list[Command]:
    return [item for item in runnable(text) if isinstance(item, Command)]


def spans(text: str) -> list[str]:
    """The commands of this program that are named within a sentence or a table."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    named = [" ".join(span.split()) for span in _SPAN.findall(prose)]
    return [span for span in named if re.match(r"(sudo )?edgeclassify \w", span)]


def promises(text: str) -> list[Promise]:
    """The rows of the table `Promise | Measured | Run it yourself`."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if _PROMISES.match(line)), len(lines))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        promise, *_, last = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        words = _SPAN.sub("", last)
        quick = not any(word in words for word in _SLOW)
        found.append(Promise(promise, tuple(_SPAN.findall(last)), quick))
    return found


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
