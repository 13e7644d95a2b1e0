"""What is counted is what plain counting gives, and nothing is kept of the pictures."""

import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.config.sections import EventsConfig
from edgeclassify.events.rules import rules_for
from edgeclassify.tools.evaluation import SOMETHING_ELSE, THRESHOLDS, Evaluation
from edgeclassify.tools.evaluation_report import Circumstances, document, in_words
from edgeclassify.tools.truths import OTHER, TruthTable
from edgeclassify.vocabulary import Vocabulary

LABELS = ["background", "tabby", "tiger cat", "owl", "fox", "hare", "stoat"]
VOCABULARY = Vocabulary(LABELS, {"cat": ["tabby", "tiger cat"]})
ANSWERS = [answer.label for answer in VOCABULARY.answers]
EVENTS = EventsConfig(thresholds={"*": 0.5, "owl": 0.7}, margin=0.1)
ABOUT = Circumstances("m", "cpu", "configuration", seconds=1.0)

PICTURES = st.lists(
    st.tuples(
        st.sampled_from(["tabby", "cat", "owl", "fox", "background", "something"]),
        st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=7, max_size=7),
    ),
    max_size=30,
)


def evaluation() -> Evaluation:
    return Evaluation(VOCABULARY, rules_for(EVENTS, [EVENTS.thresholds], VOCABULARY))


def evaluated(pictures: list[tuple[str, list[float]]]) -> Evaluation:
    table, counted = TruthTable(VOCABULARY), evaluation()
    for name, scores in pictures:
        counted.add(table.find(name) or OTHER, np.array(scores, np.float32))
    return counted


def plainly(name: str, scores: list[float], threshold: float | None) -> str:
    """What becomes of one picture, as one would say it."""
    values = [float(np.float32(score)) for score in scores]
    sums = {"cat": min(1.0, values[1] + values[2])} | {LABELS[n]: values[n] for n in (0, 3, 4, 5, 6)}
    best = max(ANSWERS, key=lambda answer: sums[answer])
    second = max(sums[answer] for answer in ANSWERS if answer != best)
    if best == "background":
        return "ignored"
    if sums[best] < (threshold or EVENTS.thresholds.get(best, 0.5)) - 1e-9:
        return "below_threshold"
    if sums[best] - second < 0.1 - 1e-9:
        return "ambiguous"
    wanted = {"tabby": "cat", "cat": "cat", "owl": "owl", "fox": "fox"}.get(name)
    return "false_alarm" if wanted is None else "right" if wanted == best else "wrong"


@given(PICTURES)
def test_answers_are_counted_as_the_daemon_would_give_them(pictures: list[tuple[str, list[float]]]) -> None:
    counted = evaluated(pictures)
    assert counted.outcomes == Counter(plainly(name, scores, None) for name, scores in pictures)
    assert sum(counted.outcomes.values()) == len(pictures) == counted.images + counted.others
    for number, threshold in enumerate(THRESHOLDS.tolist()):
        expected = Counter(plainly(name, scores, threshold) for name, scores in pictures)
        sweep = counted.sweep
        found = (sweep.right[number], sweep.wrong[number], sweep.false_alarms[number])
        assert found == (expected["right"], expected["wrong"], expected["false_alarm"]), threshold


@given(PICTURES)
def test_ranks_and_confusion_are_counted(pictures: list[tuple[str, list[float]]]) -> None:
    counted = evaluated(pictures)
    right = {"tabby": {1}, "cat": {1, 2}, "owl": {3}, "fox": {4}, "background": {0}}
    known = [
        (right[name], sorted(range(7), key=lambda n: (-scores[n], n))) for name, scores in pictures if name in right
    ]
    assert counted.images == len(known)
    assert counted.top1 == sum(order[0] in wanted for wanted, order in known)
    assert counted.top5 == sum(bool(wanted & set(order[:5])) for wanted, order in known)
    assert counted.others == sum(
        pictures for (truth, _), pictures in counted.confusion.items() if truth == SOMETHING_ELSE
    )
    assert counted.confusion.total() == len(pictures)
    found = document(counted, ABOUT)
    assert sum(row["images"] for row in found["labels"]) == counted.images
    assert sum(row["images"] for row in found["confusions"]) == len(pictures) - counted.best_answer
    assert list(in_words(found, 3))


def test_precision_and_recall_of_a_label() -> None:
    cat, owl = [0, 0.9, 0, 0.1, 0, 0, 0], [0, 0.1, 0, 0.9, 0, 0, 0]
    counted = evaluated([("tabby", cat), ("cat", cat), ("cat", owl), ("owl", owl), ("fox", owl), ("moose", cat)])
    found = document(counted, ABOUT)
    rows = {row["label"]: (row["images"], row["precision"], row["recall"]) for row in found["labels"]}
    assert rows == {
        "owl": (1, pytest.approx(1 / 3), 1.0),
        "fox": (1, None, 0.0),
        "cat": (3, pytest.approx(2 / 3), pytest.approx(2 / 3)),
    }
    assert found["confusions"] == [
        {"label": None, "answer": "cat", "images": 1},
        {"label": "fox", "answer": "owl", "images": 1},
        {"label": "cat", "answer": "owl", "images": 1},
    ]
    decisions = found["decisions"]
    assert (decisions["answered"], decisions["right"], decisions["wrong"], decisions["false_alarms"]) == (6, 3, 2, 1)
    assert (decisions["precision"], decisions["recall"], decisions["false_alarm_rate"]) == (0.5, 0.6, 1.0)


def test_no_pictures_have_no_fractions() -> None:
    found = document(evaluation(), ABOUT)
    assert (found["images"], found["top1"], found["decisions"]["precision"]) == (0, None, None)
    assert list(in_words(found, 3))


@pytest.mark.parametrize("label", ["tabby", "something"])
def test_memory_does_not_grow_with_the_number_of_pictures(label: str) -> None:
    counted, truth = evaluation(), TruthTable(VOCABULARY).find(label) or OTHER
    scores = np.random.default_rng(1).random((50, 7)).astype(np.float32)

    def add(pictures: int) -> int:
        for number in range(pictures):
            counted.add(truth, scores[number % 50])
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = add(200)
        assert add(5000) - before < 4096
    finally:
        tracemalloc.stop()
