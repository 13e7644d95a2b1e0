"""The mailbox keeps the newest frame of each camera, is fair between cameras, and counts what it drops."""

from __future__ import annotations

import threading
import time

import numpy as np
from PIL import Image

from edgeclassify.image import StillPicture
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.records import Frame
from edgeclassify.view import View
from tests.waiting import wait_until


def frame(camera: str, number: int = 0) -> Frame:
    pixels = np.zeros((2, 2, 3), np.uint8)
    return Frame(camera, float(number), pixels, StillPicture(Image.fromarray(pixels), View(), float(number), ""))


def test_a_newer_frame_replaces_an_older_one_and_that_is_counted() -> None:
    mailbox = FrameMailbox()
    for number in range(4):
        mailbox.put(frame("porch", number))
    taken = mailbox.take(0)
    assert taken is not None
    assert taken.captured_s == 3
    assert mailbox.take(0) is None
    assert mailbox.dropped_total("porch") == 3
    assert mailbox.dropped_total("yard") == 0


def test_the_camera_that_waited_longest_is_served_first() -> None:
    mailbox = FrameMailbox()
    served = []
    for camera in ("porch", "yard", "attic"):
        mailbox.put(frame(camera))
    for _ in range(6):
        taken = mailbox.take(0)
        assert taken is not None
        served.append(taken.camera)
        mailbox.put(frame("porch"))  # a fast camera does not push the others out
        mailbox.put(frame(taken.camera))
    assert served == ["porch", "yard", "attic"] * 2


def test_take_waits_for_a_frame_and_no_longer_than_told() -> None:
    mailbox = FrameMailbox()
    started_s = time.monotonic()
    assert mailbox.take(0.05) is None
    assert 0.04 < time.monotonic() - started_s < 2
    threading.Timer(0.05, mailbox.put, [frame("porch")]).start()
    taken = mailbox.take(10)
    assert taken is not None
    assert taken.camera == "porch"


def test_a_frame_that_must_not_be_dropped_waits_until_its_place_is_free() -> None:
    mailbox = FrameMailbox()
    assert mailbox.put_when_free(frame("film", 1), 0)
    assert not mailbox.put_when_free(frame("film", 2), 0.02)
    assert mailbox.put_when_free(frame("porch"), 0), "another camera's place is free"
    put: list[bool] = []
    waiting = threading.Thread(target=lambda: put.append(mailbox.put_when_free(frame("film", 2), 10)))
    waiting.start()
    first = mailbox.take(0)
    waiting.join(10)
    assert put == [True]
    assert first is not None
    assert first.captured_s == 1
    assert mailbox.dropped_total("film") == 0


def test_nothing_is_lost_or_counted_twice_between_threads() -> None:
    mailbox = FrameMailbox()
    count, taken = 500, 0

    def put() -> None:
        for number in range(count):
            mailbox.put(frame("porch", number))

    putting = threading.Thread(target=put)
    putting.start()
    while putting.is_alive() or taken + mailbox.dropped_total("porch") < count:
        taken += mailbox.take(0.01) is not None
    putting.join()
    wait_until(lambda: mailbox.take(0) is None)
    assert taken + mailbox.dropped_total("porch") == count
