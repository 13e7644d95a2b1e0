"""What the answers change in the configuration: the file with only what differs, and whether it will hold."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeclassify.config.document import Data, KeyPath, path_text, step
from edgeclassify.config.fragments import with_fragments
from edgeclassify.config.reader import ConfigFile, checked
from edgeclassify.config.sections import Config, Section
from edgeclassify.config.yamlfile import parse_document
from edgeclassify.errors import ConfigError
from edgeclassify.redact import hide_password
from edgeclassify.tools.setup.commented import commented
from edgeclassify.tools.setup.target import Existing

Answers = Mapping[KeyPath, Data]
"""The value of each key that was asked for."""


@dataclass(frozen=True)
class Change:
    """A key that will hold something else."""

    path: KeyPath
    before: Data
    after: Data

    def __str__(self) -> str:
        """As people read it."""
        return f"{path_text(self.path, {})}: {_shown(self.before)} -> {_shown(self.after)}"


@dataclass(frozen=True)
class Draft:
    """A file that may be written."""

    changes: tuple[Change, ...]
    text: str
    file: ConfigFile
    """As it will hold."""


def draft(existing: Existing, answers: Answers, header: str) -> Draft:
    """Return the file in which the answers hold, and all else as it was.

    Raises:
        ConfigError: a fragment says something else than an answer, and would win.
    """
    before = existing.file.config
    changes = tuple(
        Change(path, now, value) for path, value in answers.items() if (now := _value(before, path)) != value
    )
    data = copy.deepcopy(existing.main.data)
    assert isinstance(data, dict)
    for change in changes:
        _put(data, change.path, change.after)
    text = commented(data, header)
    file = checked(with_fragments(parse_document(existing.main.path, text)))
    if problems := list(_overruled(file, answers)):
        raise ConfigError(*problems)
    return Draft(changes, text, file)


def _value(config: Config, path: KeyPath) -> Data:
    """Return what holds at a path, defaults included; None of a camera that there is not."""
    value: object = config
    for part in path:
        if isinstance(value, Section):
            value = getattr(value, str(part))
        elif isinstance(value, dict):
            value = value.get(part)
    return value  # type: ignore[return-value]  # what a section holds is what YAML can say


def _put(data: dict[str | int, Data], path: KeyPath, value: Data) -> None:
    for part in path[:-1]:
        inner = step(data, part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[path[-1]] = value


def _overruled(file: ConfigFile, answers: Answers) -> Iterator[str]:
    for path, value in answers.items():
        if _value(file.config, path) != value:
            found = f"is {_shown(_value(file.config, path))} here, which wins over {file.path.name}"
            yield file.problem(path, f"{found}; change it here to {_shown(value)}, or answer as it is")


def _shown(value: Data) -> str:
    return hide_password(str(value)) if value not in ("", None) else "nothing"
