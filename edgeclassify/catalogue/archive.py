"""A model and its labels out of a zip archive, which may be hostile."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from edgeclassify.catalogue.limits import MAX_LABEL_BYTES, MAX_MODEL_BYTES
from edgeclassify.catalogue.storage import check_space, part_path, storage_errors
from edgeclassify.errors import ModelError

_MAX_MEMBERS = 1000
_ENCRYPTED = 0x1
_LABEL_WORDS = ("label", "dict", "classes")


def unpack(archive: Path, where: str, folder: Path, name: str | None) -> tuple[str, dict[str, Path]]:
    """Return the model's name and partial files in `folder` by their final names, the model itself last.

    Paths inside the archive are never used; what else is in it is left there.

    Args:
        archive: the zip file.
        where: what to call it in messages.
        folder: where the partial files go.
        name: what to call the model; None: as in the archive.

    Raises:
        ModelError: it is damaged, hostile, or has not just one model in it.
        UnavailableError: the disk is full or may not be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked_members(opened, where)
            model = _the_model(members, where)
            name = name or model.removesuffix(".tflite")
            wanted = _with_companions(model, members, name)
            check_space(folder, sum(entry.file_size for entry in wanted.values()))
            return name, {final: _extract(opened, entry, folder, final, where) for final, entry in wanted.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{where}: the archive is damaged ({error}); get it again") from error


def _checked_members(opened: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    """Return the files in an archive by their names without folders."""
    entries = opened.infolist()
    if len(entries) > _MAX_MEMBERS:
        raise ModelError(
            f"{where}: holds {len(entries)} files, too many for a model and its labels; pull the model itself"
        )
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise ModelError(f"{where}: holds {entry.filename!r}, which leads outside; do not trust it")
        if entry.is_dir() or path.name.startswith(".") or path.parts[0] == "__MACOSX":
            continue
        if entry.flag_bits & _ENCRYPTED:
            raise ModelError(f"{where}: is protected by a password; unpack it and pull the model itself")
        found.setdefault(path.name, entry)
    return found


def _the_model(members: dict[str, zipfile.ZipInfo], where: str) -> str:
    models = [name for name in members if name.lower().endswith(".tflite")]
    own = [name for name in models if not name.endswith("_edgetpu.tflite")] or models
    if not own:
        raise ModelError(f"{where}: has no model in it (no .tflite file); name another file")
    if len(own) > 1:
        raise ModelError(f"{where}: has {len(own)} models in it ({', '.join(own[:5])}); unpack it and pull one of them")
    return own[0]


def _with_companions(model: str, members: dict[str, zipfile.ZipInfo], name: str) -> dict[str, zipfile.ZipInfo]:
    """Return what to take, by its name here: labels, the Edge TPU twin, the model."""
    stem = model.removesuffix(".tflite")
    taken = {}
    texts = [text for text in members if text.lower().endswith(".txt")]
    labels = [text for text in texts if text == f"{stem}.txt"]
    labels += [text for text in texts if any(word in text.lower() for word in _LABEL_WORDS)]
    if labels:
        taken[f"{name}.txt"] = members[labels[0]]
    if (twin := f"{stem}_edgetpu.tflite") in members:
        taken[f"{name}_edgetpu.tflite"] = members[twin]
    return taken | {f"{name}.tflite": members[model]}


def _extract(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, final: str, where: str) -> Path:
    limit = MAX_LABEL_BYTES if final.endswith(".txt") else MAX_MODEL_BYTES
    # The size in the archive is binding for zipfile: it stops there, and the checksum then tells.
    if entry.file_size > limit:
        raise ModelError(
            f"{where}: {entry.filename} unpacks to {entry.file_size / 1e6:.0f} MB, too large; name another file"
        )
    part = part_path(folder, final, "unpacked")
    with opened.open(entry) as source, storage_errors(part), part.open("wb") as target:
        shutil.copyfileobj(source, target)
    return part
