"""The trial of a model: in a child process, before the daemon uses it, on a picture of which the scores are known."""

from __future__ import annotations

import functools
import json
import logging
import os
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from edgeclassify import __version__, resources
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ChildDiedError, ChildError, ModelError, UnavailableError
from edgeclassify.image import load_picture
from edgeclassify.inference.bundle import content_sha256
from edgeclassify.inference.classifier import CpuClassifier
from edgeclassify.inference.model import load_model
from edgeclassify.inference.twins import find_twins
from edgeclassify.processes import Child
from edgeclassify.records import Frame, Pixels

log = logging.getLogger(__name__)

_TRIAL = "edgeclassify.inference.admission:Trial"
_TRIAL_S = 60.0  # a model of 200 MB on the slowest Pi, from an SD card
_TOLERANCE = 0.1  # machines differ by a quantization step or two; with red and blue exchanged, it is more by far
_REMEMBERED = "admitted.json"


@dataclass(frozen=True)
class Response:
    """What can be said of a model whose right scores are not known."""

    numbers: bool
    """Its scores are numbers."""
    to_pictures: bool
    """They differ between pictures."""
    to_colours: bool
    """They differ when red and blue are exchanged."""


class Trial:
    """What runs in the child."""

    def __init__(self, memory: memoryview, config: ModelConfig, base: Path) -> None:
        """Load and check the model; `memory` is not used."""
        del memory
        model = load_model(config, base)
        self._classifier = CpuClassifier(model, 1)
        self._picture = load_picture(resources.models() / "golden.png")

    def scores(self, indexes: tuple[int, ...]) -> list[float]:
        """Classify the golden picture; return the scores of some labels."""
        values = self._classify(self._golden_pixels())
        return [float(values[index]) for index in indexes]

    def response(self) -> Response:
        """Classify the golden picture as it is, with red and blue exchanged, all black, and as its negative."""
        golden = self._golden_pixels()
        right, exchanged, *others = (
            self._classify(pixels) for pixels in (golden, golden[..., ::-1], np.zeros_like(golden), 255 - golden)
        )
        return Response(
            numbers=not self._classifier.damaged,
            to_pictures=any(not np.array_equal(right, other) for other in (exchanged, *others)),
            to_colours=not np.array_equal(right, exchanged),
        )

    def _golden_pixels(self) -> Pixels:
        return self._picture.model_input(*self._classifier.model.input_size)

    def _classify(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        frame = Frame("golden", time.monotonic(), np.ascontiguousarray(pixels), self._picture)
        return self._classifier.classify(frame).values

    def close(self) -> None:
        """Nothing is to be closed."""


def admit(config: ModelConfig, base: Path, state_dir: Path) -> None:
    """Try a model in a child process; one that passed is remembered in `state_dir` and not tried again.

    Raises:
        ModelError: it cannot be found, read or used, it crashes or hangs the runtime, or gives other scores than it
            should.
        UnavailableError: the process was killed, which says nothing of the model.
    """
    path = find_twins(config.name, base).cpu  # the Edge TPU's is tried each time before it is used
    sha256 = content_sha256(path)
    fingerprint = f"{sha256} {__version__} {_runtime()} {config.labels} {config.scores}"
    if _is_remembered(state_dir, fingerprint):
        return
    expected = golden_scores().get(sha256, {})
    try:
        with Child(path.name, _TRIAL, {"config": config, "base": base}, start_timeout_s=_TRIAL_S) as child:
            _check_scores(path, expected, child.call("scores", tuple(expected), timeout_s=_TRIAL_S))
            _tell(path, child.call("response", timeout_s=_TRIAL_S), known=bool(expected))
    except ChildError as error:
        if isinstance(error, ChildDiedError) and error.was_killed:
            raise UnavailableError(
                f"{error}; if for want of memory: stop other programs, or name a smaller model"
            ) from error
        raise ModelError(f"{error}; this model is not used: get it again, or name another in model.name") from error
    _remember(state_dir, fingerprint)


def _check_scores(path: Path, expected: Mapping[int, float], scores: Sequence[float]) -> None:
    for index, score in zip(expected, scores, strict=True):
        if abs(score - expected[index]) > _TOLERANCE:
            raise ModelError(
                f"{path.name}: scores {score:.2f} for label {index} on the golden picture, where {expected[index]:.2f} "
                "is right: this machine's runtime computes something else, or colours are exchanged; report this"
            )


def _tell(path: Path, response: Response, *, known: bool) -> None:
    """Say what the trial showed, and what it could not."""
    if not response.numbers:
        raise ModelError(f"{path.name}: gives scores that are no numbers; it is damaged, get it again")
    if known:
        log.info("model %s: tried in a process of its own; its scores of the golden picture are right", path.stem)
        return
    log.info(
        "model %s: tried in a process of its own; which scores of the golden picture are right is known of %d models "
        "and not of this one: whether it answers right, only pictures of your own can tell (edgeclassify evaluate)",
        path.stem, len(golden_scores()),
    )  # fmt: skip
    if not response.to_pictures:
        log.warning("model %s: gives the same scores for four different pictures; is the file damaged?", path.stem)
    elif not response.to_colours:
        log.info("model %s: does not tell red from blue", path.stem)


@functools.cache
def golden_scores() -> Mapping[str, Mapping[int, float]]:
    """Return what models are known to say of the golden picture, by their SHA-256 and the labels' indexes."""
    text = (resources.models() / "golden.yaml").read_text(encoding="utf-8")
    return {entry["sha256"]: entry["scores"] for entry in yaml.safe_load(text)}


def _runtime() -> str:
    """Return what else decides how a trial ends: the runtime's version, and the machine (an SD card may be moved)."""
    for package in ("ai-edge-litert", "tflite-runtime"):
        with suppress(metadata.PackageNotFoundError):
            return f"{package} {metadata.version(package)} {platform.machine()}"
    return platform.machine()


def _is_remembered(state_dir: Path, fingerprint: str) -> bool:
    try:
        return fingerprint in json.loads((state_dir / _REMEMBERED).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _remember(state_dir: Path, fingerprint: str) -> None:
    """Keep the last one only; where that is impossible the trial is made at every start."""
    new = state_dir / f".{_REMEMBERED}.{os.getpid()}"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_text(json.dumps([fingerprint]), encoding="utf-8")
        new.replace(state_dir / _REMEMBERED)
    except OSError as error:
        log.debug("%s: cannot be written: %s", state_dir, error)
        with suppress(OSError):
            new.unlink(missing_ok=True)
