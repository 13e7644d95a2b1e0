"""Jobs left to another thread: done in order, or given up and never done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edgeclassify.errors import StuckThreadError
from edgeclassify.jobs import Jobs


@contextmanager
def owned(jobs: Jobs) -> Iterator[threading.Thread]:
    """An owner that does nothing but carry out jobs."""
    stopping = threading.Event()

    def own() -> None:
        while not stopping.wait(0.001):
            jobs.carry_out()

    owner = threading.Thread(target=own)
    owner.start()
    try:
        yield owner
    finally:
        stopping.set()
        owner.join(5)
    assert not owner.is_alive()


def test_whoever_asks_goes_on_when_the_owner_has_done_it() -> None:
    jobs, done_by = Jobs("the owner"), list[threading.Thread]()
    with owned(jobs) as owner:
        jobs.ask(lambda: done_by.append(threading.current_thread()))
        assert done_by == [owner]


def test_jobs_are_done_in_the_order_in_which_they_were_left() -> None:
    jobs, done = Jobs("the owner"), list[int]()
    for number in range(100):
        jobs.leave(lambda number=number: done.append(number))
    assert done == []
    jobs.carry_out()
    assert done == list(range(100))


def test_what_was_given_up_is_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeclassify.jobs._PATIENCE_S", 0.01)
    jobs, done = Jobs("the owner"), list[str]()
    with pytest.raises(StuckThreadError, match=r"^the owner has not answered within 0\.01 s: .*; nothing is changed$"):
        jobs.ask(lambda: done.append("given up"))
    jobs.leave(lambda: done.append("left"))
    jobs.carry_out()
    assert done == ["left"]


def test_what_hangs_in_the_middle_is_not_called_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeclassify.jobs._PATIENCE_S", 0.5)
    jobs, go_on = Jobs("the owner"), threading.Event()
    with owned(jobs):
        try:
            with pytest.raises(StuckThreadError, match=r"^the owner began, but did not end within 0\.5 s"):
                jobs.ask(lambda: go_on.wait(10))
        finally:
            go_on.set()
