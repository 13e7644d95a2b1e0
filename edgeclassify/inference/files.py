"""Which file a model's name means, and its bytes."""

from __future__ import annotations

import re
from pathlib import Path

from edgeclassify import homes, resources
from edgeclassify.errors import ModelError

_MAX_BYTES = 200 * 1024 * 1024
_SMALLEST = 16

CATALOGUE_NAMES = re.compile(r"(tf2_)?(mobilenet|efficientnet|inception)", re.IGNORECASE)
"""What the catalogue's names begin with."""


def find_model(name: str, base: Path) -> Path:
    """Return the file that `model.name` means, or the folder of a learned model.

    A name with a slash or ending in .tflite is a path, relative to `base`; any other is looked for among the
    models that come with the program, those that were pulled and those that were learned.

    Raises:
        ModelError: there is none.
    """
    if "\0" in name:
        raise ModelError(f"model.name: {name!r} is not a name; see: edgeclassify models list")
    if "/" in name or name.endswith(".tflite"):
        return resources.in_its_set(base / _expanded(name))
    for folder in resources.model_folders():
        path = folder / f"{name}.tflite"
        if path.is_file():
            return resources.in_its_set(path)
    if name in (learned := resources.learned_models()):
        return learned[name]
    here = ", ".join(sorted([*resources.local_models(), *learned])) or "none"
    if (base / name).is_file():
        advice = f"for the file of that name write ./{name}"
    elif any((folder / f"{name}{resources.TWIN_SUFFIX}.tflite").is_file() for folder in resources.model_folders()):
        advice = f"only its Edge TPU twin is here, and the model for the CPU is needed too: put {name}.tflite beside it"
    elif CATALOGUE_NAMES.match(name):
        advice = f"get it with: edgeclassify models pull {name}"
    else:
        advice = "name one of them, or the path of a .tflite file or of a learned model"
    raise ModelError(f"there is no model {name!r}; here are: {here}; {advice}")


def read_model(path: Path) -> bytes:
    """Return the bytes of a .tflite file.

    Raises:
        ModelError: it cannot be read, or is something else.
    """
    try:
        if path.is_dir():
            raise ModelError(f"{path}: is a folder; name the .tflite file in it")
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise ModelError(f"{path}: is {size / 1e6:.0f} MB, too large for a model; name another file")
        if not path.is_file():
            raise ModelError(f"{path}: is not a file; name a .tflite file")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no such file; see: edgeclassify models list") from error
    except PermissionError as error:
        raise ModelError(
            f"{path}: may not be read by this user; {homes.advice(path, f'run: chmod a+r {path}')}"
        ) from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error}); check the path and the disk") from error
    if not content:
        raise ModelError(f"{path}: is empty; get it again")
    if len(content) < _SMALLEST or content[4:8] != b"TFL3":
        raise ModelError(f"{path}: is not a TensorFlow Lite model (its bytes 4 to 7 are not TFL3); get it again")
    return content


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as error:  # ~nobody
        raise ModelError(f"model.name: {name}: {error}") from error
