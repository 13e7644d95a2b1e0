"""Names that come from the configuration or, where it says nothing, from this machine."""

from __future__ import annotations

import os
import re
import socket
import unicodedata
from pathlib import Path

from edgeclassify.config.sections import Config
from edgeclassify.errors import ConfigError

_MAX_LENGTH = 64
_OTHER = re.compile(r"[^a-z0-9]+")


def slug(text: str, empty: str) -> str:
    """Return `text` as a part of a topic: a-z, 0-9 and single _ inside, at most 64; `empty` if nothing is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _OTHER.sub("_", ascii_text).strip("_")[:_MAX_LENGTH].rstrip("_") or empty


def node_name(config: Config) -> str:
    """Return this device's name in topics: as configured, else the host's name, whose hyphens are kept."""
    if config.node:
        return config.node
    return node_slug(socket.gethostname().split(".")[0]) or "edgeclassify"


def node_slug(text: str) -> str:
    """Return the name for topics that comes nearest to `text`, whose hyphens are kept; empty if nothing is left."""
    parts = (slug(part, "") for part in text.split("-"))
    return "-".join(part for part in parts if part)[:_MAX_LENGTH].strip("_-")


def state_dir(config: Config, base: Path) -> Path:
    """Return the folder where the daemon keeps what must survive a restart; `base` is what relative paths start at.

    Raises:
        ConfigError: nothing names one and this user has no home.
    """
    try:
        if config.state_dir:
            return base / Path(config.state_dir).expanduser()
        # systemd's variable; several folders are separated by colons.
        if first := os.environ.get("STATE_DIRECTORY", "").split(":")[0]:
            return base / first
        state = os.environ.get("XDG_STATE_HOME", "")
        # The XDG specification wants relative paths ignored.
        return (Path(state) if state.startswith("/") else Path.home() / ".local/state") / "edgeclassify"
    except RuntimeError as error:
        raise ConfigError(f"state_dir: the home folder is not known ({error}); set state_dir: to a folder") from error
