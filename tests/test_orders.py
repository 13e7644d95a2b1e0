"""What the main thread is told to do, and the signals that tell it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from edgeclassify.heartbeats import no_beat
from edgeclassify.orders import COMMAND, RELOAD, next_order, reason_to_stop
from edgeclassify.threads import StopReason, StopReasons
from tests.broker import Broker, Inbox, free_port
from tests.running import Daemon, colour_of, slides, write_model, write_pictures
from tests.waiting import wait_until

TERM = StopReason("SIGTERM")


def orders_of(*orders: StopReason) -> StopReasons:
    made = StopReasons()
    for order in orders:
        made.put(order)
    return made


def test_orders_to_reload_that_come_together_are_one_and_commands_are_kept() -> None:
    orders = orders_of(RELOAD, RELOAD, COMMAND, RELOAD)
    assert next_order(orders, no_beat) is RELOAD
    assert next_order(orders, no_beat) is COMMAND
    assert orders.empty()


def test_to_stop_comes_before_a_reload() -> None:
    orders = orders_of(RELOAD, COMMAND, RELOAD, TERM, RELOAD)
    assert next_order(orders, no_beat) is TERM


def test_a_reason_to_stop_is_seen_and_waits_on() -> None:
    orders = orders_of(COMMAND, TERM, RELOAD, StopReason("health crashed", 70))
    assert reason_to_stop(orders) is TERM
    assert [orders.get() for _ in range(4)][1] is TERM
    assert reason_to_stop(orders_of(COMMAND, RELOAD)) is None


class Starting:
    """A daemon that waits for its configuration, which comes through a pipe, and was told to reload meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.daemon = Daemon(folder, free_port(), {"porch": slides(write_pictures(folder / "pictures", colour_of(0)))})
        self.config = folder / "config.yaml"
        self.text = self.config.read_text()
        self.config.unlink()
        os.mkfifo(self.config)

    def __enter__(self) -> Starting:
        self._writer = os.open(self.config, os.O_RDWR)
        self.daemon.__enter__()
        files = Path(f"/proc/{self.daemon.process.pid}/fd")
        wait_until(lambda: str(self.config) in [_target(file) for file in files.iterdir()], 20)
        for _ in range(3):
            self.daemon.process.send_signal(signal.SIGHUP)
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon.__exit__()

    def goes_on(self, text: str) -> None:
        os.write(self._writer, text.encode())
        os.close(self._writer)


def test_a_reload_that_is_asked_for_before_anybody_heeds_it_comes_after_the_start(tmp_path: Path) -> None:
    with Starting(tmp_path) as starting:
        daemon = starting.daemon
        starting.goes_on(starting.text)
        daemon.wait_for("camera porch: open")
        daemon.wait_for("config.yaml: says nothing any more")  # nobody writes into the pipe a second time
        assert daemon.said().count("reload: nothing is changed") == 1
        assert daemon.stop() == 0


def test_a_start_that_fails_fails_as_ever_when_a_reload_was_asked_for(tmp_path: Path) -> None:
    with Starting(tmp_path) as starting:
        starting.goes_on("nonsense: 1\n")
        assert starting.daemon.end() == 78


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_trial_of_a_model_does_not_hold_up_the_end(tmp_path: Path, number: signal.Signals) -> None:
    with Daemon(
        tmp_path, free_port(), {"porch": slides(write_pictures(tmp_path / "pictures", colour_of(0)))}
    ) as daemon:
        _freeze_the_trial(daemon)
        assert daemon.stop(number) == 0
        assert "killed" not in daemon.said(), "that was on purpose"


def test_a_trial_that_somebody_else_kills_says_nothing_of_the_model(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    with Daemon(tmp_path, free_port(), {"porch": slides(pictures)}) as daemon:
        _freeze_the_trial(daemon)
        os.kill(_trials(daemon)[0], signal.SIGKILL)
        assert daemon.end() == 69, "systemd starts it again"
        assert "its process was killed by SIGKILL during start; if for want of memory" in daemon.said()


def test_the_trial_of_another_model_does_not_hold_up_the_end(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        daemon.wait_for("camera porch: online")
        write_model(tmp_path, ("a", "b", "c", "d"), "wide")
        daemon.config["model"]["name"] = "wide.tflite"
        daemon.write_config()
        daemon.process.send_signal(signal.SIGHUP)
        _freeze_the_trial(daemon)
        assert daemon.stop() == 0
        assert "reload: " not in daemon.said()


def _freeze_the_trial(daemon: Daemon) -> None:
    wait_until(lambda: _trials(daemon), 20)
    (pid,) = _trials(daemon)
    os.kill(pid, signal.SIGSTOP)
    frozen_s = time.monotonic()
    wait_until(lambda: time.monotonic() > frozen_s + 0.2)
    assert _trials(daemon), "it is not over"


def _trials(daemon: Daemon) -> list[int]:
    """Processes that have begun to run a program of their own: before, they hold up who starts them."""
    return [pid for pid in daemon.children() if b"child_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:
        return ""
