"""Where the service's files lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.errors import UnavailableError

NAME = "edgeclassify"
"""Of the unit, its user and its folders."""


@dataclass(frozen=True)
class Places:
    """All of them, below `root`; tests give a folder of their own."""

    root: Path = Path("/")

    @property
    def programs(self) -> Path:
        """What is installed: versions/N, `current` (the one that is used), models."""
        return self.root / "opt" / NAME

    @property
    def models(self) -> Path:
        """Models that were pulled, for the service and for every user; $EDGECLASSIFY_MODELS of the unit."""
        return self.programs / "models"

    @property
    def state(self) -> Path:
        """Events that wait for the broker; the unit's StateDirectory."""
        return self.root / "var/lib" / NAME

    @property
    def settings(self) -> Path:
        """What belongs to the user: config.yaml and secrets."""
        return self.root / "etc" / NAME

    @property
    def config(self) -> Path:
        """The configuration that the unit names."""
        return self.settings / "config.yaml"

    @property
    def fragments(self) -> Path:
        """What is merged over it, the user's too: config.d/*.yaml."""
        return self.settings / "config.d"

    @property
    def password(self) -> Path:
        """The credential that the unit loads."""
        return self.settings / "secrets/mqtt-password"

    @property
    def unit(self) -> Path:
        """The systemd unit."""
        return self.root / f"etc/systemd/system/{NAME}.service"

    @property
    def drop_ins(self) -> Path:
        """The user's changes to the unit."""
        return self.unit.with_name(f"{NAME}.service.d")

    @property
    def command(self) -> Path:
        """`edgeclassify` for every user."""
        return self.root / "usr/local/bin" / NAME

    @property
    def lock(self) -> Path:
        """Held while something is installed or removed."""
        return self.root / f"run/{NAME}-install.lock"

    @property
    def system_files(self) -> Mapping[str, Path]:
        """Where each file of the folder systemd/ is laid down."""
        return {
            "edgeclassify.service": self.unit,
            "edgeclassify.sysusers.conf": self.root / f"etc/sysusers.d/{NAME}.conf",
            "65-edgeclassify-coral.rules": self.root / "etc/udev/rules.d/65-edgeclassify-coral.rules",
            "edgeclassify.sh": self.command,
        }


def require_root(command: str) -> None:
    """Raise UnavailableError unless this is root."""
    if os.geteuid() != 0:
        raise UnavailableError(f"service: needs root; run: sudo {command}")


def require_systemd(places: Places) -> None:
    """Raise UnavailableError unless systemd runs this machine."""
    if not (places.root / "run/systemd/system").is_dir():
        raise UnavailableError(
            "service: systemd does not run this machine; start the daemon by other means: edgeclassify run"
        )
