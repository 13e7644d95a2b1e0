"""Classifying in a loop, other than the daemon: `loops.py LOOP MODEL SECONDS PICTURES`; prints one JSON object.

`bare` calls `invoke()` and nothing else. `usual` is what examples do: resize with Pillow, set_tensor, invoke, argsort.
`mediapipe` is MediaPipe Tasks' ImageClassifier. The last two get pictures that are decoded already: PICTURES is a
.npy file, shape (frames, height, width, 3).
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

_WARM_UP_S = 1.0


def bare(model: bytes, _pictures: np.ndarray) -> Callable[[], object]:
    interpreter = _interpreter(model)
    return interpreter.invoke


def usual(model: bytes, pictures: np.ndarray) -> Callable[[], object]:
    from PIL import Image

    interpreter = _interpreter(model)
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    height, width = given["shape"][1:3]
    turns = itertools.cycle(pictures)

    def classify() -> object:
        image = Image.fromarray(next(turns)).resize((width, height))
        interpreter.set_tensor(given["index"], np.asarray(image)[np.newaxis])
        interpreter.invoke()
        scores = interpreter.get_tensor(answer["index"])[0]
        return np.argsort(scores)[::-1][:5]

    return classify


def mediapipe(model: bytes, pictures: np.ndarray) -> Callable[[], object]:
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(BaseOptions(model_asset_buffer=model), max_results=5)
    classifier = vision.ImageClassifier.create_from_options(options)
    turns = itertools.cycle(pictures)
    return lambda: classifier.classify(mp.Image(image_format=mp.ImageFormat.SRGB, data=next(turns)))


def _interpreter(model: bytes):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    noise = np.random.default_rng(0).integers(0, 256, given["shape"], np.uint8)
    interpreter.set_tensor(given["index"], noise)
    return interpreter


def machine_busy_s() -> float:
    """Return the CPU seconds that all processes of the machine have used since it started."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def measure(classify: Callable[[], object], seconds: float) -> dict[str, float]:
    """Return frames, wall and CPU seconds of a loop that is warm, and the CPU seconds of other processes meanwhile."""
    _repeat(classify, _WARM_UP_S)
    started_s, started_cpu_s, started_busy_s = time.perf_counter(), time.process_time(), machine_busy_s()
    frames = _repeat(classify, seconds)
    cpu_s = time.process_time() - started_cpu_s
    return {
        "frames": frames,
        "wall_s": time.perf_counter() - started_s,
        "cpu_s": cpu_s,
        "others_cpu_s": machine_busy_s() - started_busy_s - cpu_s,
    }


def _repeat(classify: Callable[[], object], seconds: float) -> int:
    until_s = time.perf_counter() + seconds
    for frames in itertools.count(1):
        classify()
        if time.perf_counter() >= until_s:
            return frames
    raise AssertionError


if __name__ == "__main__":
    name, model_file, seconds_text, pictures_file = sys.argv[1:]
    loop = {"bare": bare, "usual": usual, "mediapipe": mediapipe}[name]
    ready = loop(Path(model_file).read_bytes(), np.load(pictures_file))
    print(json.dumps(measure(ready, float(seconds_text))))
