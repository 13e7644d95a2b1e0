"""`service uninstall`: what `install` made goes; what the user wrote stays, unless told otherwise."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import sqlite3
from pathlib import Path

from edgeclassify.errors import UnavailableError
from edgeclassify.mqtt.database import reading
from edgeclassify.tools.service.installing import locked, own_files
from edgeclassify.tools.service.places import NAME, Places, require_root, require_systemd
from edgeclassify.tools.service.running import Say, run, systemctl


def uninstall(say: Say, *, purge: bool) -> None:
    """Remove program, models, state, user and unit; with `purge` configuration, password and drop-ins too.

    Raises:
        UnavailableError: something could not be removed.
    """
    places = Places()
    require_root("edgeclassify service uninstall")
    require_systemd(places)
    with locked(places):
        with contextlib.suppress(UnavailableError):  # it is not there
            systemctl("--quiet", "disable", "--now", f"{NAME}.service")
        for path in own_files(places).values():
            path.unlink(missing_ok=True)
        systemctl("daemon-reload")
        with contextlib.suppress(UnavailableError):  # a failure of the past is no longer told
            systemctl("reset-failed", f"{NAME}.service")
        _remove_user(places, say)
        if waiting := events_that_wait(places):
            say(f"{waiting} events that still wait for the broker are deleted")
        folders = [places.state, places.programs]
        if purge:
            folders += [places.settings, places.drop_ins]
        else:
            for path in (places.config, places.fragments, *places.fragments.glob("*.yaml")):
                with contextlib.suppress(FileNotFoundError):
                    os.chown(path, -1, 0)  # its group is no more
        for folder in folders:
            remove_folder(folder, say)
    places.lock.unlink(missing_ok=True)
    kept = [str(path) for path in (places.settings, places.drop_ins) if path.exists()]
    say(f"{NAME} is removed" + (f"; kept: {', '.join(kept)} (--purge removes it too)" if kept else ""))


def events_that_wait(places: Places) -> int:
    """Return how many events the service leaves undelivered; 0 too when they cannot be read, and so not be sent."""
    try:
        with reading(places.state / "outbox.db") as database:
            (waiting,) = database.execute("SELECT count(*) FROM events").fetchone()
    except (sqlite3.Error, OSError):
        return 0
    return int(waiting)


def _remove_user(places: Places, say: Say) -> None:
    try:
        user = pwd.getpwnam(NAME)
    except KeyError:
        return
    if user.pw_dir != str(places.state):
        say(f"the user {NAME} is kept: it was there before, with the home folder {user.pw_dir}")
        return
    run("userdel", NAME)  # and its group, which has no other members


def remove_folder(folder: Path, say: Say) -> None:
    """Remove a folder with all that is in it; of a link only that, since what it leads to is the user's.

    Raises:
        UnavailableError: that is not possible.
    """
    if folder.is_symlink():
        say(f"{folder} was a link to {folder.readlink()}, which is kept; remove that yourself")
        folder.unlink()
    else:
        shutil.rmtree(folder, onerror=_tell)


def _tell(_function: object, path: str, error: tuple[type[BaseException], BaseException, object]) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise UnavailableError(f"service: {path}: {error[1]}; remove it by hand") from error[1]
