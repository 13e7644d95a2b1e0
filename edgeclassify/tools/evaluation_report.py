"""What an evaluation found: as a JSON document, and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeclassify.tools.evaluation import SOMETHING_ELSE, THRESHOLDS, Evaluation

_DIGITS = 8
_MOST_PAIRS = 1000  # in the document
_WIDEST = 40  # of a label in words
_GOOD = 0.95


@dataclass(eq=False)
class Circumstances:
    """What else there is to say of a run."""

    model: str
    accelerator: str
    groups: str
    """The preset's name, `configuration` for groups written there, or empty."""
    seconds: float = 0.0
    inference_ms: tuple[float, float] | None = None
    """Median and 95th percentile."""
    other_labels: Sequence[str] = ()
    """Labels of pictures of something else."""
    unreadable: int = 0
    unreadable_images: list[dict[str, str]] = field(default_factory=list)
    """The first of them: `image`, `error`."""


def document(evaluation: Evaluation, about: Circumstances) -> dict[str, Any]:
    """Return everything, for JSON; what cannot be said of no pictures is None."""
    images, others, outcomes = evaluation.images, evaluation.others, evaluation.outcomes
    answered = outcomes["right"] + outcomes["wrong"] + outcomes["false_alarm"]
    silent = images + others - evaluation.expected
    return {
        "model": about.model,
        "accelerator": about.accelerator,
        "groups": about.groups,
        "images": images,
        "top1": _share(evaluation.top1, images),
        "top5": _share(evaluation.top5, images),
        "best_answer": _share(evaluation.best_answer, images),
        "others": others,
        "other_labels": list(about.other_labels),
        "unreadable": about.unreadable,
        "unreadable_images": about.unreadable_images,
        "seconds": round(about.seconds, 3),
        "images_per_second": round((images + others) / about.seconds, 1) if about.seconds else None,
        "inference_ms": _milliseconds(about.inference_ms),
        "decisions": {
            "margin": evaluation.rules.margin,
            "expected": evaluation.expected,
            "answered": answered,
            "right": outcomes["right"],
            "wrong": outcomes["wrong"],
            "false_alarms": outcomes["false_alarm"],
            "unanswered": {reason: outcomes[reason] for reason in ("below_threshold", "ambiguous", "ignored")},
            "precision": _share(outcomes["right"], answered),
            "recall": _share(outcomes["right"], evaluation.expected),
            "false_alarm_rate": _share(outcomes["false_alarm"], silent),
        },
        "thresholds": list(_thresholds(evaluation)),
        "labels": list(_labels(evaluation)),
        "confusions": list(_confusions(evaluation)),
    }


