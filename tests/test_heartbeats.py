"""Whether loops go on."""

from __future__ import annotations

import math
import threading
import time

import pytest

from edgeclassify.heartbeats import HANG_VARIABLE, Heartbeats
from tests.waiting import wait_until


def test_only_a_loop_that_is_silent_for_longer_than_its_limit_is_overdue() -> None:
    heartbeats = Heartbeats({})
    with (
        heartbeats.watched("quick", 0.05) as beat,
        heartbeats.watched("slow", 60),
        heartbeats.watched("free", math.inf),
    ):
        assert heartbeats.overdue() == []
        wait_until(heartbeats.overdue)
        (one,) = heartbeats.overdue()
        assert (one.name, one.limit_s) == ("quick", 0.05)
        assert one.silent_s > 0.05
        beat()
        assert heartbeats.overdue() == []
        wait_until(heartbeats.overdue)
        heartbeats.forgive()
        assert heartbeats.overdue() == []
        wait_until(heartbeats.overdue)
    assert heartbeats.overdue() == [], "a loop that has ended is no longer looked after"


def test_a_loop_that_ends_by_an_error_is_no_longer_looked_after() -> None:
    heartbeats = Heartbeats({})
    with pytest.raises(ZeroDivisionError), heartbeats.watched("loop", 0.0):
        raise ZeroDivisionError
    assert heartbeats.overdue() == []


def test_a_hang_on_purpose_is_of_one_loop_and_only_when_asked_for() -> None:
    heartbeats = Heartbeats({HANG_VARIABLE: "one:0.05"})
    passed = threading.Event()

    def hang() -> None:
        with heartbeats.watched("one", 60) as beat:
            while True:
                beat()
                time.sleep(0.01)

    threading.Thread(target=hang, daemon=True).start()
    with heartbeats.watched("other", 60) as beat:
        wait_until(lambda: [one.name for one in heartbeats.overdue()] == ["one"])
        beat()
        passed.set()
    assert passed.is_set()


@pytest.mark.parametrize("value", ["", "classify", "classify:", "classify:nonsense", ":", "classify:-1", "x:nan"])
def test_a_variable_that_is_nonsense_stops_nothing(value: str) -> None:
    heartbeats = Heartbeats({HANG_VARIABLE: value})
    with heartbeats.watched("loop", 60) as beat:
        beat()
    assert heartbeats.overdue() == []
