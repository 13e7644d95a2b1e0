"""Writing files so that they are the old or the new ones, never half of either."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

Contents = Mapping[Path, bytes | None]
"""What files hold; None for one that does not exist."""


def write(path: Path, content: bytes, mode: int, group_id: int = -1, user_id: int = -1) -> None:
    """Replace a file at once, for good also when the power goes."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # Never readable for more than `mode`, not even for a moment.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            os.fchown(file.fileno(), user_id, group_id)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def contents(*paths: Path) -> Contents:
    """Return what these files hold now."""
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def restore(before: Contents) -> None:
    """Let these files hold again what they held."""
    for path, content in before.items():
        if content is None:
            path.unlink(missing_ok=True)
        else:
            write(path, content, path.stat().st_mode & 0o777 if path.exists() else 0o644)
