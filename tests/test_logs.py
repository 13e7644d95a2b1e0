"""Log lines: for people with the time, for the journal with a priority on every line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edgeclassify import logs


@contextmanager
def _set_up(*, verbose: bool = False) -> Iterator[None]:
    """Set up inside the test only: pytest has other handlers of its own before and after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.set_up(verbose=verbose)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_people_read_time_level_and_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    log = logging.getLogger("edgeclassify.test")
    with _set_up():
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
    log = logging.getLogger("edgeclassify.test")
    with _set_up(verbose=True):
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
