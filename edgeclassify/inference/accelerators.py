"""What a model runs on: the CPU, or an Edge TPU with the CPU behind it."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from edgeclassify.config.sections import ModelConfig
from edgeclassify.inference.classifier import Classifier, CpuClassifier, default_threads
from edgeclassify.inference.devices import find_devices, library_is_there
from edgeclassify.inference.edgetpu import ATTEMPT_S
from edgeclassify.inference.failover import FailoverClassifier
from edgeclassify.inference.model import Model, load_backbone, load_model
from edgeclassify.inference.twins import find_twins

log = logging.getLogger(__name__)


@contextlib.contextmanager
def open_classifier(
    config: ModelConfig, base: Path, *, changed: Callable[[], None] = lambda: None, patience_s: float = ATTEMPT_S
) -> Iterator[Classifier]:
    """Load and check the model of the configuration, and make it ready to run.

    Args:
        config: which model, and on what.
        base: the folder that relative paths start at.
        changed: called in the classifying thread when the classifier's `accelerator` has changed.
        patience_s: how long to wait for an Edge TPU, by default until it works or is said not to; one that comes later
            is used then.

    Raises:
        ModelError: it cannot be used.
    """
    with _opened(load_model(config, base), config, base, changed, patience_s) as classifier:
        yield classifier


@contextlib.contextmanager
def open_backbone(name: str, base: Path, config: ModelConfig) -> Iterator[Classifier]:
    """Make a model ready that gives the features of pictures, scaled to length 1, as their scores.

    Args:
        name: of the model.
        base: the folder that relative paths start at.
        config: what to run it on.

    Raises:
        ModelError: it cannot be used, or gives no features.
    """
    model = load_backbone(name, base)
    # What was cut has no twin that ends where it ends.
    accelerator = "cpu" if model.sha256 != hashlib.sha256(model.content).hexdigest() else config.accelerator
    section = config.model_copy(update={"name": name, "labels": "", "accelerator": accelerator})
    with _opened(model, section, base, lambda: None, 15.0) as classifier:
        yield classifier


@contextlib.contextmanager
def _opened(
    model: Model, config: ModelConfig, base: Path, changed: Callable[[], None], patience_s: float
) -> Iterator[Classifier]:
    cpu = CpuClassifier(model, config.threads or default_threads())
    log.info(
        "model %s: %d labels, %d x %d pixels, on the CPU with %d thread(s)%s",
        model.name, len(model.labels), *model.input_size, cpu.threads, ", XNNPACK" if cpu.xnnpack else "",
    )  # fmt: skip
    if not cpu.xnnpack:
        # XNNPACK asks /proc/cpuinfo what the CPU can do, and stays off in silence when that cannot be read.
        reason = "" if Path("/proc/cpuinfo").exists() else ", since /proc/cpuinfo is missing"
        log.warning("model %s: runs without XNNPACK%s: slower by far, and scores differ a little", model.name, reason)
    library = _library(config, base)
    twin = _twin_to_use(config, base, library)
    if twin is None:
        yield cpu
        return
    with FailoverClassifier(cpu, twin, config, library, changed, patience_s) as both:
        yield both


def _library(config: ModelConfig, base: Path) -> str:
    name = config.edgetpu_library
    return str((base / Path(name).expanduser()).absolute()) if "/" in name else name


def _twin_to_use(config: ModelConfig, base: Path, library: str) -> Path | None:
    """Return the model for the Edge TPU when one is to be looked for."""
    if config.accelerator == "cpu":
        return None
    asked_for = config.accelerator != "auto"
    # Without library and device there is nothing to try, and the trial would cost a process.
    if not asked_for and not find_devices() and not library_is_there(library):
        return None
    twins = find_twins(config.name, base)
    if twins.edgetpu is None:
        level = logging.WARNING if asked_for else logging.INFO
        log.log(
            level,
            "accelerator %s: model %s has no %s_edgetpu.tflite beside it; the CPU is used; pull it again",
            config.accelerator, twins.cpu.stem, twins.cpu.stem,
        )  # fmt: skip
    return twins.edgetpu
