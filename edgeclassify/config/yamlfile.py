"""Reading a YAML file: limited in size and depth, with a line for everything that is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import yaml

from edgeclassify.config.document import Data, Document, KeyPath, Place, Problem
from edgeclassify.config.redaction import shortened
from edgeclassify.errors import ConfigError

MAX_BYTES = 1_000_000
_MAX_DEPTH = 40
# Aliases may repeat a part of the file, but not so often that a small file fills the memory.
_MAX_NODES = 200_000
_TAG = "tag:yaml.org,2002:"
_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_READ_AS = {_TAG + "null": "nothing", _TAG + "bool": "true or false", _TAG + "float": "a number"}
# PyYAML's words, and what they mean to a person.
_SYNTAX = {
    "cannot start any token": "a tab, or a sign that YAML reserves, stands here; indent with spaces, quote such texts",
    "mapping values are not allowed": "a ':' too many, or the line is indented wrongly; quote texts that hold ': '",
    "could not find expected ':'": "a ':' is missing; write it as key: value",
    "<block end>": "the line is indented differently from its neighbours",
    "end of stream": "a quote or bracket is not closed",
    "<stream end>": "a quote or bracket is not closed",
    "<document start>": "the line before is not key: value, or a bracket was closed too early",
    "expected ',' or": "a comma or a closing bracket is missing",
    "undefined alias": "a word that begins with * must be in quotes",
    "alphabetic or numeric character": "a word that begins with * or & must be in quotes",
    "duplicate anchor": "two words begin with the same &; put them in quotes",
    "escape": "a backslash in double quotes; use single quotes",
    "tag": "a word that begins with ! must be in quotes",
    "a single document": "a second document begins; remove the line ---",
}


def read_document(path: Path) -> Document:
    """Read a YAML file of at most 1 MB.

    Raises:
        ConfigError: it cannot be read, or is not YAML.
    """
    return parse_document(path, read_text(path))


def read_text(path: Path) -> str:
    """Return what a file of at most 1 MB holds.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """
    return _decode(path, _read(path))


def parse_document(path: Path, text: str) -> Document:
    """Return what a text says that stands, or is to stand, in the file `path`.

    Raises:
        ConfigError: it is not YAML.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else f"{path}"
        # Not chained: PyYAML's own text shows the line, and a password may stand there.
        raise ConfigError(f"{where}: {_syntax_words(error)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{path}:{line}: a control character (code {error.character}) stands here; take it out"
        ) from error
    except (ValueError, OverflowError) as error:
        # An escape such as "\UFFFFFFFF": PyYAML hands it to chr() as it is.
        raise ConfigError(
            f"{path}: there is no such character as a backslash in double quotes asks for; use single quotes"
        ) from error
    return _Converter(path, loader).document(node)


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=_open) as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file; name another with --config") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{path}: is a folder; name the file in it") from error
    except PermissionError as error:
        raise ConfigError(f"{path}: this user may not read it; see: ls -l {path}") from error
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read ({said}); check the path and the disk") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path}: is larger than 1 MB; is it the right file?")
    return raw


def _open(path: str, flags: int) -> int:
    """Open without waiting for whoever writes into a pipe, who may never come."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def _decode(path: Path, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text; is it the right file? If so, save it as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError(f"{path}:{line}: holds a zero byte, so it is no text; is it the right file?")
    return text


def _syntax_words(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context or ''} {error.problem or ''}"
    return next((words for sign, words in _SYNTAX.items() if sign in said), f"is not YAML: {error.problem}")


class _Loader(yaml.SafeLoader):
    """Composes nodes to a limited depth; dates and `=` are plain text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class attribute
        first: [(tag, pattern) for tag, pattern in rules if tag not in (_TAG + "timestamp", _TAG + "value")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="lists in lists too deep", problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Converter:
    """Turns nodes into data, and notes the line of each."""

    def __init__(self, path: Path, loader: _Loader) -> None:
        self._document = Document(path, None)
        self._loader = loader
        self._nodes = 0
        self._merges = 0  # open now, one inside another

    def document(self, node: yaml.Node | None) -> Document:
        data = self._value(node, ()) if node else None
        found = self._document
        return Document(found.path, {} if data is None else data, found.places, found.problems, data is None)

    def _value(self, node: yaml.Node, path: KeyPath) -> Data:
        self._count(node, path)
        if node.tag not in _TAGS:
            self._problem(path, "words that begin with ! must be in quotes", node)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items: list[Data] = []
            for number, item in enumerate(node.value):
                self._note((*path, number), item, item)
                items.append(self._value(item, (*path, number)))
            return items
        return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Data:
        try:
            value: Data = self._loader.construct_object(node)
            if isinstance(value, str):
                value.encode()  # fails for the half of a character that "\ud800" asks for
        except (ValueError, LookupError):  # 5000 digits, or a tag like !!int on something else
            value = "\0"
        if isinstance(value, str) and "\0" in value:  # no file, host or topic can hold it
            self._problem(path, "is not a number or text that can be used", node)
            return None
        return value

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str | int, Data]:
        merges = [value for key, value in node.value if key.tag == _TAG + "merge"]
        result: dict[str | int, Data] = {}
        self._merges += len(merges)
        for merged in reversed([mapping for value in merges for mapping in self._merged(value)]):
            result |= self._mapping(merged, path)
        self._merges -= len(merges)
        first_lines: dict[str | int, int] = {}
        for key_node, value_node in node.value:
            key = None if key_node.tag == _TAG + "merge" else self._key(key_node, path)
            if key is None:
                continue
            if key in first_lines:
                self._problem((*path, key), f"is here twice, first in line {first_lines[key]}; remove one", key_node)
            first_lines.setdefault(key, _line(key_node))
            self._note((*path, key), key_node, value_node)
            result[key] = self._value(value_node, (*path, key))
        return result

    def _merged(self, node: yaml.Node) -> list[yaml.MappingNode]:
        """Return the mappings that `<<:` brings in, the strongest first."""
        self._count(node, ())
        mappings = []
        for mapping in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(mapping, yaml.MappingNode):
                self._refuse(node, "<<: takes the * names of mappings")
            mappings.append(mapping)
        return mappings

    def _key(self, node: yaml.Node, path: KeyPath) -> str | int | None:
        """Return a key; None, with a problem noted, for one that is no text and no index."""
        key = self._scalar(node, path) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool)):
            return key
        if isinstance(node, yaml.ScalarNode) and node.tag in _TAGS:
            what = f"a key is read as {_READ_AS.get(node.tag, 'something else')} here"
            self._problem(path, f"{what}; quote it: {shortened(node.value)}", node)
        else:
            self._problem(path, "a list, a mapping or a tag stands here as a key; put the key in quotes", node)
        return None

    def _note(self, path: KeyPath, at: yaml.Node, value: yaml.Node) -> None:
        written = value.value if isinstance(value, yaml.ScalarNode) else None
        self._document.places[path] = Place(self._document.path, _line(at), written)

    def _count(self, node: yaml.Node, path: KeyPath) -> None:
        self._nodes += 1
        if self._nodes > _MAX_NODES or len(path) + self._merges > _MAX_DEPTH:
            self._refuse(node, "too much stands here for a configuration, or names with * repeat it")

    def _problem(self, path: KeyPath, message: str, node: yaml.Node) -> None:
        self._document.problems.append(Problem(path, message, Place(self._document.path, _line(node))))

    def _refuse(self, node: yaml.Node, message: str) -> NoReturn:
        raise ConfigError(f"{self._document.path}:{_line(node)}: {message}")


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1
