"""The model: found, tried in a child process, its labels, XNNPACK, what one inference takes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from edgeclassify import resources
from edgeclassify.config.labels import label_problems
from edgeclassify.config.reader import ConfigFile
from edgeclassify.errors import ModelError, UnavailableError
from edgeclassify.image import load_picture
from edgeclassify.inference.admission import admit, golden_scores
from edgeclassify.inference.bundle import is_bundle, read_index
from edgeclassify.inference.classifier import CpuClassifier, default_threads
from edgeclassify.inference.files import read_model
from edgeclassify.inference.groups import vocabulary_for
from edgeclassify.inference.model import Model, load_model
from edgeclassify.inference.twins import find_twins
from edgeclassify.records import Frame
from edgeclassify.tools.doctor.findings import Finding, Part
from edgeclassify.vocabulary import Vocabulary

PART = Part("model")

_INFERENCES = 10


def check_model(file: ConfigFile) -> Iterator[Finding]:
    """Yield one finding for each step, up to the first that fails."""
    config = file.config.model
    try:
        path = find_twins(config.name, file.base).cpu
        yield PART.ok("file", _told(path))
        with tempfile.TemporaryDirectory() as nothing_remembered:
            admit(config, file.base, Path(nothing_remembered))
        model = load_model(config, file.base)
        known = model.sha256 in golden_scores()
        right = "and says what it should" if known else "which scores are right is not known of this model"
        yield PART.ok("trial", f"runs in a process of its own, {right}")
    except (ModelError, UnavailableError) as error:
        yield PART.failed("use", str(error))
        return
    yield PART.ok("labels", f"{len(model.labels)}, as many as the model has outputs")
    yield from _names(file, model)
    yield from _speed(model, config.threads or default_threads())


def _told(path: Path) -> str:
    if is_bundle(path):
        return f"{path}, learned with {read_index(path).backbone.name}"
    return f"{path}, {len(read_model(path)) / 1e6:.1f} MB"


def _names(file: ConfigFile, model: Model) -> Iterator[Finding]:
    def vocabulary(camera: str) -> Vocabulary:
        return vocabulary_for(model.labels, file.config.events_for(camera).groups)

    errors, warnings = label_problems(file, vocabulary)
    for error in errors:
        yield PART.failed("names", error)
    for warning in warnings:
        what, _, advice = warning.partition("; ")
        yield PART.warn("names", what, advice or "see: edgeclassify labels")
    if not errors and not warnings:
        yield PART.ok("names", "the model has all labels that the configuration names")


def _speed(model: Model, threads: int) -> Iterator[Finding]:
    classifier = CpuClassifier(model, threads)
    picture = load_picture(resources.models() / "golden.png")
    frame = Frame("golden", time.monotonic(), picture.model_input(*model.input_size), picture)
    took_ms = statistics.median(classifier.classify(frame).inference_ms for _ in range(_INFERENCES))
    if classifier.xnnpack:
        yield PART.ok("xnnpack", "active")
    elif not Path("/proc/cpuinfo").exists():
        yield PART.warn("xnnpack", "off, as /proc/cpuinfo is missing: slower by far", "mount /proc")
    else:
        yield PART.warn(
            "xnnpack", "off: slower by far", "use a quantized or float model of this runtime's own operations"
        )
    yield PART.ok("inference", f"{took_ms:.1f} ms on the CPU with {threads} thread(s)")
