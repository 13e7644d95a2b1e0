"""Whatever a check does, it ends in time and becomes findings."""

import threading
import time
from collections.abc import Iterator

from edgeclassify.errors import UnavailableError
from edgeclassify.tools.doctor.checks import Check
from edgeclassify.tools.doctor.findings import Finding, Part
from tests.tools.doctor.conftest import Lines

PART = Part("camera door")


def test_a_check_that_hangs_is_left_behind_and_said(lines: Lines) -> None:
    released = threading.Event()

    def hang() -> Iterator[Finding]:
        yield PART.ok("present", "here")
        released.wait(60)

    started_s = time.monotonic()
    said = lines(Check(PART, hang, 0.2, "unplug it").run())
    took_s = time.monotonic() - started_s
    released.set()
    assert said == ["ok   camera door present: here", "fail camera door check: not done within 0.2 s; unplug it"]
    assert took_s < 5


def test_a_crash_of_a_check_is_a_finding(lines: Lines) -> None:
    def crash() -> Iterator[Finding]:
        yield PART.ok("present", "here")
        raise KeyError("s")

    assert lines(Check(PART, crash, 5, "").run())[1:] == [
        "fail camera door check: could not be made (KeyError('s')); report this as a bug"
    ]


def test_an_error_of_ours_keeps_its_advice(lines: Lines) -> None:
    def refuse() -> Iterator[Finding]:
        raise UnavailableError("camera door: is gone; plug it in")
        yield

    assert lines(Check(PART, refuse, 5, "").run()) == ["fail camera door check: is gone; plug it in"]


def test_passwords_are_hidden_in_whatever_is_said() -> None:
    said = PART.failed("frames", "rtsp://ann:s3cret@door/1: refused; open http://ann:s3cret@door/")
    assert "s3cret" not in said.line
    assert said.line == "fail camera door frames: rtsp://ann:***@door/1: refused; open http://ann:***@door/"
