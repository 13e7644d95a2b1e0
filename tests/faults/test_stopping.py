"""SIGTERM and Ctrl-C end the daemon in order and in time, whatever its broker and cameras do."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.broker import Broker, Inbox, free_port
from tests.rtsp_server import RtspServer
from tests.running import ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

EVENTS = f"{ROOT}/porch/event"
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """One thing that is always there."""
    return write_pictures(tmp_path / "pictures", colour_of(0))


@SIGNALS
def test_what_is_present_is_told_gone_then_offline(
    tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path, number: int
) -> None:
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        wait_until(lambda: inbox.of(EVENTS))
        assert daemon.stop(number) == 0
        wait_until(lambda: inbox.last(f"{ROOT}/status") == "offline")
    appeared, gone = (json.loads(text) for text in inbox.texts(EVENTS))
    assert (gone["event_type"], gone["reason"]) == ("gone", "stopped")
    assert gone["appeared_id"] == appeared["id"]
    order = [m.topic.removeprefix(f"{ROOT}/") for m in inbox.received if not m.topic.endswith("health")]
    assert order[-3:] == ["porch/event", "porch/state", "status"]
    assert json.loads(inbox.last(f"{ROOT}/porch/state") or "")["label"] == "none"


def test_more_signals_change_nothing(tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path) -> None:
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        wait_until(lambda: inbox.of(EVENTS))
        while daemon.process.poll() is None:
            daemon.process.send_signal(signal.SIGTERM)
            daemon.process.send_signal(signal.SIGINT)
            time.sleep(0.002)  # as fast as a nervous user at most
        assert daemon.end() == 0
    assert len(inbox.of(EVENTS)) == 2


@SIGNALS
def test_without_a_broker(tmp_path: Path, pictures: Path, number: int) -> None:
    with Daemon(tmp_path, free_port(), {"porch": slides(pictures)}) as daemon:
        daemon.wait_for("connection refused")
        daemon.wait_for("camera porch: online")
        assert daemon.stop(number) == 0


def test_with_a_frozen_broker_and_a_stalled_camera(
    tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path
) -> None:
    with RtspServer() as server:
        cameras = {"porch": slides(pictures), "yard": {"source": server.url}}
        with Daemon(tmp_path, broker.port, cameras) as daemon:
            wait_until(lambda: inbox.last(f"{ROOT}/yard/status") == "online" and inbox.of(EVENTS), 20)
            server.stalled.set()
            broker.freeze()
            assert daemon.stop() == 0
            broker.thaw()
            # What could not be told is told first by the next start.
            daemon.start()
            daemon.wait_for("connected (MQTT", 2)
            wait_until(lambda: len(inbox.of(EVENTS)) >= 3)
            assert daemon.stop() == 0
    reasons = [json.loads(text)["reason"] for text in inbox.texts(EVENTS)]
    assert "stopped" in reasons
    assert "restarted" not in reasons


@pytest.mark.parametrize("silent", [True, False])
def test_in_the_middle_of_connecting(tmp_path: Path, pictures: Path, silent: bool) -> None:
    """To a broker that takes the connection and says nothing, or a camera that does."""
    with socket.create_server(("127.0.0.1", 0)) as mute, RtspServer(silent=silent) as camera:
        cameras = {"porch": slides(pictures), "yard": {"source": camera.url}}
        with Daemon(tmp_path, mute.getsockname()[1], cameras) as daemon:
            mute.settimeout(10)
            connection, _ = mute.accept()
            with connection:
                wait_until(lambda: camera.clients)
                assert daemon.stop() == 0


@SIGNALS
def test_at_any_moment_of_the_start(tmp_path: Path, broker: Broker, pictures: Path, number: int) -> None:
    daemon = Daemon(tmp_path, broker.port, {"porch": slides(pictures)})
    for _ in range(3):
        starts = daemon.said().count("edgeclassify 0.1.0")
        with daemon:
            daemon.wait_for("edgeclassify 0.1.0", starts + 1)
            assert daemon.stop(number) == 0
