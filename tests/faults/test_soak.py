"""A short soak; for a long one run the script."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.soak import soak


@pytest.mark.timeout(180)
def test_camera_broker_and_edge_tpu_break_in_turns_and_no_event_is_lost(tmp_path: Path) -> None:
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("cannot run here: no C compiler")
    result = soak(tmp_path, minutes=0.6, fault_every_s=6, say=lambda _: None)
    assert len(result.faults) == 5, result.faults
    assert result.accepted > 40
    assert (result.lost, result.wrong) == (0, 0), result.table()
    assert result.longest_unfed_s < 10
    assert result.samples[-1].descriptors <= result.samples[0].descriptors + 5
