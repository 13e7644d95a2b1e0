"""docs/errors.md is what is said today: each group is done wrong again, and compared."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from edgeclassify.cameras.discovery import find_cameras
from tests.errors.cameras import CAMERAS
from tests.errors.case import Group
from tests.errors.groups import GROUPS
from tests.errors.page import page, section_of
from tests.errors.showing import PAGE, shown

WRITTEN = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)
def test_what_is_written_is_what_is_said(group: Group, shared: Path) -> None:
    if group is CAMERAS and (find_cameras() or importlib.util.find_spec("picamera2")):
        pytest.skip("cannot run here: the page was written where there is no camera")
    assert section_of(WRITTEN, group) == shown(group, shared), "write it again: python -m tests.errors"


def test_nothing_else_is_written() -> None:
    assert page(section_of(WRITTEN, group) for group in GROUPS) == WRITTEN


def test_every_error_says_where_and_what_to_do() -> None:
    """By its form: the shortest way to do wrong is told in two parts at least."""
    errors = [line for line in WRITTEN.splitlines() if line.startswith("|") and "`edgeclassify: " in line]
    assert len(errors) > 80
    assert [line for line in errors if line.split("`edgeclassify: ", 1)[1].count(": ") == 0] == []
