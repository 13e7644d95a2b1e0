"""Writing a learned model."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify.inference.bundle import CARD, FORMAT, INDEX, NEAR_ARRAYS, OWN_FILES, Index, is_bundle, read_index
from edgeclassify.inference.head import ClassHead


def write_bundle(folder: Path, index: Index, head: ClassHead, examples: Mapping[str, Any], card: str) -> None:
    """Write a learned model, or replace one: at any time there is the old one or the new one, or none.

    The names of the files in `index` are set here.

    Raises:
        OSError: the disk is full, or may not be written.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
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
            "measured": index.measured,
        }  # fmt: skip
        _replace(folder / CARD, card.encode())
        _replace(folder / INDEX, json.dumps(document, ensure_ascii=False, indent=1).encode())
    finally:
        _tidy(folder, remove=made)


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
    kept: set[str] = set()
    if is_bundle(folder):
        index = read_index(folder)
        kept = {index.head_file, index.examples_file}
    for path in folder.iterdir():
        if (OWN_FILES.fullmatch(path.name) and path.name not in kept) or path.name.endswith(".part"):
            path.unlink(missing_ok=True)
    if remove and not kept:
        with suppress(OSError):
            (folder / CARD).unlink(missing_ok=True)
            folder.rmdir()


def _write_arrays(folder: Path, kind: str, arrays: Mapping[str, Any]) -> str:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    content = packed.getvalue()
    name = f"{kind}-{hashlib.sha256(content).hexdigest()[:12]}.npz"
    _replace(folder / name, content)
    return name


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # before it gets its name: a power cut must not leave the name with an empty file
    part.replace(path)
