"""From pictures to a learned model on disk."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeclassify import resources
from edgeclassify.catalogue.entries import catalogue
from edgeclassify.catalogue.naming import is_name
from edgeclassify.catalogue.storage import pulled_folder
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import InputError, ModelError, UnavailableError, UsageError
from edgeclassify.inference.accelerators import open_backbone
from edgeclassify.inference.bundle import Backbone, Index, find_backbone, is_bundle, read_arrays, read_index
from edgeclassify.inference.classifier import Classifier
from edgeclassify.inference.files import find_model, read_model
from edgeclassify.inference.head import NONE
from edgeclassify.tools.learn.card import card
from edgeclassify.tools.learn.comparison import Comparison, compare, held_out_arrays
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.report import labels_of, measured
from edgeclassify.tools.learn.saving import write_bundle
from edgeclassify.tools.learn.training import Imprint, train

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


def read_examples(folder: Path) -> tuple[Index, Examples, Mapping[str, Any]]:
    """Return what a learned model was learned from.

    Raises:
        ModelError: it is damaged.
    """
    index = read_index(folder)
    arrays = read_arrays(folder / index.examples_file)
    return index, Examples.from_arrays(arrays, folder), arrays


def imprint_of(folder: Path, index: Index, arrays: Mapping[str, Any]) -> Imprint | None:
    """Return what stays as it is of a model by imprinting, None of another.

    Raises:
        ModelError: it is damaged.
    """
    return Imprint.from_arrays(arrays, folder) if index.kind == "imprinting" else None


def check_names(names: Iterable[str]) -> None:
    """Raise InputError when two classes can be taken for each other."""
    seen: dict[str, str] = {}
    for name in sorted(names):
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise InputError(f"learn: classes {other!r} and {name!r} differ in capitals only; rename one")


def learn(
    examples: Examples, kind: str, precision: float, backbone: Backbone, folder: Path, *, force: bool,
    imprint: Imprint | None = None,
) -> Learned:  # fmt: skip
    """Train a head, measure it, and write the model, unless the one that is there is better.

    Args:
        examples: of at least two classes.
        kind: `auto`, `softmax`, `imprinting`.
        precision: of the answers, for which a threshold is looked for.
        backbone: what gave the features.
        folder: where it goes.
        force: replace also by a worse one.
        imprint: of the model that classes are added to, or taken from; None: all is learned anew.

    Raises:
        InputError: fewer than two classes, or worse than what is there.
        UnavailableError: it cannot be written.
    """
    check_learnable(examples)
    check_names(examples.classes)
    trained = train(examples, kind, imprint)
    told = measured(examples, trained, precision)
    comparison = None
    if is_bundle(folder):
        comparison = _compared_with(folder, examples, trained, force=force)
        if comparison and comparison.worse and not force:
            raise InputError(f"{folder}: {comparison}; it is kept; to replace it all the same: --force")
    index = Index(
        backbone, trained.kind, labels_of(examples), "", trained.head.temperature, trained.head.gate,
        trained.head.none_learned, "", told,
    )  # fmt: skip
    with _written(folder):
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
        raise ModelError(f"{folder.name}: its backbone {path} is not the one that it was learned with; learn again")
    return str(path.absolute()), index


def _compared_with(folder: Path, examples: Examples, trained: Any, *, force: bool) -> Comparison | None:  # noqa: ANN401
    try:
        _, old_examples, old = read_examples(folder)
        return compare(examples, trained, old_examples, old)
    except ModelError:
        if force:
            return None
        raise


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
