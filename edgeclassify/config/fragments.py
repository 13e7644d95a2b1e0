"""Fragments of a configuration: `config.d/*.yaml` beside its file, merged over it in the order of their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeclassify.config.document import Data, Document, KeyPath, Place, Problem
from edgeclassify.config.filenames import moved
from edgeclassify.config.yamlfile import parse_document, read_text
from edgeclassify.errors import ConfigError

FOLDER = "config.d"
_MAX_FILES = 100


def with_fragments(main: Document) -> Document:
    """Return a document with the fragments beside its file merged over it, each over those before it.

    Raises:
        ConfigError: a fragment cannot be read or is not YAML, or their folder cannot be looked into.
    """
    # Beside the file itself, not beside a link to it: there its relative paths begin too.
    base = (main.path.resolve() if main.path.is_symlink() else main.path).parent
    paths, warnings = _found(base / FOLDER)
    result = main
    problems: list[str] = []
    for path in paths:
        try:
            fragment = _fragment(path, base)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        if isinstance(main.data, dict):  # else there is nothing to merge with, which is a problem of its own
            result = merged(result, fragment)
    if problems:
        raise ConfigError(*problems)
    return replace(result, fragments=tuple(paths), warnings=tuple(warnings))


def merged(below: Document, above: Document) -> Document:
    """Return `above` laid over `below`: keys with values are merged key by key, anything else is replaced.

    A key with nothing below it changes nothing where keys with values stand, as in a file of its own.
    """
    replaced: set[KeyPath] = set()
    data = _over(below.data, above.data, (), replaced)
    kept = {path: place for path, place in below.places.items() if not _is_in(path, replaced)}
    return replace(below, data=data, places=kept | above.places, problems=below.problems + above.problems)


def _found(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the fragments by name, and warnings of files that somebody may take for some."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be looked into: {error.strerror}; see: ls -ld {folder}") from error
    paths = [folder / name for name in names if name.endswith(".yaml")]
    if len(paths) > _MAX_FILES:
        raise ConfigError(f"{folder}: holds {len(paths)} files; at most {_MAX_FILES} are read, put some together")
    alike = [name for name in names if name.lower().endswith((".yml", ".yaml")) and folder / name not in paths]
    return paths, [f"{folder / name}: is not read; only names that end in .yaml count" for name in alike]


def _fragment(path: Path, base: Path) -> Document:
    try:
        is_file = path.is_file()
    except OSError as error:  # a link into a folder of somebody else, say
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); see: ls -lL {path}") from error
    if not is_file:
        raise ConfigError(f"{path}: is no file, or a link that leads nowhere; remove it")
    text = read_text(path)
    if not text.strip():  # half-written, or cut off by a power failure
        raise ConfigError(f"{path}: is empty; write it again, or remove it")
    document = parse_document(path, text)
    if not isinstance(document.data, dict):
        problem = Problem((), "must be keys with values; is it the right file?", Place(path, 1))
        return replace(document, data={}, places={}, problems=[*document.problems, problem])
    moved(document.data, path.resolve().parent, base.resolve())
    return document


def _over(below: Data, above: Data, path: KeyPath, replaced: set[KeyPath]) -> Data:
    if isinstance(below, dict):
        if above is None:
            return below
        if isinstance(above, dict):
            common = {key: _over(below[key], above[key], (*path, key), replaced) for key in above if key in below}
            return below | above | common
    replaced.add(path)
    return above


def _is_in(path: KeyPath, replaced: set[KeyPath]) -> bool:
    return any(path[:length] in replaced for length in range(len(path) + 1))
