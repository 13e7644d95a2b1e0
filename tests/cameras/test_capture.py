"""The capture thread, end to end: real sources, a real mailbox."""

from __future__ import annotations

import logging
import time

from edgeclassify.mailbox import FrameMailbox
from tests.cameras.conftest import COLOURS, colour_of, make_picture, make_video
from tests.rtsp_server import RtspServer
from tests.waiting import wait_until


def test_frames_arrive_with_the_models_input(start_capture, tmp_path):
    make_picture(tmp_path / "a.png", COLOURS[1])
    door = start_capture(source="a.png", frames_per_second=50)
    frame = door.mailbox.take(5)
    assert frame.camera == "door"
    assert frame.input.shape == (24, 32, 3)
    assert colour_of(frame.input) == COLOURS[1]
    assert frame.picture.name == "a.png"
    assert frame.captured_s == frame.picture.captured_s <= time.monotonic()


def test_a_file_on_demand_loses_no_frame_however_slow_its_reader_is(start_capture, tmp_path):
    make_video(tmp_path / "a.mp4", frames=10)
    door = start_capture(source="a.mp4", frames_per_second=0)
    seen = []
    for _ in range(25):
        seen.append(colour_of(door.mailbox.take(5).input))
        time.sleep(0.002)  # a slow reader is what is tested
    assert seen == [COLOURS[n % 5] for n in range(25)]
    assert door.mailbox.dropped_total("door") == 0


def test_a_live_source_drops_what_nobody_takes_and_counts_it(start_capture):
    with RtspServer(rate=60) as server:
        door = start_capture(source=server.url, frames_per_second=60)
        wait_until(lambda: door.mailbox.dropped_total("door") >= 10)
        assert door.status.captured_total > 10


def test_frames_beyond_the_limit_are_captured_but_not_classified(start_capture):
    with RtspServer(rate=60) as server:
        door = start_capture(source=server.url, frames_per_second=5)
        wait_until(lambda: door.status.captured_total >= 60)
        door.stop()
    assert 4 <= door.mailbox.dropped_total("door") + 1 <= 12


def test_a_disabled_camera_is_watched_but_not_classified(start_capture):
    door = start_capture(source="test", enabled=False)
    wait_until(lambda: door.status.captured_total >= 3)
    assert door.mailbox.take(0.01) is None
    assert door.status.last_captured_s is not None


def test_a_camera_comes_back_after_a_stall_and_says_so_once(start_capture, caplog):
    caplog.set_level(logging.INFO)
    with RtspServer(rate=30) as server:
        door = start_capture(source=server.url, stale_seconds=1)
        wait_until(lambda: door.status.captured_total > 5)
        assert door.status.description == f"{server.url}, h264 320 x 240"
        server.stalled.set()
        wait_until(lambda: door.status.error)
        server.stalled.clear()
        wait_until(lambda: door.status.restarts_total == 1)
        assert door.status.error == ""
    messages = [message for message in caplog.messages if message.startswith("camera door")]
    assert [message.split(" (")[0] for message in messages[:3]] == [
        "camera door: open",
        f"camera door: {server.url}: no frame comes; check that it is switched on and reachable",
        "camera door: frames come again",
    ]


def test_a_camera_that_fails_does_not_disturb_another_and_is_told_once(start_capture, tmp_path, caplog):
    make_picture(tmp_path / "a.png")
    mailbox = FrameMailbox()
    bad = start_capture("bad", mailbox, source="missing.mp4")
    good = start_capture("good", mailbox, source="a.png", frames_per_second=100)
    wait_until(lambda: good.status.captured_total > 150)  # more than a second: it was tried again
    assert bad.status.captured_total == 0
    assert bad.status.error == f"camera bad: {tmp_path}/missing.mp4: no such file; check source in the configuration"
    assert [message for message in caplog.messages if "bad" in message] == [f"{bad.status.error} (trying again)"]
    make_video(tmp_path / "missing.mp4")
    wait_until(lambda: bad.status.captured_total > 0)
    assert bad.status.error == ""


def test_it_ends_soon_whatever_the_camera_does(start_capture, tmp_path):
    make_video(tmp_path / "a.mp4", rate=1)
    make_picture(tmp_path / "a.png")
    with RtspServer(silent=True) as silent, RtspServer() as stalled:
        cameras = [
            start_capture("silent", source=silent.url),
            start_capture("stalled", source=stalled.url),
            start_capture("refused", source="rtsp://127.0.0.1:1/"),
            start_capture("slow", source="a.mp4"),
            start_capture("on-demand", source="a.mp4", frames_per_second=0),
            start_capture("slides", source="a.png", frames_per_second=0.1),
        ]
        wait_until(lambda: silent.clients and cameras[1].status.captured_total and cameras[2].status.error)
        stalled.stalled.set()
        wait_until(lambda: all(camera.status.captured_total for camera in cameras[3:]))
        stopped_s = time.monotonic()
        for camera in cameras:
            camera.stopping.set()
        for camera in cameras:
            camera.stop()
        assert time.monotonic() - stopped_s < 3
