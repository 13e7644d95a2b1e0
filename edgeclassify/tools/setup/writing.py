"""Writing the configuration and the password: each whole or not at all, what was there before kept as a copy."""

from __future__ import annotations

import grp
import os
import time
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.errors import UnavailableError
from edgeclassify.tools.service.files import contents, restore, write
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
    secret = password_path(target)
    before = contents(secret) if password is not None else {}
    backups, paths = [], []
    try:
        if password is not None:
            backups += _write_password(target, secret, password_from(password.encode()))
            paths.append(secret)
        if text is not None:
            backups += _write_config(target, text)
            paths.append(target.path)
    except (OSError, UnavailableError) as error:
        restore(before)
        if isinstance(error, UnavailableError):
            raise
        raise UnavailableError(
            f"setup: {target.path}: cannot be written ({error.strerror}); make room, or give another file: "
            "--config FILE; nothing is changed"
        ) from error
    return Written(tuple(paths), tuple(backups))


def password_path(target: Target) -> Path:
    """Return where the password is kept: beside the file, or as the service's credential."""
    return target.service.password if target.service else target.real.with_name(PASSWORD_FILE)


def _write_password(target: Target, path: Path, password: bytes) -> list[Path]:
    if target.service:  # systemd hands it to the service
        write_password(target.service, password)
        return []
    if path.is_file() and path.read_bytes().rstrip(b"\r\n") == password:
        return []
    backups = _backup(path)
    user_id, group_id = _owner(target.real)
    write(path, password + b"\n", _OWN, group_id, user_id)
    return backups


def _write_config(target: Target, text: str) -> list[Path]:
    path = target.real
    backups = _backup(path)
    user_id, group_id = _owner(path)
    mode = path.stat().st_mode & 0o777 if path.exists() else MODE if target.service else _OWN
    if target.service and not path.exists():
        group_id = _service_group()
    write(path, text.encode(), mode, group_id, user_id)
    return backups


def _backup(path: Path) -> list[Path]:
    """Keep a copy of what is there, with the same owner and mode."""
    if not path.is_file():
        return []
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    copy, number = path.with_name(f"{path.name}.bak-{stamp}"), 1
    while os.path.lexists(copy):
        number += 1
        copy = path.with_name(f"{path.name}.bak-{stamp}-{number}")
    user_id, group_id = _owner(path)
    write(copy, path.read_bytes(), path.stat().st_mode & 0o777, group_id, user_id)
    return [copy]


def _owner(path: Path) -> tuple[int, int]:
    """Return the user and the group that a file belongs to; -1 where there is none."""
    return (path.stat().st_uid, path.stat().st_gid) if path.exists() else (-1, -1)


def _service_group() -> int:
    try:
        return grp.getgrnam(NAME).gr_gid
    except KeyError:
        return -1
