"""How much memory a model takes, measured in a process of its own, where nothing else was freed before.

`python -m edgeclassify.tools.model_memory SECTION BASE` prints it in MB; SECTION is `model:` as JSON.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from edgeclassify.config.sections import ModelConfig
from edgeclassify.device import read_device, report
from edgeclassify.image import StillPicture, View
from edgeclassify.inference import open_classifier
from edgeclassify.records import Frame

_INFERENCES = 5
_PATIENCE_S = 60


def model_memory_mb(config: ModelConfig, base: Path) -> float | None:
    """Return the resident memory that a model adds once it classifies; None where that cannot be told."""
    command = [sys.executable, "-m", __name__, config.model_dump_json(), str(base)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
        return float(answer.stdout)
    except (subprocess.SubprocessError, OSError, ValueError):
        return None


def _measured_mb(config: ModelConfig, base: Path) -> float:
    # What the runtime's import takes, and the smallest model, belongs to every model.
    with open_classifier(ModelConfig(threads=config.threads), base):
        pass
    before_mb: float = report(read_device())["memory_mb"]
    with open_classifier(config, base) as classifier:
        width, height = classifier.model.input_size
        pixels = np.zeros((height, width, 3), np.uint8)
        picture = StillPicture(Image.fromarray(pixels), View(), time.monotonic(), "")
        for _ in range(_INFERENCES):
            classifier.classify(Frame("", picture.captured_s, pixels, picture))
        after_mb: float = report(read_device())["memory_mb"]
    return after_mb - before_mb


if __name__ == "__main__":
    print(_measured_mb(ModelConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2])))