def _thresholds(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    sweep = evaluation.sweep
    columns = (THRESHOLDS, sweep.answered, sweep.right, sweep.wrong, sweep.false_alarms)
    for threshold, answered, right, wrong, false_alarms in zip(*(column.tolist() for column in columns), strict=True):
        yield {
            "threshold": threshold,
            "answered": answered,
            "right": right,
            "wrong": wrong,
            "false_alarms": false_alarms,
            "precision": _share(right, answered),
            "recall": _share(right, evaluation.expected),
        }


def _labels(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """Yield precision and recall of each answer that is in the pictures, thresholds aside."""
    shown, given = Counter[int](), Counter[int]()
    for (truth, best), pictures in evaluation.confusion.items():
        shown[truth] += pictures
        given[best] += pictures
    for number in sorted(shown):
        if number != SOMETHING_ELSE:
            answer, right = evaluation.vocabulary.answers[number], evaluation.confusion[number, number]
            yield {
                "label": answer.label,
                "index": answer.index,
                "images": shown[number],
                "precision": _share(right, given[number]),
                "recall": _share(right, shown[number]),
            }


def _confusions(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    pairs = [(pair, pictures) for pair, pictures in evaluation.confusion.items() if pair[0] != pair[1]]
    for (truth, best), pictures in sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:_MOST_PAIRS]:
        yield {
            "label": name_of(evaluation, truth),
            "answer": name_of(evaluation, best),
            "images": pictures,
        }


def name_of(evaluation: Evaluation, number: int) -> str | None:
    """Return an answer's label; None for something else."""
    return None if number == SOMETHING_ELSE else evaluation.vocabulary.answers[number].label


def in_words(found: Mapping[str, Any], top: int) -> Iterator[str]:
    """Yield the lines for a document; `top` is how many labels and pairs are shown."""
    images, decisions = found["images"], found["decisions"]
    rate = f", {found['images_per_second']:.0f} pictures/s" if found["images_per_second"] else ""
    where = f"{found['model']} on the {found['accelerator'].upper()}"
    yield f"{where}: {images} pictures of {len(found['labels'])} labels{rate}"
    if found["others"]:
        yield f"and {found['others']} of something else: {_few(found['other_labels'])}"
    if images:
        yield f"  top-1  {_shown(found['top1'])}"
        yield f"  top-5  {_shown(found['top5'])}"
        if found["groups"]:
            yield f"  best   {_shown(found['best_answer'])}  with groups summed ({found['groups']})"
    yield ""
    yield f"With the configuration's thresholds and margin {decisions['margin']:.2f}, each picture by itself:"
    yield (
        f"  {decisions['answered']} answered: {decisions['right']} right, {decisions['wrong']} wrong, "
        f"{decisions['false_alarms']} false alarms; right are {_shown(decisions['precision'])} of the answers"
    )
    unanswered = ", ".join(f"{count} {reason}" for reason, count in decisions["unanswered"].items() if count)
    yield (
        f"  {_shown(decisions['recall'])} of {decisions['expected']} pictures answered rightly; "
        f"no answer: {unanswered or 'none'}"
    )
    yield ""
    yield from _threshold_table(found["thresholds"])
    yield ""
    yield from _label_table(found["labels"], top)
    yield from _pair_table(found["confusions"], top)


def _threshold_table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "threshold  answered   right   wrong  false alarms  right of answers  right of pictures"
    for row in rows:
        yield (
            f"{row['threshold']:9.2f}{row['answered']:10}{row['right']:8}{row['wrong']:8}{row['false_alarms']:14}"
            f"{_shown(row['precision']):>18}{_shown(row['recall']):>19}"
        )
    good = [row["threshold"] for row in rows if row["precision"] is not None and row["precision"] >= _GOOD]
    if good:
        yield f"The lowest threshold with {_GOOD} of the answers right is {min(good):.2f}."


def _label_table(rows: Sequence[Mapping[str, Any]], top: int) -> Iterator[str]:
    worst = sorted(rows, key=lambda row: row["recall"])[:top]
    width = max((len(_short(row["label"])) for row in worst), default=0)
    if worst:
        rest = f" (the {len(worst)} worst of {len(rows)})" if len(worst) < len(rows) else ""
        yield f"{'label':{width}}  pictures  precision  recall{rest}"
    for row in worst:
        figures = f"{row['images']:8}  {_shown(row['precision']):>9}  {_shown(row['recall']):>6}"
        yield f"{_short(row['label']):{width}}  {figures}"


def _pair_table(pairs: Sequence[Mapping[str, Any]], top: int) -> Iterator[str]:
    if pairs:
        yield ""
        yield "most often mistaken"
    for pair in pairs[:top]:
        yield f"{pair['images']:5}  {_short(pair['label'] or 'something else')} for {_short(pair['answer'])}"


def _milliseconds(times: tuple[float, float] | None) -> dict[str, float | None]:
    median_ms, p95_ms = times or (None, None)
    return {
        "median": None if median_ms is None else round(median_ms, 3),
        "p95": None if p95_ms is None else round(p95_ms, 3),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _DIGITS) if whole else None


def _shown(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def _short(label: str) -> str:
    return label if len(label) <= _WIDEST else f"{label[: _WIDEST - 1]}…"


def _few(labels: Sequence[str]) -> str:
    return ", ".join(map(_short, labels[:5])) + (f" and {len(labels) - 5} more labels" if len(labels) > 5 else "")
