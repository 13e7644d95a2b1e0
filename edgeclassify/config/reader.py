"""Finding and reading config.yaml: everything that is wrong is said at once, each with its line."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edgeclassify import resources
from edgeclassify.config.document import Document, KeyPath, Place, Problem, path_text, shown_beside, step
from edgeclassify.config.fragments import with_fragments
from edgeclassify.config.problems import in_words
from edgeclassify.config.sections import Config
from edgeclassify.config.yamlfile import read_document
from edgeclassify.errors import ConfigError, ModelError

_MAX_SHOWN = 100


@dataclass(frozen=True)
class ConfigFile:
    """A configuration that was read, and where its parts stand."""

    document: Document
    config: Config
    overridden: frozenset[KeyPath] = frozenset()
    """What does not hold as the file says, since it was set over MQTT."""

    @property
    def path(self) -> Path:
        """The file; beside it fragments may lie."""
        return self.document.path

    @property
    def files(self) -> str:
        """The file and its fragments, for people: `/etc/edgeclassify/config.yaml + config.d/10-site.yaml`."""
        return " + ".join([str(self.path), *(str(shown_beside(one, self.path)) for one in self.document.fragments)])

    @property
    def base(self) -> Path:
        """The folder that relative paths in the file start at."""
        return self.path.resolve().parent

    def place(self, path: KeyPath) -> Place | None:
        """Return the place of what stands exactly at `path`; None when no file says it, or it is overridden."""
        return None if path in self.overridden else self.document.places.get(path)

    def problem(self, path: KeyPath, message: str) -> str:
        """Return one line that says where and what is wrong."""
        return _text(self.document, Problem(path, message, self.document.place(path)))


class InvalidConfigError(ConfigError):
    """A file says what cannot be; `usable` is what it says without that, as far as that is a configuration."""

    def __init__(self, usable: ConfigFile | None, *problems: str) -> None:
        super().__init__(*problems)
        self.usable = usable


def find_config(option: Path | None) -> Path:
    """Return the file to read: `option`, $EDGECLASSIFY_CONFIG, ./config.yaml, the one in /etc, the packaged default."""
    return resources.used_config() if option is None else option


def load_config(path: Path) -> ConfigFile:
    """Read and check a file and the fragments beside it.

    Raises:
        ConfigError: one of them cannot be read.
        InvalidConfigError: they say what cannot be; `problems` holds everything that is wrong.
    """
    return checked(with_fragments(read_document(path)))


def checked(document: Document) -> ConfigFile:
    """Return the configuration that a document is.

    Raises:
        InvalidConfigError: it says what cannot be; `problems` holds everything that is wrong.
    """
    problems = list(document.problems)
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        told = {(problem.path, problem.place and problem.place.file) for problem in problems}
        found = in_words(error.errors(include_url=False), document)
        problems += [one for one in found if (one.path, one.place and one.place.file) not in told]
    if problems:
        # Not chained: pydantic's own text shows values, passwords among them.
        usable = _without(document, [problem.path for problem in problems])
        raise InvalidConfigError(usable, *_texts(document, problems)) from None
    return ConfigFile(document, config)


@contextmanager
def model_errors(file: ConfigFile) -> Iterator[None]:
    """Say of a model that cannot be used which line of the file names it."""
    try:
        yield
    except ModelError as error:
        raise type(error)(file.problem(("model", error.key), str(error))) from error


def _without(document: Document, wrong: Iterable[KeyPath]) -> ConfigFile | None:
    """Return what a file says without the keys that are wrong; None when that is no configuration either."""
    data = copy.deepcopy(document.data)
    for path in wrong:
        inner, places = data, []
        for part in path:
            if isinstance(inner, dict):  # of a list all goes: one with a hole would say something else
                places.append((inner, part))
            inner = step(inner, part)
        if places:
            section, key = places[-1]
            section.pop(key, None)
    try:
        return ConfigFile(document, Config.model_validate(data))
    except ValidationError:
        return None


def _texts(document: Document, problems: Iterable[Problem]) -> list[str]:
    ordered = sorted(problems, key=lambda problem: document.rank(problem.place))
    texts = list(dict.fromkeys(_text(document, problem) for problem in ordered))
    more = len(texts) - _MAX_SHOWN
    return texts if more <= 0 else [*texts[:_MAX_SHOWN], f"{document.path}: {more} more problems are not shown"]


def _text(document: Document, problem: Problem) -> str:
    where = f"{problem.place.file}:{problem.place.line}" if problem.place else f"{document.path}"
    what = path_text(problem.path, document.data)
    return f"{where}: {what}: {problem.message}" if what else f"{where}: {problem.message}"
