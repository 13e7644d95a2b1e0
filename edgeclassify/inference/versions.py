"""Which version of a model's files is here, so that another one under the same names is noticed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.config.sections import ModelConfig
from edgeclassify.inference.bundle import content_sha256
from edgeclassify.inference.labels import label_file
from edgeclassify.inference.twins import find_twins


@dataclass(frozen=True)
class Version:
    """The SHA-256 of each file that a model consists of; empty: there is none, or it cannot be read."""

    model: str
    labels: str
    edgetpu: str


def version_of(config: ModelConfig, base: Path) -> Version:
    """Return what the files of a model are now; relative paths start at `base`.

    Raises:
        ModelError: the model's own file cannot be found or read.
    """
    twins = find_twins(config.name, base)
    return Version(
        content_sha256(twins.cpu),
        _sha256(label_file(config.labels, base, twins.cpu)),
        _sha256(twins.edgetpu),
    )


def _sha256(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):  # who needs it says what is wrong with it; ValueError: a NUL in the name
        return ""
