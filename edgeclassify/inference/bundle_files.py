"""The files of a learned model, checked as they are read."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify.errors import ModelError

_MAX_BYTES = 200_000_000


def damaged(path: Path, reason: object = "") -> ModelError:
    """Return the error for a file of a learned model that cannot be used."""
    told = f" ({reason})" if reason else ""
    return ModelError(f"{path}: is damaged{told}; copy its folder again, or {again(path.parent)}")


def again(folder: Path) -> str:
    """Return how a learned model is made anew."""
    return f"learn again: edgeclassify learn DIR --name {folder.name}"


def read_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of an .npz file, which is checked against the checksum in its name.

    Raises:
        ModelError: it is missing or damaged.
    """
    content = read_whole(path)
    if not hashlib.sha256(content).hexdigest().startswith(_checksum(path)):
        raise damaged(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise damaged(path, error) from error


def is_whole(path: Path) -> bool:
    """Whether an .npz file is there and what its name says; it is not held in memory."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest().startswith(_checksum(path))
    except OSError:
        return False


def read_whole(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        ModelError: it is missing, or cannot be read.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise damaged(path, "it is too large")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror or error}); copy its folder again, or {again(path.parent)}"
        ) from error


def _checksum(path: Path) -> str:
    return path.stem.rpartition("-")[2]
