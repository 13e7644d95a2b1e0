"""Each fault alone, shortened; the long ones are run by hand: python -m tests.faults.recovery."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.counting import count
from tests.faults.recovery import FAULTS, suffer
from tests.faults.retained import wrong
from tests.running import ROOT


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_nothing_is_lost_and_all_that_is_retained_is_right(tmp_path: Path, fault: str) -> None:
    outcome = suffer(tmp_path, fault)
    assert outcome.accepted > 20
    assert outcome.is_good, outcome


def event(number: int, event_type: str = "appeared", epoch: str = "aaaa", **more: object) -> dict[str, object]:
    return {"epoch": epoch, "id": f"{number:010d}", "event_type": event_type, "late": False} | more


def test_the_count_sees_what_is_wrong() -> None:
    good = [event(1), event(2, "gone", appeared_id="0000000001"), event(1), event(2, "gone", appeared_id="0000000001")]
    assert count(good).is_good
    assert (count(good).unique, count(good).repeats) == (2, 2)
    assert count([event(1), event(3)]).missing == [("aaaa", "0000000002")]
    assert count([event(2), event(1)]).disordered == [("aaaa", "0000000001")]
    assert count([event(1), event(1, epoch="bbbb"), event(2)]).disordered == [("aaaa", "0000000002")]
    assert count([event(1), event(1, label="dog")]).altered == [("aaaa", "0000000001")]
    assert not count([event(1), event(1, late=True)]).altered
    assert count([event(1)]).unmatched
    assert not count([event(1)], still_open=[("aaaa", "0000000001")]).unmatched
    assert count([*good, event(3, "gone", appeared_id="0000000001")]).unmatched


def test_the_comparison_sees_what_is_wrong() -> None:
    state = {"label": "red", "event_id": "0000000007"}
    right = {f"{ROOT}/status": b"online", f"{ROOT}/porch/state": json.dumps(state).encode(), f"{ROOT}/x": b"ON"}
    truth = {"porch": "red"}, {"porch": "0000000007"}
    assert wrong(right, right, *truth) == []
    assert wrong(right | {f"{ROOT}/y": b"ON"}, right, *truth) == [f"{ROOT}/y left over"]
    assert wrong({}, right, *truth)
    assert wrong(right | {f"{ROOT}/x": b"OFF"}, right, *truth) == [f"{ROOT}/x is b'OFF'"]
    assert len(wrong(right, right, {"porch": "none"}, {"porch": None})) == 1
    assert len(wrong(right, right, {"porch": "red"}, {"porch": "0000000008"})) == 1
    assert wrong(right | {f"{ROOT}/status": b"offline"}, right, *truth)[-1] == "the node is not online"
