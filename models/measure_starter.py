"""Measure the starter model on pictures that it was not trained on, at the default configuration.

Needs ai-edge-litert, matplotlib and Pillow, and WORK as export_starter.py leaves it:

    python models/measure_starter.py WORK --rival mobilenet_v1_0.5_160_quant.tflite --photographs FOLDER

Writes WORK/results.json and WORK/starter_confusion.png. The model is run as the program runs it: picture by picture in
the interpreter, uint8 scores rescaled; nothing is smoothed.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

from prepare_starter import CALIBRATION, MARGIN, TEST, THRESHOLD, UNSEEN

Array = npt.NDArray[Any]


def opened(path: Path, threads: int = 1) -> Interpreter:
    """Return a loaded model."""
    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def scores_of(model: Interpreter, pictures: Array) -> Array:
    """Return the scores, [N, labels], of pictures, uint8 [N, height, width, 3]; one picture at a time."""
    (entry,), (result,) = model.get_input_details(), model.get_output_details()
    scale, zero_point = result["quantization"]
    rows = np.empty((len(pictures), result["shape"][-1]), np.float32)
    for row, picture in zip(rows, pictures, strict=True):
        model.set_tensor(entry["index"], picture[None])
        model.invoke()
        row[:] = (model.get_tensor(result["index"])[0].astype(np.int32) - zero_point) * scale
    return rows


def answers(scores: Array, threshold: float) -> Array:
    """Return the answered label of every picture, -1 for none: too low, ambiguous, or background (the last label)."""
    ordered = np.sort(scores, axis=1)
    best = scores.argmax(axis=1)
    qualifies = (ordered[:, -1] >= threshold) & (ordered[:, -1] - ordered[:, -2] >= MARGIN)
    return np.where(qualifies & (best < scores.shape[1] - 1), best, -1)


def counted(answer: Array, label: Array, background: int) -> dict[str, float]:
    """Return how many were answered, rightly and wrongly, of the own groups' pictures and of background."""
    own = label != background
    right = int(np.sum(answer[own] == label[own]))
    wrong = int(np.sum((answer[own] >= 0) & (answer[own] != label[own])))
    false_alarms = int(np.sum(answer[~own] >= 0))
    every = right + wrong + false_alarms
    return {
        "own": int(own.sum()), "own_right": right, "own_wrong": wrong,
        "background": int((~own).sum()), "background_answered": false_alarms,
        "answers_right": right / every if every else 1.0,
        "own_answered_rightly": right / max(1, int(own.sum())),
        "background_answered_part": false_alarms / max(1, int((~own).sum())),
    }  # fmt: skip


def latencies(paths: list[Path], threads: int, rounds: int = 500) -> dict[str, dict[str, float]]:
    """Return milliseconds per inference; the models take turns, so that what else the machine does hits all alike."""
    models = {path.name: opened(path, threads) for path in paths}
    taken: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, model in models.items():
            started = time.perf_counter()
            model.invoke()
            taken[name].append((time.perf_counter() - started) * 1000)
    return {name: {"median_ms": float(np.median(values[10:])), "p95_ms": float(np.percentile(values[10:], 95))}
            for name, values in taken.items()}  # fmt: skip


def photograph_scores(model: Interpreter, labels: list[str], folder: Path) -> dict[str, dict[str, float]]:
    """Return the three best labels of every photograph, its middle square scaled as the program does it."""
    _, height, width, _ = model.get_input_details()[0]["shape"]
    found = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".bmp", ".jpg", ".png")):
        image = ImageOps.fit(Image.open(path).convert("RGB"), (width, height), Image.Resampling.BILINEAR)
        row = scores_of(model, np.asarray(image)[None])[0]
        found[path.name] = {labels[i]: round(float(row[i]), 3) for i in row.argsort()[::-1][:3]}
    return found


def plot_confusion(answer_or_best: Array, label: Array, labels: list[str], target: Path) -> None:
    """Draw which label got the best score, in percent of the pictures of each true label."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    table = np.zeros((len(labels), len(labels)))
    np.add.at(table, (label, answer_or_best), 1)
    percent = 100 * table / table.sum(1, keepdims=True)
    figure, axes = plt.subplots(figsize=(9, 8), layout="constrained")
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.5:
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", color="white" if value > 55 else "black")
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), [f"{name} ({int(n)})" for name, n in zip(labels, table.sum(1), strict=True)])
    axes.set_xlabel("label with the best score, whatever the score")
    axes.set_ylabel("true label (held-out pictures)")
    axes.set_title("starter: % of the pictures of each label, without threshold")
    figure.savefig(target, dpi=110)


def measure(work: Path, rival: Path | None, photographs: Path | None) -> dict[str, object]:
    """Return everything that the card says."""
    data = dict(np.load(work / "pictures.npz"))
    path = work / "starter.tflite"
    labels = (work / "starter.txt").read_text().splitlines()
    background = len(labels) - 1
    fine, part, label = data["fine"], data["part"], data["group_of_fine"][data["fine"]]
    model = opened(path)
    chosen = np.flatnonzero((part == TEST) | (part == UNSEEN))
    scores = np.zeros((len(part), len(labels)), np.float32)
    scores[chosen] = scores_of(model, data["pictures"][chosen])
    test, best = part == TEST, scores.argmax(1)
    unseen, calibrated = (np.isin(fine, fine[part == kind]) for kind in (UNSEEN, CALIBRATION))
    own = label != background
    sets = {
        "all held-out pictures": test,
        "without the calibration classes": test & ~calibrated,
        "own groups and the classes of background never seen": test & (own | unseen),
        "background, classes trained on": test & ~own & ~unseen & ~calibrated,
        "background, classes never seen": test & unseen,
        "background, classes only calibrated on": test & calibrated,
        "background, classes never seen, further pictures": part == UNSEEN,
    }
    default = answers(scores, THRESHOLD)
    results: dict[str, object] = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size, "labels": labels,
        "accuracy": float(np.mean((best == label)[test])),
        "balanced_accuracy": float(np.mean([np.mean(best[test & (label == i)] == i) for i in range(len(labels))])),
        "default": {name: counted(default[mask], label[mask], background) for name, mask in sets.items()},
        "by_label": {name: {**counted(default[test & (label == i)], label[test & (label == i)], background),
                            "answered_for_others": int(np.sum(test & (default == i) & (label != i)))}
                     for i, name in enumerate(labels[:-1])},
        "by_threshold": {f"{t:.2f}": counted(answers(scores, t)[test], label[test], background)
                         for t in np.arange(0.30, 0.96, 0.05)},
        "false_alarms_by_class": dict(sorted(
            ((str(data["class_names"][i]), int(np.sum(test & (fine == i) & (default >= 0))))
             for i in np.flatnonzero(data["group_of_fine"] == background)), key=lambda pair: -pair[1])[:20]),
    }  # fmt: skip
    plot_confusion(best[test], label[test], labels, work / "starter_confusion.png")
    if rival:
        results["latency"] = {f"{n} threads": latencies([path, rival], n) for n in (1, 2)}
    if photographs:
        results["photographs"] = photograph_scores(model, labels, photographs)
    return results


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rival", type=Path, help="a model to compare the speed with")
    parser.add_argument("--photographs", type=Path, help="a folder of photographs whose best labels are listed")
    args = parser.parse_args()
    results = measure(args.work, args.rival, args.photographs)
    text = json.dumps(results, indent=1)
    (args.work / "results.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
