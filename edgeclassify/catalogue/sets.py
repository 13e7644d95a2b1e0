"""The files of one version of a model, made visible together: a folder of their own, and one link that leads to it.

    NAME.tflite -> .sets/NAME/VERSION/NAME.tflite      replaced at once: before it all is old, after it all is new
    NAME.txt, NAME_edgetpu.tflite, NAME.json           links for people; a reader follows the first one only

The version before is kept: a daemon may still use it. Every step can be the last one, by `kill -9` or a power cut.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from edgeclassify.catalogue.manifest import Manifest, manifest_name
from edgeclassify.catalogue.storage import storage_errors
from edgeclassify.errors import UnavailableError
from edgeclassify.resources import SETS, TWIN_SUFFIX, in_its_set, is_in_set

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


def publish(folder: Path, name: str, files: Mapping[str, Path], manifest: Manifest) -> None:
    """Make a model visible with all of its files, in place of what has its name now.

    Args:
        folder: that of the pulled models, locked by this process.
        name: of the model; NAME.tflite must be among the files.
        files: where they are now, by their final names; they stay there.
        manifest: what they are.

    Raises:
        UnavailableError: the disk is full, may not be written, or knows no links.
    """
    versions = folder / SETS / name
    before = in_its_set(folder / f"{name}.tflite").parent
    with storage_errors(folder):
        version = _fill(versions, files, manifest)
        _link(folder, version, f"{name}.tflite")  # this is the moment
        link_rest(folder, name)
        for old in versions.iterdir():
            if old not in (version, before):
                shutil.rmtree(old)
        _remove_deleted(folder)


def link_rest(folder: Path, name: str) -> None:
    """Have the other links lead where the model's does; a pull that was killed may have left older ones."""
    model = in_its_set(folder / f"{name}.tflite")
    if not is_in_set(model):
        return
    with storage_errors(folder):
        for file in (f"{name}.txt", f"{name}{TWIN_SUFFIX}.tflite", manifest_name(name)):
            if model.with_name(file).exists():
                _link(folder, model.parent, file)
            elif (folder / file).is_symlink():
                (folder / file).unlink()
        _sync(folder)


def _fill(versions: Path, files: Mapping[str, Path], manifest: Manifest) -> Path:
    """Return a new folder with all the files, safe on the disk."""
    version = versions / os.urandom(4).hex()
    version.mkdir(parents=True)
    for made in (versions.parent, versions, version):
        made.chmod(0o755)  # a service that runs as another user reads them
    for file, source in files.items():
        source.chmod(0o644)
        try:
            os.link(source.resolve(), version / file)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            shutil.copyfile(source, version / file)
        _sync(version / file)
    path = version / manifest_name(manifest.name)
    manifest.write(path)
    for written in (path, version, versions, versions.parent):
        _sync(written)
    return version


def _link(folder: Path, version: Path, file: str) -> None:
    target = version.relative_to(folder) / file
    if (folder / file).is_symlink() and (folder / file).readlink() == target:
        return
    new = folder / f".{file}.link"
    new.unlink(missing_ok=True)
    try:
        new.symlink_to(target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise UnavailableError(
            f"{folder}: this disk cannot hold links (is it FAT?); set EDGECLASSIFY_MODELS to a folder on another one, "
            "and copy its files here with cp"
        ) from error
    new.replace(folder / file)


def _sync(path: Path) -> None:
    """Have it on the disk before the next step: a power cut must not leave a name with nothing behind it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_deleted(folder: Path) -> None:
    """Free the space of models whose links somebody deleted."""
    for versions in (folder / SETS).iterdir():
        if not (folder / f"{versions.name}.tflite").is_symlink():
            shutil.rmtree(versions)
