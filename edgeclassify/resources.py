"""Where the files lie that come with the program: config.yaml, models/ and systemd/."""

from __future__ import annotations

import functools
import os
import site
import sys
from pathlib import Path

from edgeclassify.errors import UnavailableError

GOOD_MODEL = "mobilenet_v2_1.0_224_quant"
"""The one of the catalogue that suits most; to be pulled."""
TWIN_SUFFIX = "_edgetpu"
"""Ends the name of a model that is compiled for the Edge TPU; without it, it is the same model for the CPU."""

SETS = ".sets"
"""Below the folder of pulled models: SETS/NAME/VERSION/ holds the files of one version of a model."""

PACKAGE = Path(__file__).resolve().parent


@functools.cache
def root() -> Path:
    """Return the folder that holds config.yaml, models/ and systemd/.

    In a checkout (also an editable install) that is the project; an installed package finds it under
    share/edgeclassify of its environment, of the user's own site, or beside a `pip install --target` folder.
    """
    places = [
        PACKAGE.parent,
        Path(sys.prefix) / "share/edgeclassify",
        Path(site.getuserbase()) / "share/edgeclassify",
        PACKAGE.parent / "share/edgeclassify",
        # prefix/lib/python3.x/site-packages/edgeclassify -> prefix (Debian: prefix/local/...)
        *(parent / "share/edgeclassify" for parent in PACKAGE.parents[2:5]),
    ]
    for place in places:
        if (place / "config.yaml").is_file() and (place / "models").is_dir():
            return place
    raise UnavailableError(f"{PACKAGE}: config.yaml and models/ are missing; install edgeclassify again")


def default_config() -> Path:
    """Return the configuration that works as it is."""
    return root() / "config.yaml"


def used_config() -> Path:
    """Return the file that is read when none is named on the command line, whether or not it can be read."""
    if named := os.environ.get("EDGECLASSIFY_CONFIG"):
        return Path(named)
    places = (Path("config.yaml"), Path("/etc/edgeclassify/config.yaml"))
    return next((place for place in places if os.path.lexists(place)), None) or default_config()


def models() -> Path:
    """Return the folder of the models that come with the program."""
    return root() / "models"


def systemd() -> Path:
    """Return the folder of the systemd files."""
    return root() / "systemd"


def pulled_models() -> Path:
    """Return the folder of the models that were downloaded: $EDGECLASSIFY_MODELS or the user's data folder."""
    if folder := os.environ.get("EDGECLASSIFY_MODELS"):
        return Path(folder)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(data) / "edgeclassify/models"


def model_folders() -> list[Path]:
    """Return the folders of the models that come with the program and of those that were pulled."""
    try:
        return [models(), pulled_models()]
    except RuntimeError:  # this user has no home, and so has pulled nothing
        return [models()]


def local_models() -> dict[str, Path]:
    """Return the models that a configuration can name, by name; Edge TPU twins of them do not count."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("[!.]*.tflite")):
            if path.is_file():
                found.setdefault(path.stem, path)  # the first folder wins, as when a model is loaded
    return {name: path for name, path in found.items() if name.removesuffix(TWIN_SUFFIX) not in found.keys() - {name}}


def in_its_set(model: Path) -> Path:
    """Return where a model file lies: one that was pulled is a link into its set, all files of which belong together.

    A set is replaced by replacing that one link, so that whoever follows it once never sees files of two sets.
    """
    try:
        target = model.readlink()
    except (OSError, ValueError):  # no link; ValueError: a NUL in the name
        return model
    is_ours = target.parts[:1] == (SETS,) and len(target.parts) == 4 and target.name == model.name
    return model.parent / target if is_ours else model


def beside(model: Path, name: str) -> Path:
    """Return the place of a file that goes with a model: in its set, else where a person may have put it."""
    place = model.with_name(name)
    if is_in_set(model) and not place.is_file():
        own = model.parents[3] / name
        return place if own.is_symlink() else own  # a link leads into another set
    return place


def is_in_set(model: Path) -> bool:
    """Whether this is what `in_its_set` returns for a model that was pulled."""
    return len(model.parents) > 3 and model.parents[2].name == SETS


def learned_models() -> dict[str, Path]:
    """Return the folders of learned models that a configuration can name, by name."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("[!.]*/bundle.json")):
            found.setdefault(path.parent.name, path.parent)
    return found
