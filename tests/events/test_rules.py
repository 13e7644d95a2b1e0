import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.config.sections import EventsConfig
from edgeclassify.events.rules import resolve_thresholds, rules_for
from edgeclassify.vocabulary import UnknownLabelError, Vocabulary

VOCABULARY = Vocabulary(["background", "tabby, tabby cat", "tiger cat", "dog"], {"cat": ["tabby", "tiger cat"]})
ORDER = ["background", "dog", "cat"]


def thresholds(*layers: dict[str | int, float]) -> dict[str, float]:
    resolved = resolve_thresholds(layers, VOCABULARY)
    return {answer.label: float(t) for answer, t in zip(VOCABULARY.answers, resolved, strict=True)}


def test_a_label_has_the_threshold_of_its_own_line_else_that_of_everything() -> None:
    assert thresholds({"*": 0.5, "cat": 0.3}) == {"background": 0.5, "dog": 0.5, "cat": 0.3}


def test_a_label_s_own_line_wins_over_everything_of_a_stronger_layer() -> None:
    assert thresholds({"*": 0.5, "Cat": 0.3}, {"*": 0.9}) == {"background": 0.9, "dog": 0.9, "cat": 0.3}


def test_the_stronger_layer_wins_label_by_label() -> None:
    assert thresholds({"cat": 0.3, "dog": 0.4}, {"DOG": 0.8})["dog"] == 0.8
    assert thresholds({"cat": 0.3, "dog": 0.4}, {"DOG": 0.8})["cat"] == 0.3


def test_without_a_line_for_everything_the_default_holds() -> None:
    assert thresholds({"cat": 0.3})["dog"] == 0.60


def test_a_label_that_the_model_does_not_have_is_refused_but_not_in_ignore() -> None:
    with pytest.raises(UnknownLabelError, match="'dgo'; did you mean 'dog'"):
        thresholds({"dgo": 0.5})
    rules = rules_for(EventsConfig(ignore=["nothing of the kind", "dog"]), [{}], VOCABULARY)
    assert rules.ignored.tolist() == [False, True, False]


@given(
    threshold=st.floats(0, 1, exclude_min=True, allow_subnormal=False),
    hysteresis=st.floats(0, 1),
)
def test_a_stay_level_is_never_below_half_of_its_threshold_nor_above_it(threshold: float, hysteresis: float) -> None:
    rules = rules_for(EventsConfig(hysteresis=hysteresis), [{"*": threshold}], VOCABULARY)
    assert np.all(rules.stay_levels >= rules.thresholds / 2)
    assert np.all(rules.stay_levels <= rules.thresholds)


def test_the_label_none_is_never_reported() -> None:
    learned = Vocabulary(["our cat", "none"])
    assert rules_for(EventsConfig(ignore=[]), [{}], learned).ignored.tolist() == [False, True]
