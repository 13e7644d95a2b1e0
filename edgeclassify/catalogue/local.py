"""The model files of this machine: those that come with the program and those that were pulled."""

from __future__ import annotations

import contextlib
from pathlib import Path

from edgeclassify import resources

_TWIN = "_edgetpu"


def local_models() -> dict[str, Path]:
    """Return the models that a configuration can name, by name; Edge TPU twins of them do not count."""
    folders = [resources.models()]
    with contextlib.suppress(RuntimeError):  # this user has no home, and so has pulled nothing
        folders.append(resources.pulled_models())
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("[!.]*.tflite")):
            found.setdefault(path.stem, path)  # the first folder wins, as when a model is loaded
    return {name: path for name, path in found.items() if name.removesuffix(_TWIN) not in found.keys() - {name}}


def twin_of(path: Path) -> Path | None:
    """Return the same model for the Edge TPU, if it lies beside it."""
    twin = path.with_name(f"{path.stem}{_TWIN}.tflite")
    return twin if twin.is_file() else None
