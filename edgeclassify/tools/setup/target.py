"""Which file the set-up writes, and what it says now."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from edgeclassify import resources
from edgeclassify.config.document import Document
from edgeclassify.config.fragments import with_fragments
from edgeclassify.config.reader import ConfigFile, checked
from edgeclassify.config.yamlfile import read_document
from edgeclassify.errors import ConfigError, UnavailableError, UsageError
from edgeclassify.tools.service.places import Places

_HERE, _HERE_INSTEAD = Path("config.yaml"), Path("my-config.yaml")


@dataclass(frozen=True)
class Target:
    """The file to write."""

    path: Path
    service: Places | None = None
    """Where the service's files lie, when it is its configuration."""
    reason: str = ""
    """Why it is this one, where that may surprise."""

    @property
    def real(self) -> Path:
        """The file itself, not a link to it."""
        return self.path.resolve()


@dataclass(frozen=True)
class Existing:
    """What holds before: the file, if there is one, with its fragments."""

    main: Document
    """Of the file alone; without anything in it when there is none, or it cannot be read."""
    file: ConfigFile
    mistakes: tuple[str, ...] = ()
    """What is wrong with the file, of which then nothing is kept."""


def find_target(option: Path | None, places: Places) -> Target:
    """Return the file to write: the one that is named, the one here, the service's, else a new one here.

    Raises:
        UsageError: it would be the program's own default, or is a folder.
    """
    named = option or (Path(value) if (value := os.environ.get("EDGECLASSIFY_CONFIG")) else None)
    path, reason = (named, "") if named else _unnamed(places)
    if _is_default(path):
        raise UsageError(f"setup: {path} is the program's own default; give another file: --config FILE")
    if _is_folder(path):
        raise UsageError(f"setup: {path} is a folder; give the file in it: --config {path / 'config.yaml'}")
    service = places if path.resolve() == places.config.resolve() and places.settings.is_dir() else None
    return Target(path, service, reason)


def require_writable(target: Target) -> None:
    """Raise an error, before anything is asked, if the file could not be written.

    Raises:
        UsageError: its folder does not exist.
        UnavailableError: this user may not write there.
    """
    folder = target.real.parent
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except PermissionError:
        is_folder = True  # of somebody else
    except OSError:
        is_folder = False
    if not is_folder:
        raise UsageError(f"setup: {folder}: there is no such folder; make it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        raise UnavailableError(
            f"setup: {folder}: this user may not write there; run it with sudo, or give another file: --config FILE"
        )


def read_existing(path: Path) -> Existing:
    """Return what holds now.

    Raises:
        ConfigError: it cannot be read, or one of its fragments is wrong.
    """
    nothing = Document(path, {})
    if not os.path.lexists(path):
        return Existing(nothing, checked(with_fragments(nothing)))
    try:
        main = read_document(path)
        return Existing(main, checked(with_fragments(main)))
    except ConfigError as error:
        # Without the file all is well: then it is the file, and not a fragment, that is wrong.
        return Existing(nothing, checked(with_fragments(nothing)), error.problems)


def _unnamed(places: Places) -> tuple[Path, str]:
    if os.path.lexists(_HERE) and not _is_default(_HERE):
        return _HERE, ""
    if places.config.exists() and os.geteuid() == 0:
        return places.config, "the configuration of the service on this machine"
    if _is_default(_HERE):
        return _HERE_INSTEAD, f"{_HERE} here is the program's own default"
    if places.config.exists():
        return _HERE, f"to set up the service, {places.config}: sudo edgeclassify setup"
    return _HERE, ""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # below a folder of somebody else
        return False


def _is_default(path: Path) -> bool:
    return path.resolve() == resources.default_config().resolve()
