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

    line: int
    written: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place; `line` is null where only the path is known."""

    path: KeyPath
    message: str
    line: int | None = None


@dataclass(frozen=True)
class Document:
    """The contents of one file. Of duplicate keys the last one counts; each is also a problem."""

    path: Path
    data: Data
    places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    is_blank: bool = False
    """It holds nothing but comments: not even `{}`."""

    def line(self, path: KeyPath) -> int | None:
        """Return the line of `path`, or of what it would stand in; None when the file says nothing of it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path].line if path else None

    def value(self, path: KeyPath) -> Data:
        """Return the value at `path`; None when there is none."""
        value = self.data
        for part in path:
            value = step(value, part)
        return value


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
