"""What the command line answers already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Given:
    """All answers that options can give; None where nothing is said."""

    node: str | None = None
    model: str | None = None
    offline: bool = False
    """Do not try to get a model."""
    camera: str | None = None
    """The camera's id."""
    source: str | None = None
    pictures: Path | None = None
    """Where pictures of the camera are saved; None: a new folder for temporary files."""
    host: str | None = None
    """Perhaps with a port, or a whole address."""
    port: int | None = None
    username: str | None = None
    password: str | None = None
    password_file: Path | None = None
    """Where the password lies already."""
    tls: bool | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    base_topic: str | None = None
    untested: bool = False
    """Neither camera nor broker is tried."""
