"""A worker runs within its block, and never dies in silence."""

from __future__ import annotations

import logging
import threading

import pytest

from edgeclassify.errors import CameraError, ConfigError, StuckThreadError
from edgeclassify.threads import StopReason, StopReasons, Worker


def test_it_runs_under_its_name_until_the_block_is_left() -> None:
    stopping, reasons, names = threading.Event(), StopReasons(), []

    def body() -> None:
        names.append(threading.current_thread().name)
        stopping.wait()

    with Worker("classify", body, stopping, reasons):
        assert not stopping.is_set()
    assert stopping.is_set()
    assert names == ["classify"]
    assert reasons.empty(), "to end when told to is no reason to stop"


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        (CameraError("camera porch: is gone"), "capture: camera porch: is gone", 69),
        (ConfigError("x.yaml:1: a", "x.yaml:2: b"), "capture: x.yaml:1: a\nx.yaml:2: b", 78),
        (ZeroDivisionError("oh"), "capture crashed: ZeroDivisionError('oh')", 70),
    ],
)
def test_an_error_becomes_a_reason_to_stop(
    error: Exception, text: str, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    stopping, reasons = threading.Event(), StopReasons()

    def body() -> None:
        raise error

    with caplog.at_level(logging.ERROR), Worker("capture", body, stopping, reasons):
        assert reasons.get(timeout=5) == StopReason(text, code)
    assert ("crashed" in caplog.text) == (code == 70), "only what nobody expected has a traceback in the log"


def test_to_end_without_being_told_is_a_fault() -> None:
    stopping, reasons = threading.Event(), StopReasons()
    with Worker("health", lambda: None, stopping, reasons):
        assert reasons.get(timeout=5) == StopReason("health ended by itself", 70)


def test_one_that_does_not_end_soon_is_hurried_by_its_name() -> None:
    stopping, release, hurried = threading.Event(), threading.Event(), []

    def body() -> None:
        release.wait(20)

    def hurry(name: str) -> None:
        hurried.append(name)
        release.set()

    worker = Worker("capture", body, stopping, StopReasons(), stop_timeout_s=0.2, hurry=hurry)
    with worker:
        pass
    assert hurried == ["capture"]
    prompt = Worker("prompt", lambda: None, stopping, StopReasons(), hurry=hurry)
    with prompt:
        pass
    assert hurried == ["capture"], "one that ends by itself is left alone"


def test_one_that_does_not_end_is_said_and_left_behind() -> None:
    stopping, release = threading.Event(), threading.Event()

    def body() -> None:
        release.wait(20)

    worker = Worker("capture", body, stopping, StopReasons(), stop_timeout_s=0.05)
    with pytest.raises(StuckThreadError, match=r"thread capture still runs 0\.05 s after it was told to stop"), worker:
        pass
    release.set()


def test_all_workers_of_one_flag_are_told_at_once() -> None:
    stopping, reasons, ended = threading.Event(), StopReasons(), []

    def body(name: str) -> None:
        stopping.wait()
        ended.append(name)

    with Worker("a", lambda: body("a"), stopping, reasons), Worker("b", lambda: body("b"), stopping, reasons):
        pass
    assert sorted(ended) == ["a", "b"]
