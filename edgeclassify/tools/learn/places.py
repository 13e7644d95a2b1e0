"""Where learned models are and go."""

from __future__ import annotations

import re
from pathlib import Path

from edgeclassify import resources
from edgeclassify.catalogue.entries import catalogue
from edgeclassify.catalogue.naming import is_name
from edgeclassify.catalogue.storage import pulled_folder
from edgeclassify.errors import ModelError, UsageError
from edgeclassify.inference.bundle import is_bundle
from edgeclassify.inference.files import find_model


def folder_of(name: str, base: Path) -> Path:
    """Return where a new learned model goes: a name among the models, a path where it says.

    Raises:
        UsageError: it cannot be called so.
    """
    if "/" in name:
        folder = base / Path(name).expanduser()
        if folder.exists() and not is_bundle(folder) and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"learn: {folder}: is there and no learned model; give another with --name")
        return folder
    if not is_name(name):
        raise UsageError(f"learn: {name!r} is no name for a model; give one of letters, digits, . _ - with --name")
    if name in catalogue().entries or name in resources.local_models():
        raise UsageError(f"learn: {name} is the name of another model; give another with --name")
    return pulled_folder() / name


def name_for(pictures: Path) -> str:
    """Return the name of a model learned from a folder."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", pictures.absolute().name).strip("-._+") or "learned"


def learned_model(name: str | None, configured: str, base: Path, here: Path) -> Path:
    """Return the folder of a model that is to be changed: the one named, the configuration's, or the only one here.

    Raises:
        UsageError: it is not clear which, or it is no learned one.
    """
    known = resources.learned_models()
    if name is None:
        try:
            folder = find_model(configured, base)
        except ModelError:
            folder = Path()
        if is_bundle(folder):
            return folder
        if len(known) == 1:
            return next(iter(known.values()))
        told = f"here are: {', '.join(known)}; name one with -m" if known else "make one with: edgeclassify learn DIR"
        raise UsageError(f"learn: it is not clear which learned model is meant; {told}")
    folder = find_model(name, here)
    if not is_bundle(folder):
        raise UsageError(f"learn: {name} is no learned model; make one with: edgeclassify learn DIR")
    return folder
