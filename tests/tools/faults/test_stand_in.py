"""The files of the demo are those that the tests know how to make."""

from __future__ import annotations

from pathlib import Path

from edgeclassify.tools import faults
from tests.edgetpu.stand_in import write_twins


def test_the_models_that_come_with_the_demo_are_as_they_are_made(tmp_path: Path) -> None:
    write_twins(tmp_path)
    for made in tmp_path.iterdir():
        assert Path(faults.__file__).with_name(made.name).read_bytes() == made.read_bytes()
