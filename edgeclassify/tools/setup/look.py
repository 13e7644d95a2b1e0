"""What the model sees of a camera: pictures for people, and its best answers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.cameras.discovery import auto_source
from edgeclassify.config.sections import CameraConfig, ModelConfig
from edgeclassify.errors import CameraError
from edgeclassify.inference import open_classifier
from edgeclassify.inference.groups import Groups, vocabulary_for
from edgeclassify.inference.ranking import best_indexes
from edgeclassify.records import Frame, Picture
from edgeclassify.tools.camera_pictures import save_pictures, settled_picture
from edgeclassify.tools.doctor.cameras import judged
from edgeclassify.tools.doctor.findings import Part
from edgeclassify.tools.doctor.machine import Machine
from edgeclassify.vocabulary import UnknownLabelError, Vocabulary

_TOP = 3


@dataclass(frozen=True)
class View:
    """A camera that works."""

    description: str
    pictures: tuple[Path, ...]
    """As it is, and as the model sees it; none when they were not saved."""
    answers: tuple[str, ...]
    """The best, each with its score: `cat 0.91`."""
    warning: str = ""
    """All black, say."""


def look(
    name: str,
    config: CameraConfig,
    model: ModelConfig,
    groups: Groups | str,
    base: Path,
    folder: Path | None,
    *,
    keep: bool,
) -> View:
    """Open a camera, take a picture, classify and save it.

    Args:
        name: the camera's id.
        config: its section.
        model: what classifies.
        groups: labels that count as one; not used where they do not fit the model.
        base: the folder that relative paths are relative to.
        folder: where pictures are saved.
        keep: save them without a folder too, in a new one for temporary files.

    Raises:
        CameraError: there is no picture; the message names who has the camera open.
        InputError: the folder does not take pictures.
        ModelError: the model does not run.
    """
    with open_classifier(model, base) as classifier:
        size = classifier.model.input_size
        try:
            description, picture = settled_picture(name, config, size, base)
        except CameraError as error:
            raise CameraError(f"{error}{_owners(config)}") from error
        pixels = picture.model_input(*size)
        scores = classifier.classify(Frame(name, picture.captured_s, pixels, picture))
        vocabulary = _vocabulary(classifier.model.labels, groups)
        values = vocabulary.answer_scores(scores.values)
        answers = tuple(f"{vocabulary.answers[i].label} {values[i]:.2f}" for i in best_indexes(values, _TOP))
    finding = judged(Part(f"camera {name}"), pixels)
    odd = finding.status != "ok" and config.source != "test"  # whose pattern is one
    warning = f"{finding.message}; {finding.advice}" if odd else ""
    pictures = _saved(folder, name, picture, size) if folder is not None or keep else []
    return View(description, tuple(pictures), answers, warning)


def _vocabulary(labels: tuple[str, ...], groups: Groups | str) -> Vocabulary:
    try:
        return vocabulary_for(labels, groups)
    except UnknownLabelError:  # it is told before anything is written
        return Vocabulary(labels)


def _saved(folder: Path | None, name: str, picture: Picture, size: tuple[int, int]) -> list[Path]:
    if folder is not None:
        return save_pictures(folder, name, picture, size)
    folder = Path(tempfile.mkdtemp(prefix="edgeclassify-setup-"))
    paths = save_pictures(folder, name, picture, size)
    if os.geteuid() == 0 and (user := os.environ.get("SUDO_UID", "")).isdecimal():
        for path in (folder, *paths):  # for the person who typed sudo
            os.chown(path, int(user), -1)
    return paths


def _owners(config: CameraConfig) -> str:
    """Return who else has the camera open, as advice."""
    try:
        source = auto_source("") if config.source == "auto" else config.source
    except CameraError:
        return ""
    machine = Machine()
    if source.startswith("/dev/"):
        nodes: Iterator[Path] = iter([Path(source)])
    elif source.startswith("picamera"):
        nodes = Path("/dev").glob("media[0-9]*")
    else:
        return ""
    names = dict.fromkeys(str(holder) for node in nodes for holder in machine.holders(node))
    return f"; it is open in {', '.join(names)}: one program at a time can have a camera" if names else ""
