"""Runs the cases of a group."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.errors.case import Case, Group
from tests.errors.desk import Desk, Said
from tests.errors.page import section

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/errors.md"
SHARED = PROJECT.parent / "shared"


def shown(group: Group, shared: Path) -> str:
    """Do everything wrong that is in a group; return its table."""
    if group.at_once == 1:  # in the main thread, which alone may take signals
        return section(group, [(case, _said(case, shared)) for case in group.cases])
    with ThreadPoolExecutor(group.at_once) as runners:
        said = runners.map(lambda case: _said(case, shared), group.cases)
        return section(group, zip(group.cases, said, strict=True))


def _said(case: Case, shared: Path) -> Said:
    with tempfile.TemporaryDirectory(prefix="edgeclassify-errors-") as folder:
        said = case.show(Desk(Path(folder), shared))
    assert "Traceback" not in said.text, f"{case.wrong}: {said.text}"
    assert said.text, f"{case.wrong}: nothing was said, exit code {said.code}"
    return said
