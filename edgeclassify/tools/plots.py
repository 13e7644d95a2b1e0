"""An evaluation as a picture: what is taken for what, and what a threshold costs."""

from __future__ import annotations

import warnings
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgeclassify.errors import InputError, UnavailableError, UsageError
from edgeclassify.tools.evaluation import SOMETHING_ELSE, THRESHOLDS, Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LABELS = 25
_LONGEST = 24
_KINDS = {".png", ".svg", ".pdf"}


def check_can_plot(path: Path) -> None:
    """Find out before the work is done whether it could be saved.

    Raises:
        UsageError: it is no name of a picture.
        UnavailableError: matplotlib is missing.
        InputError: there is no such folder.
    """
    if path.suffix.lower() not in _KINDS:
        raise UsageError(f"--plot {path}: is not a picture's name; end it with .png, .svg or .pdf")
    if find_spec("matplotlib") is None:
        raise UnavailableError("--plot: matplotlib is missing; run: pip install 'edgeclassify[plot]'")
    if not path.absolute().parent.is_dir():
        raise InputError(f"--plot {path}: there is no such folder; make it first")


def draw(evaluation: Evaluation, title: str, path: Path) -> None:
    """Save confusion and thresholds side by side.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    rows, columns, shares = _confusion(evaluation)
    side = min(16.0, 5 + 0.32 * len(rows))
    figure = Figure(figsize=(side + 7.5, max(5.5, side)), layout="constrained")
    matrix, curves = figure.subplots(1, 2, width_ratios=[side, 6])
    figure.suptitle(title)
    _draw_confusion(matrix, rows, columns, shares)
    _draw_thresholds(curves, evaluation)
    try:
        with warnings.catch_warnings():
            # Labels are in any language; a character that the font lacks is drawn as a box.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            figure.savefig(path, dpi=110)
    except OSError as error:
        raise InputError(
            f"--plot {path}: cannot be written ({error.strerror or error}); free some space, or name another file"
        ) from error


def _draw_confusion(axes: Axes, rows: list[str], columns: list[str], shares: npt.NDArray[np.float64]) -> None:
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.set_xlabel("best answer")
    axes.set_ylabel("in the picture")
    axes.set_title("what is taken for what (share of the row's pictures)")
    size = 8 if len(rows) <= 15 else 6
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            colour = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=colour, fontsize=size)


def _draw_thresholds(axes: Axes, evaluation: Evaluation) -> None:
    sweep = evaluation.sweep
    with np.errstate(invalid="ignore"):
        axes.plot(THRESHOLDS, sweep.right / sweep.answered, "o-", color="tab:green", label="answers that are right")
    if evaluation.expected:
        axes.plot(
            THRESHOLDS, sweep.right / evaluation.expected, "s-", color="tab:blue", label="pictures answered rightly"
        )
    silent = evaluation.images + evaluation.others - evaluation.expected
    if silent:
        axes.plot(
            THRESHOLDS, sweep.false_alarms / silent, "x-", color="tab:red", label="false alarms on other pictures"
        )
    usual = Counter(evaluation.rules.thresholds.tolist()).most_common(1)[0][0]
    axes.axvline(usual, color="grey", linestyle="--", label=f"configured: {usual:.2f}")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="threshold", ylabel="share")
    axes.set_title(f"what a threshold costs (margin {evaluation.rules.margin:.2f})")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="best")


def _confusion(evaluation: Evaluation) -> tuple[list[str], list[str], npt.NDArray[np.float64]]:
    """Return names of rows and columns, and the shares; of many labels those that are mistaken most."""
    pictures, mistakes = Counter[int](), Counter[int]()
    for (truth, best), count in evaluation.confusion.items():
        pictures[truth] += count
        if truth != best:
            mistakes.update({truth: count, best: count})
    numbers = set(pictures) | set(mistakes)
    kept = sorted(numbers, key=lambda number: (-mistakes[number], -pictures[number], number))[:_MOST_LABELS]
    rows = sorted(number for number in kept if pictures[number] and number != SOMETHING_ELSE)
    rows += [SOMETHING_ELSE] * (pictures[SOMETHING_ELSE] > 0)
    columns = sorted(number for number in kept if number != SOMETHING_ELSE)
    place = {number: position for position, number in enumerate(columns)}
    counts = np.zeros((len(rows), len(columns) + 1))
    row_of = {number: position for position, number in enumerate(rows)}
    for (truth, best), count in evaluation.confusion.items():
        if truth in row_of:
            counts[row_of[truth], place.get(best, len(columns))] += count
    shares = counts / counts.sum(axis=1, keepdims=True)
    names = [_name(evaluation, number) for number in columns]
    rest = bool(counts[:, -1].any())
    return [_name(evaluation, n) for n in rows], [*names, *["(any other)"] * rest], shares[:, : len(columns) + rest]


def _name(evaluation: Evaluation, number: int) -> str:
    if number == SOMETHING_ELSE:
        return "something else"
    label = evaluation.vocabulary.answers[number].label
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
