"""Which keys of a configuration name files, and what that means when they stand in another folder."""

from __future__ import annotations

import re
from pathlib import Path

from edgeclassify.config.document import Data, KeyPath, step

_FILES: tuple[KeyPath, ...] = (
    ("state_dir",),
    ("model", "labels"),
    ("mqtt", "password_file"),
    ("mqtt", "tls", "ca"),
    ("mqtt", "tls", "certificate"),
    ("mqtt", "tls", "key"),
)
_NO_FILE_SOURCE = re.compile(r"(auto|test|picamera(:.*)?)\Z|.*://", re.DOTALL)


def moved(data: Data, folder: Path, base: Path) -> None:
    """Change the relative paths in `data`, which start at `folder`, into what they are seen from `base`."""
    cameras = step(data, "cameras")
    sources = [("cameras", name, "source") for name in cameras] if isinstance(cameras, dict) else []
    for path in (*_FILES, ("model", "name"), ("model", "edgetpu_library"), *sources):
        section = data
        for part in path[:-1]:
            section = step(section, part)
        value = step(section, path[-1])
        if isinstance(section, dict) and isinstance(value, str) and _is_relative(path, value):
            section[path[-1]] = _seen(folder, base) + value


def names_file(path: KeyPath, value: str) -> bool:
    """Tell whether the value of this key is the path of a file or folder, and not a name or an address."""
    if path == ("model", "name"):
        return "/" in value or value.endswith(".tflite")
    if path == ("model", "edgetpu_library"):
        return "/" in value
    if path[0] == "cameras":
        return path[-1] == "source" and not _NO_FILE_SOURCE.match(value)
    return path in _FILES


def _is_relative(path: KeyPath, value: str) -> bool:
    return value != "" and not value.startswith(("/", "~")) and names_file(path, value)


def _seen(folder: Path, base: Path) -> str:
    return f"{folder.relative_to(base) if folder.is_relative_to(base) else folder}/"
