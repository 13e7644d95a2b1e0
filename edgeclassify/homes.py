"""Files in home folders, which the service's unit hides (ProtectHome=): they look forbidden, and no chmod helps."""

from __future__ import annotations

import os
from pathlib import Path

FOLDERS = (Path("/home"), Path("/root"), Path("/run/user"))
"""What systemd takes for homes."""

MOVE = (
    "move it to /etc/edgeclassify and name it there; "
    "or see home-folders.conf in /opt/edgeclassify/current/share/edgeclassify/systemd"
)


def home_of(path: Path) -> Path | None:
    """Return the one of `FOLDERS` that a path leads into; None for none."""
    return next((home for home in FOLDERS if home == path or home in path.parents), None)


def advice(path: Path, otherwise: str) -> str:
    """Return what to do about a file that may not be read: `otherwise`, unless the service's unit hides it."""
    home = home_of(path)
    # systemd sets the variable for what it starts, and puts a folder that nobody may enter in the place of the homes.
    if home is None or "INVOCATION_ID" not in os.environ or os.access(home, os.X_OK):
        return otherwise
    return f"the service sees no home folders: {MOVE}"
