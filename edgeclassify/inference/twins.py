"""The two files of one model: NAME.tflite for the CPU, NAME_edgetpu.tflite for the Edge TPU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeclassify.inference.bundle import find_backbone, is_bundle, read_index
from edgeclassify.inference.files import find_model
from edgeclassify.resources import TWIN_SUFFIX, beside, in_its_set, is_in_set, model_folders


@dataclass(frozen=True)
class Twins:
    """Where they are."""

    cpu: Path
    edgetpu: Path | None


def find_twins(name: str, base: Path) -> Twins:
    """Return both files of the model that `model.name` means; it may name either.

    A learned model runs on the Edge TPU when its backbone ends with features there too.

    A file whose name only looks like one for the Edge TPU, without a twin for the CPU, is taken as it is.

    Raises:
        ModelError: there is no such model.
    """
    named = find_model(name, base)
    if is_bundle(named):
        return Twins(named, _of_backbone(named))
    if not named.stem.endswith(TWIN_SUFFIX):
        return Twins(named, _beside_or_among_models(named, f"{named.stem}{TWIN_SUFFIX}.tflite"))
    cpu = _beside_or_among_models(named, f"{named.stem.removesuffix(TWIN_SUFFIX)}.tflite")
    return Twins(cpu, named) if cpu else Twins(named, None)


def _of_backbone(bundle: Path) -> Path | None:
    backbone = read_index(bundle).backbone
    if backbone.cut:
        return None
    path = find_backbone(bundle, backbone)
    return _beside_or_among_models(path, f"{path.stem}{TWIN_SUFFIX}.tflite")


def _beside_or_among_models(path: Path, name: str) -> Path | None:
    candidates = [beside(path, name)]
    if not is_in_set(path):  # nor does a twin of another version come from elsewhere
        candidates += [in_its_set(folder / name) for folder in model_folders()]
    return next((candidate for candidate in candidates if _is_file(candidate)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that this user may not look into
        return False
