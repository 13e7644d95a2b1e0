"""The count is true: what is missing is found, whatever else happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.tools.faults.campaign import Happened, Result
from edgeclassify.tools.faults.report import table
from edgeclassify.tools.faults.tally import Count, Tally

START_S = 1_790_000_000.0


def event(number: int, epoch: str = "k3f9", at_s: float | None = None, **more: Any) -> dict[str, Any]:
    time = datetime.fromtimestamp(START_S + (0.1 * number if at_s is None else at_s), UTC).isoformat()
    return {"epoch": epoch, "id": f"{number:010d}", "event_type": "appeared", "time": time, "late": False} | more


def counted(arrivals: list[dict[str, Any]], last_id: int, outbox: set[tuple[str, int]] | None = None) -> Count:
    tally = Tally()
    for arrival in arrivals:
        tally.arrived(arrival)
    tally.accepted("k3f9", last_id)
    return tally.count(outbox or set(), START_S)


def test_all_that_was_accepted_arrived() -> None:
    count = counted([event(n) for n in range(1, 6)], 5)
    assert (count.accepted, count.delivered, count.lost, count.is_good) == (5, 5, (), True)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(1, n)))))
def test_every_lost_event_is_named(case: tuple[int, set[int]]) -> None:
    last_id, lost = case
    count = counted([event(n) for n in range(1, last_id + 1) if n not in lost], last_id)
    assert {number for _, number in count.lost} == lost
    assert (count.accepted, count.delivered) == (last_id, last_id - len(lost))
    assert count.is_good == (not lost)


def test_what_waits_is_not_lost_and_what_arrived_does_not_wait() -> None:
    count = counted([event(1)], 3, {("k3f9", 1), ("k3f9", 2)})
    assert (count.waiting, count.lost) == ((("k3f9", 2),), (("k3f9", 3),))


def test_a_repeat_is_doubled_but_another_event_of_its_id_is_not() -> None:
    count = counted([event(1), event(1, late=True), event(1, label="cat")], 1)
    assert (count.doubled, count.altered, count.is_good) == (1, (("k3f9", 1),), False)


def test_order_is_by_epoch_and_repeats_do_not_break_it() -> None:
    good = counted([event(1), event(2), event(1), event(1, "zzzz"), event(3)], 3)
    assert (good.disordered, good.doubled, good.accepted) == ((), 1, 4)
    assert counted([event(1), event(3), event(2)], 3).disordered == (("k3f9", 2),)


def test_what_an_older_database_had_accepted_still_counts() -> None:
    tally = Tally()
    tally.accepted("old0", 4)
    tally.accepted("new0", 1)
    count = tally.count(set(), START_S)
    assert (count.accepted, len(count.lost)) == (5, 5)


def test_time_without_classification_is_what_lies_between_frames() -> None:
    frames = [event(1, at_s=0), event(2, at_s=0.4), event(3, at_s=2.4), event(4, at_s=1.0, event_type="gone")]
    tally = Tally()
    for frame in frames:
        tally.arrived(frame)
    assert [gap.seconds for gap in tally.count(set(), START_S + 2.5).gaps] == [pytest.approx(2.0)]
    # A classifier that never comes back counts, too.
    assert sum(gap.seconds for gap in tally.count(set(), START_S + 5.4).gaps) == pytest.approx(5.0)


@pytest.mark.parametrize("strange", [{}, {"epoch": "a", "id": "x", "time": "?"}, {"epoch": "a", "id": None}])
def test_what_is_no_event_is_refused(strange: dict[str, Any]) -> None:
    tally = Tally()
    with pytest.raises((KeyError, TypeError, ValueError)):
        tally.arrived(strange)
    assert tally.count(set(), START_S).accepted == 0


def test_the_table_names_what_was_lost_and_what_stopped_classification() -> None:
    tally = Tally()
    for arrival in (event(1, at_s=0), event(3, at_s=2)):
        tally.arrived(arrival)
    faults = (
        Happened("broker restarted", START_S - 5, went_on=True),
        Happened("daemon killed", START_S + 1, went_on=True),
    )
    result = Result(tally.count(set(), START_S + 2), faults)
    lines = table(result)
    assert not result.is_good
    assert "lost: k3f9 2" in lines
    assert [line.split()[-2] for line in lines if line.startswith(("broker", "daemon"))] == ["0.0", "2.0"]


def test_a_fault_after_which_nothing_went_on_is_no_success() -> None:
    good = counted([event(1)], 1)
    assert Result(good, (Happened("daemon killed", START_S, went_on=True),)).is_good
    assert not Result(good, (Happened("daemon killed", START_S, went_on=False),)).is_good
