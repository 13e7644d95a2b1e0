"""What the daemon tells systemd, over a real notify socket: the truth, and nothing without systemd."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Inbox, free_port
from tests.notify import NotifySocket
from tests.rtsp_server import RtspServer
from tests.running import NOTHING, ROOT, Daemon, colour_of, run_to_end, slides, write_model, write_pictures
from tests.waiting import wait_until

WATCHDOG_S = 1.5


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NotifySocket]:
    """Each kind of name that $NOTIFY_SOCKET may have."""
    with NotifySocket(tmp_path if request.param == "path" else None, WATCHDOG_S) as listening:
        yield listening


@pytest.fixture
def one(tmp_path: Path) -> Iterator[NotifySocket]:
    """Where the kind of name does not matter."""
    with NotifySocket(tmp_path, WATCHDOG_S) as listening:
        yield listening


def daemon_of(systemd: NotifySocket, folder: Path, port: int, cameras: dict[str, Any] | None = None) -> Daemon:
    pictures = write_pictures(folder / "pictures", colour_of(0))
    daemon = Daemon(folder, port, cameras or {"porch": slides(pictures)})
    daemon.variables = dict(systemd.variables)
    return daemon


def test_ready_comes_with_the_first_classified_frame_and_all_is_told(
    tmp_path: Path, broker: Broker, systemd: NotifySocket
) -> None:
    with daemon_of(systemd, tmp_path, broker.port) as daemon:
        wait_until(lambda: systemd.said("READY"), 20)
        wait_until(lambda: "porch red 0.90; cpu 0 ms; broker connected, 0 waiting" in systemd.status)
        assert systemd.datagrams[0] == "EXTEND_TIMEOUT_USEC=300000000\nSTATUS=starting: opening the model"
        assert not any("READY" in text for text in systemd.datagrams[:1])
        daemon.wait_for("ready: porch red 0.90")
        wait_until(lambda: len(systemd.fed) >= 4)
        assert daemon.stop() == 0
    assert systemd.datagrams[-1] == "STOPPING=1\nSTATUS=stopping: SIGTERM"
    assert systemd.said("READY") == 1
    gaps = [later - earlier for earlier, later in zip(systemd.fed, systemd.fed[1:], strict=False)]
    assert max(gaps) < WATCHDOG_S


def test_without_a_frame_it_is_ready_after_a_while_and_says_so(tmp_path: Path, one: NotifySocket) -> None:
    cameras = {"porch": {"source": "missing.mp4"}}
    with daemon_of(one, tmp_path, free_port(), cameras) as daemon:
        wait_until(lambda: "no such file" in daemon.said(), 20)
        assert not one.said("READY")
        wait_until(lambda: one.status.startswith("starting: no camera gives frames: porch offline ("))
        wait_until(lambda: one.said("READY"), 40)
        ready = next(text for text in one.datagrams if "READY=1" in text)
        assert "no camera gives frames: porch offline (" in ready
        assert "no such file" in ready
        assert "broker NOT connected (connection refused; start the broker" in ready
        assert one.silent_s() < WATCHDOG_S, "a camera that is tried again is no hang"
        assert daemon.stop() == 0


def test_a_disabled_camera_is_no_reason_to_wait(tmp_path: Path, broker: Broker, one: NotifySocket) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    with daemon_of(one, tmp_path, broker.port, {"porch": slides(pictures, enabled=False)}):
        wait_until(lambda: one.said("READY"), 15)
        wait_until(lambda: one.status.startswith("porch disabled; cpu; broker"))


def test_the_watchdog_is_fed_through_a_broker_outage_and_a_stalled_camera(
    tmp_path: Path, broker: Broker, one: NotifySocket
) -> None:
    write_model(tmp_path)
    with RtspServer() as server:
        cameras = {"porch": {"source": server.url, "stale_seconds": 1, "fit": "squash"}}
        with daemon_of(one, tmp_path, broker.port, cameras) as daemon:
            wait_until(lambda: one.said("READY"), 20)
            server.stalled.set()
            broker.kill()
            wait_until(lambda: "porch offline" in one.status and "NOT connected" in one.status, 20)
            fed = len(one.fed)
            wait_until(lambda: len(one.fed) > fed + 8, 20)
            broker.start()
            server.stalled.clear()
            wait_until(lambda: "broker connected" in one.status and "offline" not in one.status, 40)
            assert daemon.stop() == 0
    gaps = [later - earlier for earlier, later in zip(one.fed, one.fed[1:], strict=False)]
    assert max(gaps) < WATCHDOG_S


@pytest.mark.parametrize("thread", ["classify", "capture-porch", "mqtt", "outbox", "announce", "health", "main"])
def test_a_thread_that_hangs_starves_the_watchdog_and_is_named(
    tmp_path: Path, broker: Broker, one: NotifySocket, thread: str
) -> None:
    daemon = daemon_of(one, tmp_path, broker.port)
    daemon.variables["EDGECLASSIFY_TEST_HANG"] = f"{thread}:3"
    daemon.start()
    try:
        daemon.wait_for(f"thread {thread}: has made no progress for")
        wait_until(lambda: one.silent_s() > WATCHDOG_S + 1, 20)
        assert daemon.said().count("has made no progress") == 1, daemon.said()
        wait_until(lambda: f"thread {thread} hangs -- " in one.status)
        assert "heartbeats.py" in daemon.said(), "where it hangs"
        before = daemon.said().count("most recent call first")
        daemon.process.send_signal(signal.SIGABRT)  # as the watchdog does
        assert daemon.end() == -signal.SIGABRT
        assert daemon.said().count("most recent call first") > before
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


def test_an_interpreter_that_hangs_starves_the_watchdog_and_its_abort_tells_where(
    tmp_path: Path, broker: Broker, one: NotifySocket
) -> None:
    daemon = daemon_of(one, tmp_path, broker.port)
    daemon.variables["EDGECLASSIFY_TEST_HANG"] = "interpreter:3"
    daemon.start()
    try:
        wait_until(lambda: one.fed)
        wait_until(lambda: one.silent_s() > WATCHDOG_S + 1, 20)
        daemon.process.send_signal(signal.SIGABRT)
        assert daemon.end() == -signal.SIGABRT
        assert "heartbeats.py" in daemon.said()
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


def test_a_process_that_was_stopped_for_a_while_accuses_nobody(
    tmp_path: Path, broker: Broker, one: NotifySocket
) -> None:
    daemon = daemon_of(one, tmp_path, broker.port)
    daemon.variables["EDGECLASSIFY_TEST_HANG"] = "nobody:3"
    with daemon:
        wait_until(lambda: one.said("READY"), 20)
        daemon.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: one.silent_s() > 8, 20)
        daemon.process.send_signal(signal.SIGCONT)
        fed = len(one.fed)
        wait_until(lambda: len(one.fed) > fed + 3)
        assert "no progress" not in daemon.said()
        assert daemon.stop() == 0


def test_a_reload_is_told_in_one_datagram_and_what_was_wrong_stays_in_the_status(
    tmp_path: Path, broker: Broker, one: NotifySocket
) -> None:
    with daemon_of(one, tmp_path, broker.port) as daemon:
        wait_until(lambda: one.said("READY"), 20)
        daemon.config["events"]["margn"] = 1
        daemon.write_config()
        before_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        for _ in range(2):
            daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: one.said("READY") == 2)
        reloading, ready = [text for text in one.datagrams if "RELOADING=1" in text or "READY=1" in text][1:]
        first, clock = reloading.splitlines()
        assert first == "RELOADING=1"
        assert int(clock.removeprefix("MONOTONIC_USEC=")) >= before_us
        assert "not reloaded: " in ready
        assert "config.yaml:" in ready
        assert "did you mean 'margin'" in ready
        daemon.config["events"].pop("margn")
        daemon.write_config()
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: one.said("READY") == 3)
        wait_until(lambda: one.status.startswith("porch red"))
        assert one.said("RELOADING") == 2
        assert daemon.stop() == 0


def test_a_reload_before_it_is_ready_does_not_make_it_ready(tmp_path: Path, one: NotifySocket) -> None:
    with daemon_of(one, tmp_path, free_port(), {"porch": {"source": "missing.mp4"}}) as daemon:
        daemon.wait_for("no such file")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("nothing has changed")
        assert (one.said("READY"), one.said("RELOADING")) == (0, 0)


def test_what_keeps_it_from_starting_is_the_status(tmp_path: Path, one: NotifySocket) -> None:
    (tmp_path / "config.yaml").write_text("evnts: {}\nmqtt: {port: x}\n")
    done = run_to_end(tmp_path, "run", "-c", "config.yaml", **one.variables)
    assert done.returncode == 78
    wait_until(lambda: one.datagrams)
    assert "config.yaml:1: evnts" in one.status
    assert "config.yaml:2: mqtt.port" in one.status


@pytest.mark.parametrize("name", ["/no/such/socket", "@nobody-listens", "relative", ""])
def test_a_socket_that_is_none_stops_nothing(tmp_path: Path, broker: Broker, inbox: Inbox, name: str) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    daemon = Daemon(tmp_path, broker.port, {"porch": slides(pictures)})
    daemon.variables = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "nonsense"}
    with daemon:
        wait_until(lambda: len(inbox.of(f"{ROOT}/porch/event")) >= 2, 20)
        assert daemon.stop() == 0
        assert daemon.said().count("$NOTIFY_SOCKET") <= 1


def test_a_watchdog_of_another_process_is_not_ours(tmp_path: Path, broker: Broker, one: NotifySocket) -> None:
    daemon = daemon_of(one, tmp_path, broker.port)
    daemon.variables["WATCHDOG_PID"] = str(os.getpid())
    with daemon:
        wait_until(lambda: one.said("READY"), 20)
        assert daemon.stop() == 0
