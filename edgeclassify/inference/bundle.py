"""A learned model: a folder with a head for a backbone, which it names with its checksum.

`bundle.json` names the other files, whose names hold their checksums. It is replaced last and at once: whoever reads it
finds the old model or the new one, never half of each. docs/learning.md describes the format.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify import resources
from edgeclassify.errors import ModelError
from edgeclassify.inference.bundle_files import again, damaged, read_arrays, read_whole
from edgeclassify.inference.files import CATALOGUE_NAMES, read_model
from edgeclassify.inference.head import NONE, Array, ClassHead, Gate, Nearness

INDEX = "bundle.json"
CARD = "card.md"
FORMAT = "edgeclassify learned model 2"
NEAR_ARRAYS = ("weights", "bias", "centre", "directions", "within", "anywhere")
"""Of what tells how near a picture comes; with `near_` before in the head's file."""
OWN_FILES = re.compile(r"(head|examples)-[0-9a-f]{12}\.npz")


@dataclass(frozen=True)
class Backbone:
    """The model whose features a head takes."""

    name: str
    sha256: str
    cut: bool
    """It ends with scores, and is cut at its features: then nothing of it can run on an Edge TPU."""
    path: str
    """Where it was when it was learned with, for one that is not among the models."""


@dataclass(frozen=True, eq=False)
class Index:
    """What `bundle.json` says."""

    backbone: Backbone
    kind: str
    """`softmax` or `imprinting`."""
    labels: tuple[str, ...]
    head_file: str
    temperature: float
    gate: Gate
    none_learned: bool
    examples_file: str
    measured: Mapping[str, Any] = field(default_factory=dict)
    learned_from: str = ""
    """Stands for pictures, backbone and options: the same again would give the same."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A learned model, and the bytes of its backbone."""

    path: Path
    sha256: str
    """Of `bundle.json`, which holds the checksums of all the rest."""
    labels: tuple[str, ...]
    head: ClassHead
    backbone: bytes
    backbone_path: Path
    backbone_sha256: str


def is_bundle(path: Path) -> bool:
    """Whether a folder holds a learned model."""
    try:
        return (path / INDEX).is_file()
    except (OSError, ValueError):
        return False


def content_sha256(path: Path) -> str:
    """Return the checksum of a model, learned or not.

    Raises:
        ModelError: it cannot be read.
    """
    return hashlib.sha256(read_whole(path / INDEX) if is_bundle(path) else read_model(path)).hexdigest()


def read_bundle(folder: Path) -> Bundle:
    """Return the learned model in a folder, with its backbone.

    Raises:
        ModelError: it is damaged, or its backbone is missing or another one.
    """
    while True:
        sha256 = content_sha256(folder)
        try:
            found = _read_once(folder, sha256)
        except ModelError:
            if content_sha256(folder) == sha256:
                raise
        else:
            if content_sha256(folder) == sha256:
                return found  # else it was replaced while it was read


def _read_once(folder: Path, sha256: str) -> Bundle:
    index = read_index(folder)
    path = find_backbone(folder, index.backbone)
    content = read_model(path)
    of_backbone = hashlib.sha256(content).hexdigest()
    if of_backbone != index.backbone.sha256:
        raise ModelError(
            f"{folder.name}: its backbone {path} is not the one that it was learned with "
            f"(sha256 {of_backbone[:12]}..., not {index.backbone.sha256[:12]}...); "
            f"{_advice(index.backbone)}, or {again(folder)}"
        )
    return Bundle(folder, sha256, index.labels, _head(folder, index), content, path, of_backbone)


def read_index(folder: Path) -> Index:
    """Return what a learned model says of itself.

    Raises:
        ModelError: it is no learned model, or a damaged one.
    """
    path = folder / INDEX
    try:
        document = json.loads(read_whole(path), parse_constant=_no_number)
        if document["format"] != FORMAT:
            raise ModelError(f"{path}: is of another format ({document['format']}); {again(folder)}")
        head, gate = document["head"], document["head"]["gate"]
        return Index(
            _backbone(document["backbone"]), str(head["kind"]), _labels(document["labels"]), _own(head["file"]),
            float(head["temperature"]), Gate(float(gate["nearness"]), float(gate["slope"])),
            bool(head["none_learned"]), _own(document["examples"]), dict(document["measured"]),
            str(document["learned_from"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, ModelError):
            raise
        raise damaged(path, error) from error


def find_backbone(folder: Path, backbone: Backbone) -> Path:
    """Return where the backbone lies: in the bundle's folder, among the models, or where it was.

    Raises:
        ModelError: nowhere.
    """
    name = f"{backbone.name}.tflite"
    candidates = [folder / name, *(resources.in_its_set(place / name) for place in resources.model_folders())]
    for path in [*candidates, Path(backbone.path)]:
        with suppress(OSError, ValueError):
            if path.is_file():
                return path
    raise ModelError(
        f"{folder.name}: its backbone {backbone.name} is not here; {_advice(backbone)}, or {again(folder)}"
    )


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _own(name: str) -> str:
    if not OWN_FILES.fullmatch(name):
        raise ValueError(f"{name!r} is no file of a learned model")
    return name


def _backbone(document: Mapping[str, Any]) -> Backbone:
    backbone = Backbone(**document)
    if not all(isinstance(text, str) for text in (backbone.name, backbone.sha256, backbone.path)):
        raise ValueError("its backbone is not described")
    if Path(backbone.name).name != backbone.name:
        raise ValueError(f"{backbone.name!r} is no name of a backbone")
    return backbone


def _labels(names: Sequence[Any]) -> tuple[str, ...]:
    labels = tuple(map(str, names))
    if len(set(labels)) < len(labels) or labels[-1:] != (NONE,) or isinstance(names, str):
        raise ValueError(f"its labels do not end with {NONE!r}, or are there twice")
    return labels


def _head(folder: Path, index: Index) -> ClassHead:
    where = folder / index.head_file
    arrays = read_arrays(where)
    try:
        weights, bias = _floats(arrays["weights"]), _floats(arrays["bias"])
        found = {name: _floats(arrays[f"near_{name}"]) for name in NEAR_ARRAYS}
        precision, anywhere_precision = _floats(arrays["near_precisions"]).tolist()
    except (KeyError, ValueError, TypeError) as error:
        raise damaged(where, error) from error
    classes, width = len(index.labels) - (not index.none_learned), weights.shape[-1] if weights.ndim else 0
    directions = found["within"].size
    shapes = {
        "weights": (len(index.labels) - 1, width), "bias": (len(index.labels) - 1,), "centre": (width,),
        "directions": (directions, width), "within": (directions,), "anywhere": (directions,),
    }  # fmt: skip
    fits = weights.shape == (classes, width) and bias.shape == (classes,)
    if not fits or any(found[name].shape != shape for name, shape in shapes.items()) or index.temperature <= 0:
        raise damaged(where, f"it does not fit the {len(index.labels)} labels")
    nearness = Nearness(**found, precision=precision, anywhere_precision=anywhere_precision)
    return ClassHead(weights, bias, nearness, index.temperature, index.gate, index.none_learned)


def _floats(array: Any) -> Array:  # noqa: ANN401 - whatever the file holds
    floats: Array = np.asarray(array).astype(np.float32)
    if not np.isfinite(floats).all():
        raise ValueError("some of its numbers are none")
    return floats


def _advice(backbone: Backbone) -> str:
    if CATALOGUE_NAMES.match(backbone.name):
        return f"get it with: edgeclassify models pull {backbone.name}"
    return f"put {backbone.name}.tflite of the device that it was learned on into its folder"
