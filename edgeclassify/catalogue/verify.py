"""Whether the models that are here are still what they were when they were pulled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.catalogue.checksums import Checksum
from edgeclassify.catalogue.entries import catalogue
from edgeclassify.catalogue.manifest import Manifest, manifests, read_manifest
from edgeclassify.catalogue.storage import unfinished


@dataclass(frozen=True)
class Check:
    """What is to say of one file."""

    file: Path
    ok: bool | None
    """None: nothing is known that it could be held against."""
    said: str
    """What was found, and what to do."""


def verify(folder: Path) -> list[Check]:
    """Return what is to say of every file of the models in a folder."""
    if not folder.is_dir():
        return []
    found = sorted(path for path in folder.iterdir() if path.suffix in (".tflite", ".txt") and path.name[0] != ".")
    recorded = {folder / name for manifest in manifests(folder) for name in manifest.files}
    checks = [_check(path) for path in sorted({*found, *recorded})]
    return [*checks, *_damaged_manifests(folder), *_leftovers(folder)]


def _check(path: Path) -> Check:
    name = path.stem.removesuffix("_edgetpu")
    manifest = read_manifest(path.parent, path.stem) or read_manifest(path.parent, name)
    expected = _expected(path.name, name, manifest)
    again = _again(name, manifest)
    if not path.exists():
        return Check(path, ok=False, said=f"is missing; {again}")
    if expected is None:
        return Check(path, ok=None, said="was not pulled: nothing is known of it")
    try:
        right = expected.matches(path)
    except OSError as error:
        return Check(path, ok=False, said=f"cannot be read ({error.strerror}); mend that, or {again}")
    if not right:
        return Check(path, ok=False, said=f"is damaged or was changed ({expected} is right); {again}")
    return Check(path, ok=True, said=str(expected))


def _expected(file: str, name: str, manifest: Manifest | None) -> Checksum | None:
    """Return what is known of a file: by the catalogue, else by what was written when it was pulled."""
    if (entry := catalogue().entries.get(name)) is not None:
        for known in entry.files:
            if known.name == file:
                return known.checksum
    return Checksum(manifest.files[file]) if manifest and file in manifest.files else None


def _again(name: str, manifest: Manifest | None) -> str:
    if name in catalogue().entries:
        return f"run: edgeclassify models pull {name}"
    if manifest is None:
        return "copy it again from where it came from"
    return f"run: edgeclassify models pull {manifest.source} --sha256 {manifest.source_sha256} --name {manifest.name}"


def _damaged_manifests(folder: Path) -> Iterator[Check]:
    for path in sorted(folder.glob("*.json")):
        if read_manifest(folder, path.stem) is None:
            yield Check(path, ok=False, said=f"is damaged; delete it, then {_again(path.stem, None)}")


def _leftovers(folder: Path) -> Iterator[Check]:
    for path in unfinished(folder):
        said = f"{path.stat().st_size / 1e6:.1f} MB of a pull that did not end; the next one goes on there"
        yield Check(path, ok=None, said=said)
