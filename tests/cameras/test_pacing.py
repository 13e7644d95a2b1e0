"""When frames are due."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.cameras.pacing import Playback, RateLimit

RATES = st.floats(min_value=0.1, max_value=200)
GAPS_S = st.lists(st.floats(min_value=0, max_value=2), min_size=1, max_size=200)


def times_of(gaps_s: list[float]) -> list[float]:
    now_s, times_s = 1000.0, []
    for gap_s in gaps_s:
        now_s += gap_s
        times_s.append(now_s)
    return times_s


@given(RATES, GAPS_S)
def test_the_limit_holds_over_any_stretch_of_time(rate, gaps_s):
    limit = RateLimit(rate)
    due_s = [time_s for time_s in times_of(gaps_s) if limit.due(time_s)]
    for first in range(len(due_s)):
        for last in range(first, len(due_s)):
            # The first may have come an interval late, and the last a fifth of one early.
            assert last - first <= (due_s[last] - due_s[first]) * rate + 1.2 + 1e-6


@given(st.sampled_from([1, 5, 10, 25, 30]), st.integers(0, 2**32), st.floats(0, 0.19))
def test_a_camera_as_fast_as_the_limit_loses_no_frame_to_jitter(rate, seed, jitter):
    dice = random.Random(seed)
    limit = RateLimit(rate)
    frames = 200
    due = sum(limit.due(1000 + (n + dice.uniform(-jitter / 2, jitter / 2)) / rate) for n in range(frames))
    assert due == frames


@given(st.sampled_from([1, 2, 5, 7, 12, 24, 29]))
def test_a_faster_camera_is_thinned_to_the_limit(rate):
    limit = RateLimit(rate)
    due = sum(limit.due(1000 + n / 30) for n in range(30 * 60))
    assert abs(due - 60 * rate) <= 2


def test_after_a_pause_there_is_no_burst():
    limit = RateLimit(10)
    assert limit.due(0)
    assert [limit.due(100 + n / 1000) for n in range(4)] == [True, False, False, False]


def test_without_a_limit_every_frame_is_due():
    limit = RateLimit(0)
    assert all(limit.due(1000) for _ in range(10))


TIMESTAMPS = st.lists(st.one_of(st.none(), st.floats(), st.floats(-10, 10)), min_size=1, max_size=100)


@given(TIMESTAMPS)
def test_whatever_the_timestamps_are_a_recording_moves_on_and_never_rests_long(timestamps):
    playback, now_s = Playback(longest_gap_s=5), 1000.0
    for timestamp in timestamps:
        due_s = playback.due_s(timestamp, now_s)
        assert now_s - 1 <= due_s <= now_s + 5
        now_s = max(now_s, due_s)
    assert now_s - 1000 >= (len(timestamps) - 1) * 0.001 - 1e-6


def test_a_recording_keeps_its_own_time():
    playback = Playback(longest_gap_s=5)
    assert [playback.due_s(time_s, 100.0) for time_s in (7.0, 7.5, 7.6)] == [100.0, 100.5, 100.6]
    assert playback.due_s(0.0, 100.6) == pytest.approx(100.7)  # it began anew: the usual gap


def test_a_recording_that_is_late_does_not_catch_up_for_ever():
    playback = Playback(longest_gap_s=5)
    playback.due_s(0.0, 100.0)
    assert playback.due_s(0.1, 200.0) == 199.0
