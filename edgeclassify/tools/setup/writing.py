"""Writing the configuration and the password: each whole or not at all, what was there before kept as a copy."""

from __future__ import annotations

import grp
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.errors import UnavailableError
from edgeclassify.redact import hide_password
from edgeclassify.tools.service.files import write
from edgeclassify.tools.service.first_config import MODE
from edgeclassify.tools.service.password import password_from, write_password
from edgeclassify.tools.service.places import NAME
from edgeclassify.tools.setup.target import Target

PASSWORD_FILE = "mqtt-password.txt"  # noqa: S105 - a file's name
_OWN = 0o600  # addresses of cameras hold passwords


@dataclass(frozen=True)
class Written:
    """What was written."""

    paths: tuple[Path, ...]
    backups: tuple[Path, ...]


@dataclass(frozen=True)
class _Change:
    """A file that holds something else now."""

    path: Path
    backup: Path | None
    """What it held; None for nothing."""

    def undo(self) -> None:
        """Put back what was there: by names only, which works on a full disk too."""
        if self.backup:
            self.backup.replace(self.path)
        else:
            self.path.unlink(missing_ok=True)


def write_all(target: Target, text: str | None, password: str | None) -> Written:
    """Write the file and the password that goes with it; when one of them fails, neither is changed.

    Args:
        target: the file.
        text: what it is to hold; None: as it is.
        password: to be kept; None: there is none.

    Raises:
        UnavailableError: it cannot be written.
        UsageError: the password cannot be one.
    """
    secret = None if password is None else password_from(password.encode(errors="surrogateescape"), "setup", "give one")
    changed: list[_Change] = []
    try:
        if text is not None:
            changed.append(_write_config(target, text))
        if secret is not None:
            changed.extend(_write_password(target, secret))
    except OSError as error:  # UnavailableError is one
        for change in changed:
            change.undo()
        if isinstance(error, UnavailableError):
            raise
        raise UnavailableError(
            f"setup: {target.path}: cannot be written ({error.strerror}), nothing is changed; make room, or give "
            "another file: --config FILE"
        ) from error
    backups = tuple(change.backup for change in changed if change.backup)
    return Written(tuple(change.path for change in changed), backups)


def password_path(target: Target) -> Path:
    """Return where the password is kept: beside the file, or as the service's credential."""
    return target.service.password if target.service else target.real.with_name(PASSWORD_FILE)


def _write_password(target: Target, content: bytes) -> Iterator[_Change]:
    path = password_path(target)
    if target.service:  # systemd hands it to the service
        write_password(target.service, content)
        yield _Change(path, None)
    elif not path.is_file() or path.read_bytes().rstrip(b"\r\n") != content:
        user_id, group_id = _owner(target.real)
        yield _replace(path, content + b"\n", _OWN, group_id, user_id)


def _write_config(target: Target, text: str) -> _Change:
    path = target.real
    user_id, group_id = _owner(path)
    mode = path.stat().st_mode & 0o777 if path.exists() else MODE if target.service else _OWN
    if target.service and not path.exists():
        group_id = _service_group()
    if hide_password(text) != text:
        mode &= ~0o007
    return _replace(path, text.encode(), mode, group_id, user_id)


def _replace(path: Path, content: bytes, mode: int, group_id: int, user_id: int) -> _Change:
    """Write a file, and keep a copy of what was there, with the same owner and mode."""
    backup = _backup(path)
    try:
        write(path, content, mode, group_id, user_id)
    except OSError:
        if backup:
            backup.unlink(missing_ok=True)
        raise
    return _Change(path, backup)


def _backup(path: Path) -> Path | None:
    if not path.is_file():
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    copy, number = path.with_name(f"{path.name}.bak-{stamp}"), 1
    while os.path.lexists(copy):
        number += 1
        copy = path.with_name(f"{path.name}.bak-{stamp}-{number}")
    user_id, group_id = _owner(path)
    write(copy, path.read_bytes(), path.stat().st_mode & 0o777, group_id, user_id)
    return copy


def _owner(path: Path) -> tuple[int, int]:
    """Return the user and the group that a file belongs to; -1 where there is none."""
    return (path.stat().st_uid, path.stat().st_gid) if path.exists() else (-1, -1)


def _service_group() -> int:
    try:
        return grp.getgrnam(NAME).gr_gid
    except KeyError:
        return -1
