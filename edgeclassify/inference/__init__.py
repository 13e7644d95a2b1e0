"""Frame -> Scores: find, check and run a model."""

from edgeclassify.inference.accelerators import open_classifier
from edgeclassify.inference.classifier import Classifier
from edgeclassify.inference.files import find_model
from edgeclassify.inference.model import Model, load_model

__all__ = ["Classifier", "Model", "find_model", "load_model", "open_classifier"]
