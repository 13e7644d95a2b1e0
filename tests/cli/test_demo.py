"""`edgeclassify demo`: the real daemon and a private broker, its events on the screen, nothing left behind."""

from __future__ import annotations

import os
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgeclassify.errors import UnavailableError
from edgeclassify.tools import broker as demo_broker
from tests.broker import Broker
from tests.running import Background, run_to_end, write_pictures
from tests.waiting import wait_until


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where the demo keeps its files; needs a broker on this machine."""
    Broker(tmp_path / "unused")
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def started(tmp_path: Path, scratch: Path, *arguments: str) -> Background:
    demo = Background(tmp_path, "demo", "--offline", *arguments, name="demo")
    demo.variables["TMPDIR"] = str(scratch)
    return demo


def processes(scratch: Path) -> list[str]:
    """The command lines that name a file of this demo: its broker and its daemon."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(scratch) in command:
            found.append(command)
    return found


def assert_nothing_is_left(scratch: Path) -> None:
    assert processes(scratch) == []
    assert list(scratch.iterdir()) == []


def test_the_sample_pictures_come_and_go_within_15_seconds(tmp_path: Path, scratch: Path) -> None:
    if find_spec("skimage") is None:
        pytest.skip("needs scikit-image's photographs; run: pip install 'edgeclassify[demo]'")
    with started(tmp_path, scratch, "--seconds", "60") as demo:
        demo.wait_for("is online", timeout_s=30)  # about 2 s, on a machine without other work
        began_s = time.monotonic()
        demo.wait_for(" appeared ", timeout_s=25)
        demo.wait_for(" gone ", timeout_s=25)
        took_s = time.monotonic() - began_s
        assert len(processes(scratch)) == 2
        assert demo.stop(signal.SIGINT) == 0
    assert took_s < 13
    said = demo.said()
    assert "sample pictures" in said or "the camera" in said
    assert "edgeclassify models pull" in said
    assert "mosquitto_sub -p " in said
    assert said.splitlines()[-1].endswith("Next: edgeclassify check, edgeclassify cameras, edgeclassify run")
    assert_nothing_is_left(scratch)


def test_it_ends_by_itself_in_time(tmp_path: Path, scratch: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", (90, 90, 90))
    done = run_to_end(tmp_path, "demo", "--offline", "--pictures", str(pictures), "--seconds", "2", TMPDIR=str(scratch))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"the pictures in {pictures}" in done.stdout
    assert_nothing_is_left(scratch)


def test_near_misses_are_shown(tmp_path: Path, scratch: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", (90, 90, 90), (20, 20, 20), size=(64, 64))
    with started(tmp_path, scratch, "--pictures", str(pictures)) as demo:
        demo.wait_for("0.png  ")
        assert demo.stop(signal.SIGINT, within_s=10) == 0
    line = next(line for line in demo.said().splitlines() if "0.png  " in line)
    assert any(reason in line for reason in ("< 0.40: no event", "is ignored", "ambiguous"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, scratch: Path, number: int) -> None:
    pictures = write_pictures(tmp_path / "pictures", (90, 90, 90))
    with started(tmp_path, scratch, "--pictures", str(pictures)) as demo:
        demo.wait_for("is online")
        assert demo.stop(number, within_s=10) == 0
    assert_nothing_is_left(scratch)


def test_killed_it_leaves_no_process(tmp_path: Path, scratch: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", (90, 90, 90))
    with started(tmp_path, scratch, "--pictures", str(pictures)) as demo:
        demo.wait_for("is online")
        assert len(processes(scratch)) == 2
        demo.kill()
    wait_until(lambda: processes(scratch) == [])


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_folder_without_a_picture_is_told(tmp_path: Path, scratch: Path, content: bytes | None) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    if content:
        (folder / "a.png").write_bytes(content)
    with started(tmp_path, scratch, "--pictures", str(folder)) as demo:
        demo.wait_for("put JPEG or PNG files there")
        assert demo.stop(signal.SIGINT, within_s=10) == 0
    assert_nothing_is_left(scratch)


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    done = run_to_end(tmp_path, "demo", "--offline", "--pictures", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "edgeclassify: nowhere: not a folder; give one with pictures: --pictures DIR\n"


def test_a_daemon_that_dies_ends_the_demo(tmp_path: Path, scratch: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", (90, 90, 90))
    with started(tmp_path, scratch, "--pictures", str(pictures)) as demo:
        demo.wait_for("is online")
        config = next(scratch.glob("*/config.yaml"))
        for folder in Path("/proc").glob("[0-9]*"):
            command = (folder / "cmdline").read_bytes() if (folder / "cmdline").exists() else b""
            if str(config).encode() in command:
                os.kill(int(folder.name), signal.SIGKILL)
        assert demo.end() == 70
    assert "edgeclassify: demo: the daemon ended with exit code -9; it said:" in demo.said()
    assert_nothing_is_left(scratch)


def test_without_a_broker_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_broker.shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(demo_broker, "find_spec", lambda _: None)
    with (
        pytest.raises(UnavailableError, match="needs an MQTT broker; run: sudo apt install mosquitto"),
        demo_broker.private_broker(tmp_path),
    ):
        pass


def test_without_mosquitto_amqtt_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("amqtt") is None:
        pytest.skip("cannot run here: needs amqtt; run: pip install 'edgeclassify[demo]'")
    monkeypatch.setattr(demo_broker.shutil, "which", lambda *_, **__: None)
    with demo_broker.private_broker(tmp_path) as port:
        assert port > 0
