"""What is taken for granted while too few pictures can be held out, fitted to small problems of single classes.

python -m tests.benchmarks.few_pictures --backbone mobilenet_v1_1.0_224_quant_embedding_extractor

Of the classes of Tiny ImageNet's group `background`, which tests/benchmarks/learning.py does not test with, two to five
are drawn, and one or two pictures of each are learned from.
"""

from __future__ import annotations

import argparse
import csv
import os
import tarfile
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.head import scaled_to_one
from edgeclassify.inference.model import load_backbone
from edgeclassify.inference.quantization import softmax
from edgeclassify.tools.learn.calibration import fitted_gate, fitted_temperature
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.stored_features import stored
from edgeclassify.tools.learn.training import train
from tests.benchmarks.learning import SHARED, Features, raw_features

PROBLEMS, OF_EACH = 400, 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="starter")
    parser.add_argument("--archive", type=Path, default=SHARED / "tiny-imagenet.tar.gz")
    arguments = parser.parse_args()
    pictures = background(arguments.archive, arguments.backbone)
    variances(pictures)
    constants(pictures)


def background(archive: Path, backbone: str) -> Features:
    """The features of some pictures of each class, shape (classes, pictures, features), each of length 1."""
    model = load_backbone(backbone, Path.cwd())
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
        with Path(folder, "classes.csv").open() as file:
            names = [row["wnid"] for row in csv.DictReader(file) if row["group"] == "background"]
        paths = [sorted(Path(folder, "train", name).iterdir())[:OF_EACH] for name in names]
        return np.array([scaled_to_one(raw_features(model, one)) for one in paths])


def apart(pictures: Features, rng: np.random.Generator, classes: int) -> npt.NDArray[np.intp]:
    """Draw classes that differ: of each pair, the means are further from each other than half of all pairs are."""
    means = pictures.mean(axis=1)
    distances = np.linalg.norm(means[:, np.newaxis] - means, axis=2)
    least = np.median(distances)
    while True:
        chosen = rng.choice(len(pictures), classes, replace=False)
        if (distances[np.ix_(chosen, chosen)] + least * np.eye(classes) >= least).all():
            return chosen


def variances(pictures: Features) -> None:
    """Print what all features together vary within single classes, and their means among five classes."""
    means = pictures.mean(axis=1, keepdims=True)
    within = ((pictures - means) ** 2).sum(axis=2).sum(axis=1) / (pictures.shape[1] - 1)
    of_all = means[:, 0].mean(axis=0)
    between = ((means[:, 0] - of_all) ** 2).sum(axis=1) - within / pictures.shape[1]
    print(f"variance within classes {np.median(within):.2f}, between them {np.median(between):.2f}")


def constants(pictures: Features) -> None:
    """Print the temperature of least cross-entropy, and the gate that loses few."""
    most = max(range(2, 6))
    logits, right, own, near, far = [], [], [], [], []
    for problem in range(PROBLEMS):
        rng = np.random.default_rng(problem)
        classes = int(rng.integers(2, 6))
        count = int(rng.integers(1, 3)) if classes * 2 < 10 else 1  # of ten and more the program measures itself
        chosen = apart(pictures, rng, classes + 1)
        order = rng.permutation(pictures.shape[1])
        taught = pictures[chosen[:classes]][:, order[:count]].reshape(classes * count, -1)
        rows = [str(row) for row in range(len(taught))]
        head = train(Examples.of(stored(taught), [str(row // count) for row in range(len(taught))], rows, rows),
                     "imprinting").head  # fmt: skip
        shown = pictures[chosen[:classes]][:, order[count : count + 5]]
        for number in range(classes):
            values = shown[number] @ head.weights.T + head.bias
            logits += [np.pad(one, (0, most - classes), constant_values=-1e9) for one in values]
            right += [number] * len(values)
            own += list(values.argmax(axis=1) == number)
            near += list(head.nearness.to_each(shown[number][values.argmax(axis=1) == number]).max(axis=1))
        far += list(head.nearness.to_each(pictures[chosen[-1]][:10]).max(axis=1))
    print(f"{len(logits)} pictures shown, {np.mean(own):.3f} right")
    temperature = fitted_temperature(np.array(logits), np.array(right))
    sure = softmax((np.array(logits) / temperature).astype(np.float32)).max(axis=1).astype(np.float64)
    gate = fitted_gate(np.array(near), sure[np.array(own)], np.array(far))
    kept = gate.share(np.array(near)) * sure[np.array(own)]
    print(f"temperature {temperature:.0f}, with it the mean score is {sure.mean():.3f}; {gate}")
    print(f"fall to none: {(kept < 1 - gate.share(np.array(near))).mean():.3f} of those right")


if __name__ == "__main__":
    main()
