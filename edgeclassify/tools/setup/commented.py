"""A configuration as the text of a file, each key with the comment that says what it is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from edgeclassify.config.document import Data, KeyPath
from edgeclassify.config.problems import section_at

_COMMENT_COLUMN = 31
_WIDTH = 76  # with the two that the set-up indents it by, it fits a terminal
_INDENT = "  "


def commented(data: Mapping[str | int, Data], header: str) -> str:
    """Return YAML that says `data`.

    Args:
        data: keys and values, as a file may hold them.
        header: what is said in front, in words.
    """
    lines = [f"# {line}" for line in header.splitlines()]
    for key, value in data.items():
        block = list(_lines(key, value, (key,)))
        if len(block) > 1 or len(lines) == len(header.splitlines()):
            lines.append("")
        lines.extend(block)
    return "\n".join(lines) + "\n"


def _lines(key: str | int, value: Data, path: KeyPath) -> Iterator[str]:
    indent = _INDENT * (len(path) - 1)
    if isinstance(value, dict) and value:
        yield f"{indent}{_scalar(key)}:"
        for inner, inner_value in value.items():
            yield from _lines(inner, inner_value, (*path, inner))
        return
    text = f"{indent}{_scalar(key)}: {_flow(value)}"
    yield from _with_comment(text, indent, _meaning(path))


def _with_comment(text: str, indent: str, comment: str) -> Iterator[str]:
    if not comment:
        yield text
        return
    line = f"{text:{_COMMENT_COLUMN - 1}} # {comment}"
    if len(line) <= _WIDTH:
        yield line
        return
    for part in textwrap.wrap(comment, _WIDTH - len(indent) - 2):
        yield f"{indent}# {part}"
    yield text


def _meaning(path: KeyPath) -> str:
    """Return what a key is for, as the schema says; empty for names that the user chose."""
    section = section_at(path[:-1])
    field = section.model_fields.get(str(path[-1])) if section else None
    description = (field.description or "") if field else ""
    first = " ".join(description.split()).rstrip(".")
    return first[:1].lower() + first[1:] if not first[:2].isupper() else first


def _scalar(value: str | int) -> str:
    return _flow(value)


def _flow(value: Data) -> str:
    """Return a value in one line."""
    text = _dumped(value)
    # PyYAML takes an old separator for a line's end too.
    return _dumped(value, allow_unicode=False, default_style='"') if "\n" in text or "\x85" in text else text


def _dumped(value: Data, **options: Any) -> str:  # noqa: ANN401 - PyYAML's
    style: dict[str, Any] = {"default_flow_style": True, "allow_unicode": True, "width": float("inf")} | options
    text: str = yaml.safe_dump(value, **style)
    return text.removesuffix("\n").removesuffix("\n...").removesuffix("\n")
