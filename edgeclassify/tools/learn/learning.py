"""From pictures to a learned model on disk."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeclassify import __version__, resources
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import InputError, ModelError, UnavailableError
from edgeclassify.inference.accelerators import open_backbone
from edgeclassify.inference.bundle import (
    FORMAT,
    Backbone,
    Index,
    content_sha256,
    find_backbone,
    is_bundle,
    read_bundle,
    read_index,
)
from edgeclassify.inference.bundle_files import again, is_whole, read_arrays
from edgeclassify.inference.classifier import Classifier
from edgeclassify.inference.files import find_model, read_model
from edgeclassify.inference.head import NONE
from edgeclassify.tools.learn.card import card
from edgeclassify.tools.learn.comparison import Comparison, check_held_out, compare, held_out_arrays
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.report import labels_of, measured
from edgeclassify.tools.learn.saving import to_be_written, write_bundle
from edgeclassify.tools.learn.training import Imprint, Trained, train

GOOD_BACKBONE = "mobilenet_v1_1.0_224_quant_embedding_extractor"
_OFFLINE_BACKBONE = "starter"


@dataclass(frozen=True, eq=False)
class Eye:
    """A backbone that is ready, and what a head has to know of it."""

    classifier: Classifier
    backbone: Backbone


@dataclass(frozen=True, eq=False)
class Learned:
    """What `learn` made."""

    folder: Path
    measured: Mapping[str, Any]
    comparison: Comparison | None
    """With the model that was replaced."""
    unchanged: bool = False
    """It was there already, learned from the same."""


@dataclass(frozen=True, eq=False)
class Before:
    """A learned model that is to be changed."""

    index: Index
    examples: Examples
    held_out: Mapping[str, Any]
    """Of `held_out_arrays`."""
    imprint: Imprint | None
    """Of imprinting."""
    sha256: str


def default_backbone() -> str:
    """Return the best that is here: the embedding extractor, else the starter."""
    return GOOD_BACKBONE if GOOD_BACKBONE in resources.local_models() else _OFFLINE_BACKBONE


@contextmanager
def open_eye(name: str, base: Path, config: ModelConfig) -> Iterator[Eye]:
    """Open the backbone of this name or path.

    Raises:
        ModelError: it cannot be used.
    """
    with open_backbone(name, base, config) as classifier:
        path = find_model(name, base)
        content = read_model(classifier.model.path)
        sha256 = hashlib.sha256(content).hexdigest()
        backbone = Backbone(classifier.model.name, sha256, classifier.model.content != content, str(path.absolute()))
        yield Eye(classifier, backbone)


def read_before(folder: Path) -> Before:
    """Return what a learned model was learned from.

    Raises:
        ModelError: it is damaged.
    """
    sha256, index = content_sha256(folder), read_index(folder)
    path = folder / index.examples_file
    arrays = read_arrays(path)
    examples = Examples.from_arrays(arrays, path)
    imprint = Imprint.from_arrays(arrays, path) if index.kind == "imprinting" else None
    check_held_out(arrays, examples, path)
    return Before(index, examples, arrays, imprint, sha256)


def check_names(names: Iterable[str]) -> None:
    """Raise InputError when two classes can be taken for each other."""
    seen: dict[str, str] = {}
    for name in (NONE, *sorted(names)):
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise InputError(f"learn: classes {other!r} and {name!r} differ in capitals only; rename one")


def learn(
    examples: Examples, kind: str, precision: float, backbone: Backbone, folder: Path, *, force: bool,
    before: Before | None = None,
) -> Learned:  # fmt: skip
    """Train a head, measure it, and write the model, unless the one that is there is better.

    Args:
        examples: of at least two classes.
        kind: `auto`, `softmax`, `imprinting`.
        precision: of the answers, for which a threshold is looked for.
        backbone: what gave the features.
        folder: where it goes.
        force: replace also by a worse one, and learn again from the same.
        before: the model that is changed; None: all is learned anew.

    Raises:
        InputError: fewer than two classes, or worse than what is there.
        UnavailableError: it cannot be written.
    """
    check_learnable(examples)
    check_names(examples.classes)
    imprint = before.imprint if before else None
    learned_from = _fingerprint(examples, kind, precision, backbone, imprint)
    if not force and (known := _learned_from(folder, learned_from)):
        return Learned(folder, known.measured, None, unchanged=True)
    trained = train(examples, kind, imprint)
    told = measured(examples, trained, precision)
    index = Index(
        backbone, trained.kind, labels_of(examples), "", trained.head.temperature, trained.head.gate,
        trained.head.none_learned, "", told, learned_from,
    )  # fmt: skip
    with _written(folder), to_be_written(folder):
        if before and content_sha256(folder) != before.sha256:
            raise InputError(f"{folder}: another command changed it meanwhile; run this one again")
        comparison = _compared_with(folder, examples, trained, force=force or before is not None)
        if comparison and comparison.worse and not force:
            raise InputError(f"{folder}: {comparison}; it is kept; to replace it all the same: --force")
        arrays = examples.arrays() | held_out_arrays(trained) | (trained.imprint.arrays() if trained.imprint else {})
        write_bundle(folder, index, trained.head, arrays, card(folder.name, backbone, told))
    return Learned(folder, told, comparison)


def check_learnable(examples: Examples) -> None:
    """Raise InputError unless there are two classes, one of which may be `none`."""
    if len(examples.classes) < 2 or not examples.real_classes:
        raise InputError(
            f"learn: one class only ({', '.join(examples.classes)}); two are needed: if there is no other, make a "
            f"folder {NONE!r} with pictures of the scene without it"
        )


def backbone_of(folder: Path) -> tuple[str, Index]:
    """Return the path of a learned model's backbone, as a name for `open_eye`, and what the model says of itself.

    Raises:
        ModelError: the backbone is missing or another one.
    """
    index = read_index(folder)
    path = find_backbone(folder, index.backbone)
    if hashlib.sha256(read_model(path)).hexdigest() != index.backbone.sha256:
        raise ModelError(f"{folder.name}: its backbone {path} is not the one that it was learned with; {again(folder)}")
    return str(path.absolute()), index


def _fingerprint(examples: Examples, kind: str, precision: float, backbone: Backbone, imprint: Imprint | None) -> str:
    """Return what stands for all that a model depends on."""
    pictures = [[examples.label_of(row), key] for row, key in enumerate(examples.keys)]
    frozen = imprint.sha256 if imprint else ""
    everything = [__version__, FORMAT, kind, precision, backbone.sha256, backbone.name, frozen, pictures]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()


def _learned_from(folder: Path, fingerprint: str) -> Index | None:
    """Return what is said of the model that is there, if it is whole and was learned from the same."""
    if not is_bundle(folder):
        return None
    try:
        index = read_index(folder)
        if index.learned_from != fingerprint:
            return None
        read_bundle(folder)
    except ModelError:
        return None
    return index if is_whole(folder / index.examples_file) else None


def _compared_with(folder: Path, examples: Examples, trained: Trained, *, force: bool) -> Comparison | None:
    """Compare with the model that is there; None: there is none, or nothing to compare by."""
    if not is_bundle(folder):
        return None
    try:
        there = read_before(folder)
    except ModelError as error:
        if force:
            return None
        raise InputError(f"{error} --force") from error
    comparison = compare(examples, trained, there.examples, there.held_out)
    if comparison is None and len(there.held_out["tested"]) and not force:
        raise InputError(
            f"{folder}: was tested with other pictures, so that nothing tells which is better; it is kept; to replace "
            "it all the same: --force, or give another name with --name"
        )
    return comparison


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, UnavailableError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UnavailableError(f"{folder}: the disk is full; free some space and learn again") from error
        raise UnavailableError(
            f"{folder}: cannot be written ({error.strerror or error}); run as its owner, or give a path with --name"
        ) from error
