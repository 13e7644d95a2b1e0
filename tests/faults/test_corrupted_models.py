"""A damaged model is refused by name or still works; it neither crashes nor hangs. The script does more of them."""

from pathlib import Path

from edgeclassify import resources
from tests.faults.corrupted_models import campaign


def test_damaged_models_neither_crash_nor_hang(tmp_path: Path) -> None:
    outcomes = campaign([resources.models() / "starter.tflite"], 60, tmp_path)
    assert set(outcomes) <= {"refused", "works"}
    assert outcomes["refused"] >= 30
    assert outcomes["works"] >= 5
