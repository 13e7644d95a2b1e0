"""What a model from an address may be called: the name becomes that of files, and must lead nowhere."""

from __future__ import annotations

import contextlib
import posixpath
import re
import urllib.parse
from pathlib import Path

from edgeclassify import resources
from edgeclassify.catalogue.entries import catalogue
from edgeclassify.catalogue.manifest import read_manifest
from edgeclassify.catalogue.source import is_web
from edgeclassify.errors import UsageError
from edgeclassify.redact import hide_password

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def is_name(text: str) -> bool:
    """Whether a model may be called so: letters, digits, `.`, `_`, `+` and `-`, and no path."""
    return _NAME.fullmatch(text) is not None and not text.endswith((".tflite", ".zip", ".txt", ".json"))


def file_name_of(address: str) -> str:
    """Return the last part of an address or path; UsageError when it is no good name for a file."""
    path = address
    if is_web(address):  # by hand: what is no address at all is said when it is asked for
        behind_host = re.split(r"[?#]", address.partition("://")[2], maxsplit=1)[0].partition("/")[2]
        path = urllib.parse.unquote(behind_host)
    name = posixpath.basename(path)
    if not is_name(stem_of(name)):
        raise UsageError(
            f"models: {hide_password(address)!r} does not end in the name of a file; "
            "an address such as https://host/birds.tflite is needed, or a name of the catalogue"
        )
    return name


def stem_of(file_name: str) -> str:
    """Return a file's name without .tflite or .zip."""
    return re.sub(r"\.(tflite|zip)$", "", file_name, flags=re.IGNORECASE)


def check_name(name: str, folder: Path) -> None:
    """Raise UsageError when a model from an address may not be called so in this folder."""
    if not is_name(name):
        raise UsageError(f"models: {name!r} is no name for a model; give one of letters, digits, . _ - with --name")
    if name.removesuffix("_edgetpu") in catalogue().entries:
        raise UsageError(
            f"models: {name} is a model of the catalogue: pull it by its name alone, or give another name with --name"
        )
    taken = ""
    if (resources.models() / f"{name}.tflite").is_file():
        taken = "a model that comes with the program has that name"
    elif (folder / f"{name}.tflite").exists() and read_manifest(folder, name) is None:
        taken = f"{folder / name}.tflite is there and was not pulled"
    if taken:
        raise UsageError(f"models: {name}: {taken}; give another with --name")
    check_not_learned(name, folder)


def check_not_learned(name: str, folder: Path) -> None:
    """Raise UsageError when a learned model has this name: the pulled one would hide it."""
    learned = False
    with contextlib.suppress(OSError):  # of a folder that may not be read: what is done next says so
        learned = (folder / name / "bundle.json").exists()
    if learned:
        raise UsageError(
            f"models: {name}: a learned model has that name, and would be hidden; rename its folder {folder / name}, "
            "or give the pulled one another name with --name"
        )
