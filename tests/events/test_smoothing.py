import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.events.smoothing import RunningMean


def test_the_first_frame_sets_the_mean_and_a_half_life_halves_the_rest() -> None:
    mean = RunningMean(half_life_s=2.0)
    assert mean.update(np.array([1.0, 0.0]), 10.0).tolist() == [1.0, 0.0]
    assert mean.update(np.array([0.0, 1.0]), 12.0).tolist() == [0.5, 0.5]
    assert mean.update(np.array([0.0, 1.0]), 14.0).tolist() == [0.25, 0.75]


def test_no_half_life_is_no_smoothing() -> None:
    mean = RunningMean(0)
    mean.update(np.array([1.0]), 0.0)
    assert mean.update(np.array([0.25]), 0.0).tolist() == [0.25]


def test_after_a_reset_the_next_frame_sets_the_mean() -> None:
    mean = RunningMean(5)
    mean.update(np.array([1.0]), 0.0)
    mean.reset()
    assert mean.update(np.array([0.25]), 0.1).tolist() == [0.25]


def test_time_that_stands_still_or_runs_back_changes_nothing() -> None:
    mean = RunningMean(5)
    mean.update(np.array([1.0]), 10.0)
    assert mean.update(np.array([0.0]), 10.0).tolist() == [1.0]
    assert mean.update(np.array([0.0]), 9.0).tolist() == [1.0]


def test_it_neither_keeps_nor_changes_the_array_it_was_given() -> None:
    mean, first = RunningMean(5), np.array([1.0])
    mean.update(first, 0.0)
    mean.update(np.array([0.0]), 1.0)
    assert first.tolist() == [1.0]


@given(cuts=st.lists(st.floats(0.001, 0.999), max_size=20, unique=True), half_life=st.floats(0.1, 10))
def test_how_often_it_is_updated_makes_no_difference(cuts: list[float], half_life: float) -> None:
    """A score of 1 from second 0 on: the mean at second 1 is the same for any frames between."""
    once, often = RunningMean(half_life), RunningMean(half_life)
    for mean in (once, often):
        mean.update(np.array([0.0]), 0.0)
    for cut in sorted(cuts):
        often.update(np.array([1.0]), cut)
    expected = 1 - 2 ** (-1 / half_life)
    assert once.update(np.array([1.0]), 1.0)[0] == pytest.approx(expected)
    assert often.update(np.array([1.0]), 1.0)[0] == pytest.approx(expected)
