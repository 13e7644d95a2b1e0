"""What was set over MQTT: kept in state_dir, it holds over config.yaml until it is cleared."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from edgeclassify.config.document import KeyPath
from edgeclassify.config.reader import ConfigFile
from edgeclassify.config.sections import Config, Section
from edgeclassify.config.values import Id
from edgeclassify.errors import ConfigError

log = logging.getLogger(__name__)

FILE_NAME = "overrides.json"
LEAST_THRESHOLD = 0.01
_MAX_BYTES = 1_000_000
_READABLE = 0o644
_OTHERS_S = 5.0
_LOOK_AGAIN_S = 0.01


class CameraOverrides(Section):
    """What was set for one camera; None is as the file says."""

    threshold: Annotated[float, Field(ge=LEAST_THRESHOLD, le=1)] | None = None
    """For labels without a line of their own."""
    enabled: bool | None = None


class Overrides(Section):
    """All that was set, by camera; also of cameras that the file does not have any more."""

    cameras: dict[Id, CameraOverrides] = Field(default_factory=dict)

    def changed(self, camera: str, **values: float | bool) -> Overrides:
        """Return these with `threshold` or `enabled` of one camera set."""
        own = self.cameras.get(camera, CameraOverrides()).model_copy(update=values)
        return Overrides(cameras=self.cameras | {camera: own})

    def without(self, cameras: Iterable[str]) -> Overrides:
        """Return these without what was set for `cameras`."""
        left_out = set(cameras)
        return Overrides(cameras={camera: own for camera, own in self.cameras.items() if camera not in left_out})


def read_overrides(state_dir: Path) -> Overrides:
    """Return what was set; nothing if there is no file.

    Raises:
        ConfigError: the file cannot be read, or is not one of ours.
    """
    path = state_dir / FILE_NAME
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return Overrides()
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; make it readable for this user, or clear it: edgeclassify overrides clear"
        ) from None
    try:
        return Overrides.model_validate_json(text)
    except ValidationError:
        raise ConfigError(f"{path}: is damaged; clear it: edgeclassify overrides clear") from None


@contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Keep other processes from `alone` meanwhile: between reading and writing nothing of theirs is lost.

    Raises:
        OSError: there is no such folder, or another process takes too long.
    """
    folder = os.open(state_dir, os.O_RDONLY | os.O_CLOEXEC)  # no file of its own, that root could leave behind
    try:
        given_up_s = time.monotonic() + _OTHERS_S
        while not _locked(folder):
            if time.monotonic() > given_up_s:
                raise TimeoutError(None, "another process does not finish with it")
            time.sleep(_LOOK_AGAIN_S)
        yield
    finally:
        os.close(folder)


def write_overrides(state_dir: Path, overrides: Overrides) -> None:
    """Keep these: the file is whole at any time, also after a power cut. To be called while `alone`.

    Raises:
        OSError: the folder cannot be written, or is full.
    """
    path = state_dir / FILE_NAME
    fresh = path.with_name(FILE_NAME + ".new")
    try:
        fresh.unlink(missing_ok=True)
        with fresh.open("x", encoding="utf-8") as file:  # root does not follow a link here
            os.fchmod(file.fileno(), _READABLE)  # also by the daemon, when root has written it
            file.write(overrides.model_dump_json(exclude_none=True, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(state_dir, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class KeptOverrides:
    """What was set, as the running daemon knows it. A file that cannot be used is set aside, and said."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._is_kept = True
        self._in_file = self.now = Overrides()
        self.read()

    def read(self) -> None:
        """Read the file again: it may have been cleared. What could not be written into it stays until then."""
        try:
            found = read_overrides(self._state_dir)
        except ConfigError as error:
            log.error("%s; going on %s", error, "as it is set" if self.now.cameras else "as config.yaml says")
            _set_aside(self._state_dir / FILE_NAME)
            self._in_file, self._is_kept = Overrides(), False
            return
        if self._is_kept or found != self._in_file:
            self.now = self._in_file = found
            self._is_kept = True

    def change(self, camera: str, **values: float | bool) -> OSError | None:
        """Let this hold too; return why it will be lost at the end of this process, if it cannot be written."""
        lost = None
        try:
            with alone(self._state_dir):
                self.read()
                write_overrides(self._state_dir, self.now.changed(camera, **values))
        except OSError as error:
            path = self._state_dir / FILE_NAME
            log.warning("%s: cannot be written (%s); it holds until a restart", path, error.strerror)
            lost = error
        self.now = self.now.changed(camera, **values)
        self._is_kept = lost is None
        if self._is_kept:
            self._in_file = self.now
        return lost


def overridden(file: ConfigFile, overrides: Overrides) -> ConfigFile:
    """Return the configuration as it holds with what was set; `overridden` of it names the places."""
    cameras = dict(file.config.cameras)
    places: set[KeyPath] = set()
    for camera in cameras.keys() & overrides.cameras.keys():
        own, section = overrides.cameras[camera], cameras[camera]
        if own.enabled is not None:
            section = section.model_copy(update={"enabled": own.enabled})
            places.add(("cameras", camera, "enabled"))
        if own.threshold is not None:
            events = section.events
            written = events.thresholds if "thresholds" in events.model_fields_set else {}
            events = events.model_copy(update={"thresholds": {**written, "*": own.threshold}})
            section = section.model_copy(update={"events": events})
            places.add(("cameras", camera, "events", "thresholds", "*"))
        cameras[camera] = section
    config: Config = file.config.model_copy(update={"cameras": cameras})
    return replace(file, config=config, overridden=frozenset(places))


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _set_aside(path: Path) -> None:
    aside = path.with_name(f"overrides.corrupt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json")
    try:
        path.rename(aside)
    except OSError as error:
        log.warning("%s: stays where it is (%s)", path, error.strerror)
    else:
        log.error("%s: kept as %s", path, aside.name)
