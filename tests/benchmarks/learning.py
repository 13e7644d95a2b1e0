"""How right learned models are, beside scikit-learn on the same features, and what learning costs beyond inference.

python -m tests.benchmarks.learning --backbone mobilenet_v1_1.0_224_quant_embedding_extractor
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import statistics
import tarfile
import tempfile
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeclassify.config.sections import ModelConfig
from edgeclassify.image import load_picture
from edgeclassify.inference import runtime
from edgeclassify.inference.head import scaled_to_one
from edgeclassify.inference.model import Model, load_backbone
from edgeclassify.inference.quantization import ValueDecoder, input_encoder
from edgeclassify.tools.labelled_pictures import LabelledPicture
from edgeclassify.tools.learn.cache import FeatureCache
from edgeclassify.tools.learn.collecting import collect
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.learning import learn, open_eye, read_before
from edgeclassify.tools.learn.stored_features import stored
from edgeclassify.tools.learn.training import train

SHARED = Path(__file__).resolve().parents[3] / "shared"
GROUPS, COUNTS = 10, (5, 20, 100)
POOL, TESTED = 250, 80  # pictures of each group

Features = npt.NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="starter")
    parser.add_argument("--archive", type=Path, default=SHARED / "tiny-imagenet.tar.gz")
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        groups = unpacked(arguments.archive, Path(folder))
        model = load_backbone(arguments.backbone, Path.cwd())
        accuracy(groups, model, arguments.draws)
        unknown(groups, others(Path(folder), set(groups)), model, arguments.draws)
        taught_nothing(groups, Path(folder), model, min(arguments.draws, 3))
        cost(groups, arguments.backbone, Path(folder))


def unpacked(archive: Path, folder: Path) -> dict[str, tuple[list[Path], list[Path]]]:
    """The groups of most classes, each with the pictures to draw from and those to test with."""
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    classes = defaultdict(list)
    with (folder / "classes.csv").open() as file:
        for row in csv.DictReader(file):
            classes[row["group"]].append(row["wnid"])
    classes.pop("background", None)
    rng, found = np.random.default_rng(0), {}
    for name in sorted(classes, key=lambda name: (-len(classes[name]), name))[:GROUPS]:
        both = [
            sorted(path for wnid in classes[name] for path in (folder / part / wnid).iterdir())
            for part in ("train", "val")
        ]
        shuffled = [[paths[n] for n in rng.permutation(len(paths))] for paths in both]
        found[name] = shuffled[0][:POOL], shuffled[1][:TESTED]
    return found


def accuracy(groups: dict[str, tuple[list[Path], list[Path]]], model: Model, draws: int) -> None:
    from sklearn.linear_model import LogisticRegression

    raw = [[raw_features(model, paths) for paths in both] for both in groups.values()]
    shown = np.concatenate([test for _, test in raw])
    truth = np.repeat(np.arange(len(raw)), [len(test) for _, test in raw])
    print("| pictures a class | softmax | imprinting | scikit-learn | softmax less that | imprinting less that |")
    print("|---|---|---|---|---|---|")
    for count in COUNTS:
        found: dict[str, list[float]] = defaultdict(list)
        for draw in range(draws):
            rng = np.random.default_rng(draw)
            drawn = np.concatenate([pool[rng.choice(len(pool), count, replace=False)] for pool, _ in raw])
            labels = np.repeat(np.arange(len(raw)), count)
            plain = LogisticRegression(max_iter=2000).fit(drawn, labels)
            found["scikit-learn"].append(float((plain.predict(shown) == truth).mean()))
            for kind in ("softmax", "imprinting"):
                head = train(examples_of(drawn, labels), kind).head
                scores = head.scores_of_many(shown)
                found[kind].append(float((scores[:, : len(raw)].argmax(axis=1) == truth).mean()))
                found[f"{kind}, none"].append(float((scores.argmax(axis=1) == truth).mean()))
        cells = [f"{np.mean(found[k]):.3f} ({np.mean(found[f'{k}, none']):.3f})" for k in ("softmax", "imprinting")]
        paired = []
        for kind in ("softmax", "imprinting"):
            apart = [a - b for a, b in zip(found[kind], found["scikit-learn"], strict=True)]
            paired.append(f"{np.mean(apart):+.3f} ({min(apart):+.3f} to {max(apart):+.3f})")
        print(f"| {count} | {cells[0]} | {cells[1]} | {np.mean(found['scikit-learn']):.3f} | {' | '.join(paired)} |",
              flush=True)  # fmt: skip


def others(folder: Path, known: set[str]) -> dict[str, list[Path]]:
    """Pictures of what no group taught: of the classes nearest to them, the other groups, and of all kinds."""
    found: dict[str, list[Path]] = {"other groups": [], "background": []}
    with (folder / "classes.csv").open() as file:
        for row in csv.DictReader(file):
            kind = "background" if row["group"] == "background" else "other groups"
            if row["group"] not in known:
                found[kind] += sorted((folder / "val" / row["wnid"]).iterdir())[:10]
    rng = np.random.default_rng(0)
    for name, pixels in (("black", np.zeros((20, 64, 64, 3))), ("noise", rng.uniform(0, 255, (20, 64, 64, 3)))):
        found[name] = [folder / f"{name}-{number}.png" for number in range(20)]
        for path, one in zip(found[name], pixels, strict=True):
            Image.fromarray(one.astype(np.uint8)).save(path)
    return found


def unknown(
    groups: dict[str, tuple[list[Path], list[Path]]], far: dict[str, list[Path]], model: Model, draws: int
) -> None:  # fmt: skip
    """Print what falls to `none`, and what scores are worth, on pictures that nothing was fitted with."""
    raw = [[raw_features(model, paths) for paths in both] for both in groups.values()]
    shown, truth = np.concatenate([test for _, test in raw]), np.repeat(np.arange(len(raw)), [len(t) for _, t in raw])
    away = {name: raw_features(model, paths) for name, paths in far.items()}
    print(f"\n| pictures a class | head | right ones lost | {' | '.join(away)} | AUROC | ECE | Brier | NLL |")
    print(f"|---|---|---|{'---|' * len(away)}---|---|---|---|")
    for count in COUNTS:
        for kind in ("softmax", "imprinting"):
            found = []
            for draw in range(draws):
                rng = np.random.default_rng(draw)
                drawn = np.concatenate([pool[rng.choice(len(pool), count, replace=False)] for pool, _ in raw])
                head = train(examples_of(drawn, np.repeat(np.arange(len(raw)), count)), kind).head
                scores = head.scores_of_many(shown)
                best, right = scores.argmax(axis=1), scores[:, :-1].argmax(axis=1) == truth
                lost = 1 - (best == truth).sum() / right.sum()
                fell = [(head.scores_of_many(one).argmax(axis=1) == len(raw)).mean() for one in away.values()]
                near = head.nearness.to_each(scaled_to_one(shown)).max(axis=1)
                areas = [area(near, head.nearness.to_each(scaled_to_one(away[name])).max(axis=1)) for name in away][:2]
                found.append([lost, *fell, *areas, *worth(scores, truth)])
            lost, *fell, first, second, ece, brier, nll = np.mean(found, axis=0)
            told = " | ".join(f"{share:.0%}" for share in (lost, *fell))
            print(f"| {count} | {kind} | {told} | {first:.2f}, {second:.2f} | {ece:.3f} | {brier:.3f} | {nll:.3f} |",
                  flush=True)  # fmt: skip


def taught_nothing(
    groups: dict[str, tuple[list[Path], list[Path]]], folder: Path, model: Model, draws: int
) -> None:  # fmt: skip
    """Print what a folder `none` of every second kind of background does for the kinds that were not in it."""
    with (folder / "classes.csv").open() as file:
        kinds = {row["wnid"]: row["group"] for row in csv.DictReader(file)}
    background = [wnid for wnid, group in kinds.items() if group == "background"]
    others = [wnid for wnid, group in kinds.items() if group not in groups and group != "background"]

    def features(wnids: list[str], part: str, count: int) -> Features:
        return raw_features(model, [path for w in wnids for path in sorted((folder / part / w).iterdir())[:count]])

    nothing, unseen = features(background[::2], "train", 6), features(background[1::2], "val", 10)
    away = (unseen, features(others, "val", 10))
    raw = [[raw_features(model, paths) for paths in both] for both in groups.values()]
    shown, truth = np.concatenate([test for _, test in raw]), np.repeat(np.arange(len(raw)), [len(t) for _, t in raw])
    print("\n| pictures a class | in none | head | right ones lost | unseen background | other groups |")
    print("|---|---|---|---|---|---|")
    for count, of_nothing in ((20, 0), (20, 20), (20, 60), (100, 0), (100, 100)):
        for kind in ("softmax", "imprinting"):
            found = []
            for draw in range(draws):
                rng = np.random.default_rng(draw)
                drawn = [pool[rng.choice(len(pool), count, replace=False)] for pool, _ in raw]
                drawn.append(nothing[rng.choice(len(nothing), of_nothing, replace=False)])
                names = [f"{number:02d}" for number in range(len(raw)) for _ in range(count)] + ["none"] * of_nothing
                rows = [str(row) for row in range(len(names))]
                head = train(Examples.of(stored(np.concatenate(drawn)), names, rows, rows), kind).head
                scores = head.scores_of_many(shown)
                right = scores[:, :-1].argmax(axis=1) == truth
                lost = 1 - (scores.argmax(axis=1) == truth).sum() / right.sum()
                fell = [(head.scores_of_many(one).argmax(axis=1) == len(raw)).mean() for one in away]
                found.append([lost, *fell])
            told = " | ".join(f"{share:.0%}" for share in np.mean(found, axis=0))
            print(f"| {count} | {of_nothing} | {kind} | {told} |", flush=True)


def area(near: Features, far: Features) -> float:
    """The share of pairs in which the known picture is the nearer one."""
    ranks = np.concatenate([near, far]).argsort().argsort() + 1.0
    return float((ranks[: len(near)].sum() - len(near) * (len(near) + 1) / 2) / (len(near) * len(far)))


def worth(scores: Features, truth: npt.NDArray[np.intp]) -> tuple[float, float, float]:
    """Expected calibration error over tenths, Brier score, negative log-likelihood."""
    sure, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    tenths = np.minimum((sure * 10).astype(int), 9)
    error = sum(abs(sure[tenths == t].sum() - right[tenths == t].sum()) for t in range(10)) / len(truth)
    own = scores[np.arange(len(truth)), truth]
    brier = ((scores - np.eye(scores.shape[1])[truth]) ** 2).sum(axis=1).mean()
    return float(error), float(brier), float(-np.log(np.maximum(own, 1e-6)).mean())


def raw_features(model: Model, paths: list[Path]) -> Features:
    interpreter, encode = runtime.build(model.content, 1, model.path), input_encoder(model.input, model.normalization)
    decoder, rows = ValueDecoder(model.output), []
    for path in paths:
        interpreter.set_tensor(model.input.index, encode(load_picture(path).model_input(*model.input_size)))
        interpreter.invoke()
        rows.append(decoder.decode(interpreter.get_tensor(model.output.index)))
    return np.array(rows)


def examples_of(raw: Features, labels: npt.NDArray[np.intp]) -> Examples:
    rows = [str(row) for row in range(len(raw))]
    return Examples.of(stored(raw), [f"{label:02d}" for label in labels], rows, rows)


def cost(groups: dict[str, tuple[list[Path], list[Path]]], backbone: str, folder: Path) -> None:
    """200 pictures of 10 classes, in turns: nothing but decoding, scaling and inference; and all of learning."""
    pictures = [LabelledPicture(path, name, "") for name, (pool, _) in groups.items() for path in pool[:20]]
    ratios, own, changes = [], [], []
    with open_eye(backbone, Path.cwd(), ModelConfig(threads=1)) as eye:
        for turn in range(5):
            started_s = time.perf_counter()
            raw_features(eye.classifier.model, [picture.path for picture in pictures])
            bare_s = time.perf_counter() - started_s
            started_s = time.perf_counter()
            found = collect(pictures, eye.classifier, FeatureCache(None, ""), lambda: None, print)
            looked_s = time.perf_counter() - started_s
            target = folder / f"learned-{turn}"
            learn(found.examples(), "auto", 0.95, eye.backbone, target, force=False)
            own.append(time.perf_counter() - started_s - looked_s)
            ratios.append((time.perf_counter() - started_s) / bare_s)
            imprinted = folder / f"imprinted-{turn}"
            learn(found.examples(), "imprinting", 0.95, eye.backbone, imprinted, force=False)
            more = [LabelledPicture(path, "new", "") for path in next(iter(groups.values()))[1][:10]]
            new = collect(more, eye.classifier, FeatureCache(None, ""), lambda: None, print).examples()
            started_s = time.perf_counter()
            before = read_before(imprinted)
            joined = before.examples.joined(new)
            learn(joined, "imprinting", 0.95, eye.backbone, imprinted, force=False, before=before)
            changes.append(time.perf_counter() - started_s)
    print(f"\n200 pictures learned, of their bare inference: {told(ratios)}; training and writing: {told(own)} s")
    print(f"a class added by imprinting, beyond inference: {told(changes)} s")
    print(f"highest memory of all this: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def told(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    main()
