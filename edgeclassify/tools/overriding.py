"""`edgeclassify overrides clear`: what was set over MQTT is forgotten, by a running daemon too."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeclassify.config.overrides import FILE_NAME, Overrides, alone, read_overrides, write_overrides
from edgeclassify.errors import ConfigError, InputError, UnavailableError
from edgeclassify.mqtt.state_dir import lock_holder


def clear_overrides(state_dir: Path, cameras: Sequence[str]) -> Iterator[str]:
    """Forget what was set for `cameras`, or for all if there are none; yield what to say of it.

    Raises:
        InputError: nothing was set for one of `cameras`.
        UnavailableError: the folder cannot be written, or the daemon cannot be told.
    """
    path = state_dir / FILE_NAME
    try:
        with alone(state_dir):
            cleared = _clear(state_dir, cameras)
    except FileNotFoundError:  # no daemon has run yet
        cleared = _checked(Overrides(), cameras)
    except OSError as error:
        raise UnavailableError(
            f"{path}: {error.strerror}; run it as the daemon's user, with sudo, say, or free space on the disk"
        ) from None
    if not cleared:
        yield "nothing was set over MQTT"
        return
    yield f"cleared: {', '.join(cleared)}"
    yield _tell_daemon(state_dir)


def _clear(state_dir: Path, cameras: Sequence[str]) -> Sequence[str]:
    """Return what was cleared."""
    try:
        overrides = read_overrides(state_dir)
    except ConfigError:
        if cameras:
            raise
        (state_dir / FILE_NAME).unlink()
        return ["a damaged file"]
    cleared = _checked(overrides, cameras)
    left = overrides.without(cleared)
    if left.cameras:
        write_overrides(state_dir, left)
    else:
        (state_dir / FILE_NAME).unlink(missing_ok=True)
    return cleared


def _checked(overrides: Overrides, cameras: Sequence[str]) -> Sequence[str]:
    """Return `cameras`, or all if there are none."""
    for camera in cameras:
        if camera not in overrides.cameras:
            known = ", ".join(overrides.cameras) or "none"
            raise InputError(f"overrides: nothing is set for camera {camera!r}; there is something for: {known}")
    return cameras or list(overrides.cameras)


def _tell_daemon(state_dir: Path) -> str:
    pid = lock_holder(state_dir)
    if pid is None:
        return "no daemon runs on this configuration; it holds from the next start"
    not_told = "the running daemon could not be told; reload it: sudo systemctl reload edgeclassify"
    if not pid:
        return not_told
    try:
        os.kill(pid, signal.SIGHUP)
    except (ProcessLookupError, PermissionError):
        return not_told
    return f"the running daemon (pid {pid}) reads config.yaml again"
