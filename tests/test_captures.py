"""The cameras of a running daemon: one that hangs holds up neither a reload nor the end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import Broker
from tests.running import Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

HANGS = """
import ctypes, pathlib
pathlib.Path(__file__).with_name("opening").touch()
ctypes.PyDLL(None).pause()  # as the bindings of libcamera do: they keep the interpreter's lock
"""


@pytest.fixture
def daemon(tmp_path: Path, broker: Broker) -> Iterator[Daemon]:
    """Its camera `yard` is a Pi camera that hangs while it is opened, in a picamera2 of ours."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "picamera2.py").write_text(HANGS)
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    cameras = {"porch": slides(pictures), "yard": {"source": "picamera"}}
    running = Daemon(tmp_path / "daemon", broker.port, cameras)
    running.variables["PYTHONPATH"] = str(modules)
    with running:
        wait_until((modules / "opening").exists, 20)
        (modules / "opening").unlink()
        running.wait_for("camera porch: online")
        yield running


def test_a_camera_that_hangs_while_it_is_opened_does_not_hold_up_the_end(daemon: Daemon) -> None:
    assert daemon.stop() == 0
    assert "yard: its" not in daemon.said(), "it was ended on purpose"


@pytest.mark.parametrize("change", ["other", "removed"])
def test_a_camera_that_hangs_while_it_is_opened_can_be_changed(daemon: Daemon, tmp_path: Path, change: str) -> None:
    if change == "other":
        daemon.config["cameras"]["yard"]["rotate"] = 180
    else:
        daemon.config["cameras"].pop("yard")
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("camera yard: starts anew with other rotate" if change == "other" else "camera yard: removed")
    if change == "other":
        wait_until((tmp_path / "modules/opening").exists)
    assert daemon.said().count("camera porch: open") == 1, "it goes on"
    assert daemon.stop() == 0
