"""The contents of a configuration file: plain data, and the line at which everything stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from edgeclassify.config.redaction import shortened

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where something stands: ("cameras", "door", "size", 0)."""

Data: TypeAlias = str | int | float | bool | list["Data"] | dict[str | int, "Data"] | None
"""What YAML can say."""

_PLAIN_KEY = re.compile(r"[\w-]+\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands and how it is written there; `written` is null for lists and mappings."""

    file: Path
    line: int
    written: str | None = None

    def seen_from(self, file: Path, main: Path) -> str:
        """Return this place for people who read of `file`: `line 3`, or `config.d/10-site.yaml line 3`."""
        return f"line {self.line}" if self.file == file else f"{shown_beside(self.file, main)} line {self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place; `place` is null where only the path is known."""

    path: KeyPath
    message: str
    place: Place | None = None


@dataclass(frozen=True)
class Document:
    """The contents of one file, or of several merged. Of duplicate keys in a file the last counts, and is a problem."""

    path: Path
    data: Data
    places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    is_blank: bool = False
    """It holds nothing but comments: not even `{}`."""
    fragments: tuple[Path, ...] = ()
    """The files that were merged over the first."""
    warnings: tuple[str, ...] = ()
    """What is odd about the files, a line each."""

    def place(self, path: KeyPath) -> Place | None:
        """Return the place of `path`, or of what it would stand in; None when nothing is said of it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path] if path else None

    def rank(self, place: Place | None) -> tuple[int, int]:
        """Return what puts places into the order in which they are read."""
        if place is None:
            return 0, 0
        return (self.fragments.index(place.file) + 1 if place.file in self.fragments else 0), place.line

    def value(self, path: KeyPath) -> Data:
        """Return the value at `path`; None when there is none."""
        value = self.data
        for part in path:
            value = step(value, part)
        return value


def shown_beside(file: Path, main: Path) -> Path:
    """Return how to name a file to those who know the folder of `main`."""
    return file.relative_to(main.parent) if file.is_relative_to(main.parent) else file


def step(data: Data, part: str | int) -> Data:
    """Return what stands in `data` under one key or number; None when there is nothing."""
    if isinstance(data, Mapping):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
        return data[part]
    return None


def path_text(path: KeyPath, data: Data) -> str:
    """Return `path` as a person reads it: cameras.door.size item 1."""
    text = ""
    for part in path:
        if isinstance(data, list):
            text += f" item {int(part) + 1}"
        else:
            plain = isinstance(part, int) or _PLAIN_KEY.match(part)
            text += ("." if text else "") + (str(part)[:60] if plain else shortened(str(part)))
        data = step(data, part)
    return text
