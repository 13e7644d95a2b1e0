"""Writing a learned model."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify.errors import ModelError
from edgeclassify.inference.bundle import CARD, FORMAT, INDEX, NEAR_ARRAYS, OWN_FILES, Index, is_bundle, read_index
from edgeclassify.inference.head import ClassHead

_PATIENCE_S = 10.0


@contextmanager
def to_be_written(folder: Path) -> Iterator[None]:
    """Make the folder and keep it for this process, so that what is compared is what is replaced; then tidy it.

    Raises:
        OSError: it cannot be made, or another process keeps it for long.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(descriptor)
        try:
            yield
        finally:
            _tidy(folder, remove=made)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until_s:
                raise OSError(errno.EBUSY, "another command writes it") from error
            time.sleep(0.05)
        else:
            return


def write_bundle(folder: Path, index: Index, head: ClassHead, examples: Mapping[str, Any], card: str) -> None:
    """Write a learned model, or replace one: at any time there is the old one or the new one, or none.

    The names of the files in `index` are set here.

    Raises:
        OSError: the disk is full, or may not be written.
    """
    head_file = _write_arrays(folder, "head", head_arrays(head))
    examples_file = _write_arrays(folder, "examples", examples)
    document = {
        "format": FORMAT,
        "backbone": vars(index.backbone),
        "head": {
            "kind": index.kind, "file": head_file, "temperature": head.temperature,
            "gate": vars(head.gate), "none_learned": head.none_learned,
        },
        "labels": list(index.labels),
        "examples": examples_file,
        "learned_from": index.learned_from,
        "measured": index.measured,
    }  # fmt: skip
    _replace(folder / CARD, card.encode())
    _replace(folder / INDEX, json.dumps(document, ensure_ascii=False, indent=1).encode())


def head_arrays(head: ClassHead) -> dict[str, Any]:
    """Return what is kept of a head."""
    near = head.nearness
    precisions = np.array([near.precision, near.anywhere_precision])
    return {
        "weights": head.weights, "bias": head.bias, "near_precisions": precisions,
        **{f"near_{name}": getattr(near, name) for name in NEAR_ARRAYS},
    }  # fmt: skip


def _tidy(folder: Path, *, remove: bool) -> None:
    """Remove our files that no index names: of what was replaced, or broken off."""
    there = is_bundle(folder)
    kept: set[str] = set()
    with suppress(ModelError):  # of a damaged one nothing is known, and nothing is removed
        if there:
            index = read_index(folder)
            kept = {index.head_file, index.examples_file}
    for path in folder.iterdir():
        ours = OWN_FILES.fullmatch(path.name) and path.name not in kept and (kept or not there)
        if ours or path.name.endswith(".part"):
            path.unlink(missing_ok=True)
    if remove and not there:
        with suppress(OSError):
            (folder / CARD).unlink(missing_ok=True)
            folder.rmdir()


def _write_arrays(folder: Path, kind: str, arrays: Mapping[str, Any]) -> str:
    part = folder / f".{kind}.npz.part"
    with part.open("wb") as file:
        np.savez(file, **arrays)  # straight into the file: of many pictures this is megabytes
        file.flush()
        os.fsync(file.fileno())
    with part.open("rb") as file:
        name = f"{kind}-{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}.npz"
    part.replace(folder / name)
    return name


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # before it gets its name: a power cut must not leave the name with an empty file
    part.replace(path)
