"""What was pulled, kept with each model: NAME.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeclassify.catalogue.checksums import sha256_of
from edgeclassify.resources import in_its_set


@dataclass(frozen=True)
class Manifest:
    """Where the files of one model came from, and what they must be."""

    name: str
    pulled: str
    """When: ISO 8601, UTC."""
    source: str
    """The address or path of the model, or of the archive that it was in; without a password."""
    source_sha256: str
    files: Mapping[str, str]
    """SHA-256 of each file, by its name here."""

    def wrong(self, folder: Path) -> list[str]:
        """Return the files that are missing or not what was pulled."""
        place = in_its_set(folder / f"{self.name}.tflite").parent
        return [name for name, sha256 in self.files.items() if not _is(place / name, sha256)]

    def write(self, path: Path) -> None:
        """Write it to a file of its own."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def manifest_name(name: str) -> str:
    """Return the file name of a model's manifest."""
    return f"{name}.json"


def read_manifest(folder: Path, name: str) -> Manifest | None:
    """Return the manifest of a model; None when there is none, or it is damaged."""
    try:
        model = in_its_set(folder / f"{name}.tflite")
        document = json.loads(model.with_name(manifest_name(name)).read_bytes())
        files = {str(file): str(sha256) for file, sha256 in document["files"].items()}
        if any("/" in file for file in files):
            return None
        return Manifest(name, str(document["pulled"]), str(document["source"]), str(document["source_sha256"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def manifests(folder: Path) -> list[Manifest]:
    """Return all of a folder."""
    names = {path.stem for kind in ("*.json", "*.tflite") for path in folder.glob(kind)}
    found = [read_manifest(folder, name) for name in sorted(names)]
    return [manifest for manifest in found if manifest is not None]


def _is(path: Path, sha256: str) -> bool:
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False
