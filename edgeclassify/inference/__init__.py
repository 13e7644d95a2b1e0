"""Frame -> Scores: find, check and run a model.

What is named here is imported when it is first used: the child of the Edge TPU needs nothing of it, and starts in a
third of the time with half of the memory.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeclassify.inference.accelerators import open_classifier
    from edgeclassify.inference.classifier import Classifier
    from edgeclassify.inference.files import find_model
    from edgeclassify.inference.model import Model, load_model

__all__ = ["Classifier", "Model", "find_model", "load_model", "open_classifier"]

_MODULES = {
    "Classifier": "classifier",
    "Model": "model",
    "find_model": "files",
    "load_model": "model",
    "open_classifier": "accelerators",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
