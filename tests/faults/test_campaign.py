"""A short campaign; the long one is run by hand: python -m tests.faults.campaign."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.campaign import Campaign


@pytest.mark.parametrize("seed", [1, 2])
def test_no_event_is_lost_whatever_breaks(tmp_path: Path, seed: int) -> None:
    result = Campaign(tmp_path, events=200, kills=3, seed=seed, longest_fault_s=1.5).run(60)
    assert result.accepted >= 200
    assert result.faults["daemon killed -9"] == 3
    assert result.is_good, result.table()
