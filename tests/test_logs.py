"""Log lines: for people with the time, for the journal with a priority on every line."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from edgeclassify import logs


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_people_read_time_level_and_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.set_up()
    log = logging.getLogger("edgeclassify.test")
    log.debug("not shown")
    log.warning("camera %s: offline", "porch")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err[2:3] + said.err[5:6] == "::"
    assert said.err[8:] == " WARNING camera porch: offline\n"


def test_the_journal_gets_a_priority_on_every_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    logs.set_up(verbose=True)
    log = logging.getLogger("edgeclassify.test")
    log.debug("a frame")
    log.info("camera porch: online")
    log.warning("two\nlines")
    try:
        int("oh")
    except ValueError:
        log.exception("crashed")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:4] == [
        "<7>MainThread: a frame",
        "<6>MainThread: camera porch: online",
        "<4>MainThread: two",
        "<4>lines",
    ]
    assert lines[4] == "<3>MainThread: crashed"
    assert lines[-1].startswith("<3>ValueError: ")
    assert all(line.startswith("<3>") for line in lines[4:])
