"""Files that the configuration names and that the service cannot see, since its unit hides home folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edgeclassify.config.document import KeyPath
from edgeclassify.config.reader import ConfigFile
from edgeclassify.homes import MOVE, home_of
from edgeclassify.tools.service.places import Places
from edgeclassify.tools.service.unit import settings

_WHY = f"the service sees no home folders; {MOVE}"
_OPEN = {"no", "false", "off", "0", "read-only", ""}


def hidden_files(file: ConfigFile, root: Path = Path("/")) -> list[str]:
    """Return what is wrong with files in home folders, a line each; nothing where no service uses this configuration.

    Args:
        file: the configuration.
        root: where the unit is installed below.
    """
    if file.path.absolute() != Places(root).config:
        return []
    seen = _seen_folders(root)

    def is_hidden(path: Path) -> bool:
        return home_of(path) is not None and not any(folder == path or folder in path.parents for folder in seen)

    real = file.path.resolve()
    itself = [f"{file.path}: is a link to {real}; {_WHY}"] if is_hidden(real) else []
    return itself + [file.problem(key, f"{path}: {_WHY}") for key, path in _named(file) if is_hidden(path)]


def _seen_folders(root: Path) -> list[Path]:
    """Return what the service sees although it lies in a home."""
    protect, bound = "no", list[Path]()
    for key, value in settings(root):
        if key == "ProtectHome":
            protect = value.lower()
        elif key in ("BindPaths", "BindReadOnlyPaths"):
            bound += [Path(word.lstrip("-").split(":")[0]) for word in value.split()]
    if protect in _OPEN:
        return [Path("/")]
    return bound if protect == "tmpfs" else []  # through `yes`, nothing comes


def _named(file: ConfigFile) -> Iterator[tuple[KeyPath, Path]]:
    """Yield the paths in a configuration, links followed."""
    config = file.config
    texts: list[tuple[KeyPath, str]] = [
        (("state_dir",), config.state_dir),
        (("model", "name"), config.model.name),
        (("model", "labels"), config.model.labels),
        (("model", "edgetpu_library"), config.model.edgetpu_library),
        (("mqtt", "password_file"), config.mqtt.password_file),
        *((("mqtt", "tls", key), getattr(config.mqtt.tls, key)) for key in ("ca", "certificate", "key")),
        *((("cameras", name, "source"), camera.source) for name, camera in config.cameras.items()),
    ]
    for key, text in texts:
        if ("/" in text or text.startswith("~")) and "://" not in text:
            yield key, Path(os.path.realpath(file.base / Path(os.path.expanduser(text))))  # noqa: PTH111 - ~nobody raises in Path
