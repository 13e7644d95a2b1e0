"""The Edge TPU is lost and found again: every frame has its answer, soon, and nothing is left behind."""

from __future__ import annotations

import gc
import inspect
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edgeclassify.config.sections import ModelConfig
from edgeclassify.inference import Classifier, edgetpu, keeper, open_classifier
from edgeclassify.records import Scores
from tests.edgetpu.stand_in import StandIn, library, write_twins
from tests.inference.conftest import frame
from tests.waiting import wait_until

ORANGE = np.array([[[230, 120, 5]]], np.uint8)
WITHIN_S = 2.0


def children() -> list[int]:
    """The processes that this one has started, those that are dead but not waited for too."""
    text = "".join(path.read_text() for path in Path("/proc/self/task").glob("*/children"))
    return [int(pid) for pid in text.split()]


def held() -> set[object]:
    """What this process holds, one by one: descriptors, shared memory, threads.

    What an earlier test left may go at any time; only what is new counts.
    """
    gc.collect()
    items: set[object] = set(threading.enumerate())
    items |= {line for line in Path("/proc/self/maps").read_text().splitlines() if "memfd:edgeclassify" in line}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with suppress(OSError):  # the one that lists them
            status = os.fstat(int(name))
            items.add((name, status.st_dev, status.st_ino))
    return items


@dataclass
class Rig:
    """A classifier with a stand-in, and what it told."""

    classifier: Classifier
    stand_in: StandIn
    changes: list[str] = field(default_factory=list)
    longest_s: float = 0

    def classify(self) -> Scores:
        """Classify one frame; it has the right answer, in time."""
        started_s = time.monotonic()
        scores = self.classifier.classify(frame(ORANGE))
        self.longest_s = max(self.longest_s, time.monotonic() - started_s)
        assert scores.values == pytest.approx(ORANGE.ravel() / 255)
        return scores

    def wait_for(self, accelerator: str, timeout_s: float = 20) -> None:
        """Classify until it runs on this; every frame has its answer meanwhile."""
        wait_until(lambda: self.classify().accelerator.startswith(accelerator), timeout_s)

    def child(self) -> int:
        (pid,) = children()
        return pid


@pytest.fixture
def config(tmp_path: Path) -> ModelConfig:
    write_twins(tmp_path)
    return ModelConfig(
        name="colours.tflite", accelerator="edgetpu", edgetpu_library=str(library()), scores="probabilities"
    )


@pytest.fixture
def rig(stand_in: StandIn, config: ModelConfig, tmp_path: Path) -> Iterator[Rig]:
    """Running on the stand-in; when it ends, nothing is left."""
    before = held()
    changes: list[str] = []
    with open_classifier(config, tmp_path, changed=lambda: changes.append(opened.accelerator)) as opened:
        yield Rig(opened, stand_in, changes)
    assert children() == []
    assert held() - before == set()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without growing pauses."""
    monkeypatch.setattr(keeper, "_LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(keeper, "_FIRST_PAUSE_S", 0.1)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


FAULTS = {
    "device lost": "the device is lost",
    "crash": "SIGSEGV",
    "abort": "SIGABRT",
    "hang": "no answer to invoke",
    "killed": "SIGKILL",
    "stopped": "no answer to invoke",
}


def break_it(rig: Rig, fault: str) -> None:
    modes = {"device lost": "lost", "crash": "segv", "abort": "abort"}
    if fault in modes:
        rig.stand_in.set(modes[fault])
    elif fault == "hang":
        rig.stand_in.set(delay_ms=60_000)
    else:
        os.kill(rig.child(), signal.SIGKILL if fault == "killed" else signal.SIGSTOP)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_frame_in_hand_is_classified_on_the_cpu_and_the_edge_tpu_comes_back(
    fault: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        assert rig.classify().accelerator == "edgetpu:usb:0"
    break_it(rig, fault)
    assert rig.classify().accelerator == "cpu"
    assert rig.classify().accelerator == "cpu"
    assert rig.classifier.failovers_total == 1
    (told,) = warnings(caplog)
    assert "\n" not in told
    assert FAULTS[fault] in told
    assert told.startswith("accelerator edgetpu:usb:0: ")
    rig.stand_in.set()
    rig.wait_for("edgetpu:usb:0")
    assert rig.changes == ["cpu", "edgetpu:usb:0"]
    assert len(warnings(caplog)) == 1
    assert rig.longest_s < WITHIN_S


def test_the_device_is_lost_at_the_nth_inference(rig: Rig, stand_in: StandIn) -> None:
    stand_in.set(fail_after=7)  # two are those of the trial, which it had before
    answers = [rig.classify().accelerator for _ in range(10)]
    assert answers == ["edgetpu:usb:0"] * 5 + ["cpu"] * 5


def test_a_device_that_is_plugged_in_later_is_used_at_once(
    config: ModelConfig, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_FIRST_PAUSE_S", 3600.0)
    stand_in.unplug()
    with open_classifier(config.model_copy(update={"accelerator": "auto"}), tmp_path) as opened:
        later = Rig(opened, stand_in)
        assert later.classify().accelerator == "cpu"
        stand_in.plug()
        later.wait_for("edgetpu:usb:0")
        assert (opened.failovers_total, children()) == (0, [later.child()])
    assert later.longest_s < WITHIN_S


def test_a_device_that_was_plugged_in_again_while_it_was_used_is_used_again_at_once(rig: Rig) -> None:
    rig.classifier._keeper._pause_s = 3600  # type: ignore[attr-defined]
    rig.stand_in.show()
    os.kill(rig.child(), signal.SIGKILL)
    assert rig.classify().accelerator == "cpu"
    rig.wait_for("edgetpu:usb:0")


def test_the_firmware_that_is_loaded_is_no_plugging(
    config: ModelConfig, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_FIRST_PAUSE_S", 3600.0)
    stand_in.show("1a6e", "089a")
    stand_in.set("nodevice", open_ms=1000)
    with open_classifier(config, tmp_path, patience_s=0) as opened:
        wait_until(children)
        stand_in.show("18d1", "9302")  # by the library itself, and opening it fails all the same
        wait_until(lambda: not children())
        kept = opened._keeper  # type: ignore[attr-defined]
        wait_until(lambda: {device.plugging[-1] for device in kept._seen} == {"2"})
        stand_in.hide()
        wait_until(lambda: not kept._seen)
        assert children() == []


def test_it_is_tried_again_with_growing_pauses(
    config: ModelConfig, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(keeper, "_LONGEST_PAUSE_S", 0.4)
    pauses: list[float] = []
    original = keeper.Keeper._pause

    def pause(self: keeper.Keeper) -> None:
        pauses.append(self._pause_s)
        original(self)

    monkeypatch.setattr(keeper.Keeper, "_pause", pause)
    stand_in.set("nodevice")
    with open_classifier(config, tmp_path) as opened:
        wait_until(lambda: len(pauses) >= 5, 30)
        assert opened.accelerator == "cpu"
    assert pauses[:5] == [0.1, 0.2, 0.4, 0.4, 0.4]


@pytest.mark.usefixtures("at_once")
def test_while_it_is_lost_only_another_kind_of_trouble_is_said(
    rig: Rig, stand_in: StandIn, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []
    tell = keeper.Keeper._tell
    monkeypatch.setattr(
        keeper.Keeper, "_tell", lambda self, error: (tries.append(type(error).__name__), tell(self, error))
    )
    stand_in.unplug()
    rig.wait_for("cpu")
    wait_until(lambda: tries.count("UnavailableError") >= 3, 20)
    assert len(warnings(caplog)) == 1
    stand_in.set("segv")
    wait_until(lambda: tries.count("ChildDiedError") >= 2, 20)
    assert len(warnings(caplog)) == 2
    stand_in.plug()
    rig.wait_for("edgetpu:usb:0")


@pytest.mark.usefixtures("at_once")
def test_flapping_twenty_times_leaves_no_frame_without_an_answer(rig: Rig, stand_in: StandIn) -> None:
    for times in range(1, 21):
        rig.wait_for("edgetpu:usb:0")
        stand_in.unplug()
        rig.wait_for("cpu")
        assert rig.classifier.failovers_total == times
        stand_in.plug()
    rig.wait_for("edgetpu:usb:0")
    assert len(rig.changes) == 40
    assert rig.longest_s < WITHIN_S


@pytest.mark.parametrize("mode", ["segv", "abort"])
def test_a_crash_of_the_probe_is_one_line(
    mode: str, config: ModelConfig, stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture, at_once: None
) -> None:
    stand_in.set(mode)
    with open_classifier(config, tmp_path) as opened:
        rig = Rig(opened, stand_in)
        assert rig.classify().accelerator == "cpu"
        first = caplog.text.count("SIG")
        before = children()
        wait_until(lambda: children() not in (before, []), 30)  # it tries again
        assert len(warnings(caplog)) == 1
        assert first >= 1
        stand_in.set()
        rig.wait_for("edgetpu:usb:0")
    assert opened.failovers_total == 0


def test_a_hang_while_it_is_opened_delays_nothing(
    config: ModelConfig, stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = held()
    stand_in.set(open_ms=60_000)
    started_s = time.monotonic()
    with open_classifier(config, tmp_path, patience_s=0.5) as opened:
        rig = Rig(opened, stand_in)
        assert rig.classify().accelerator == "cpu"
        assert time.monotonic() - started_s < 3
        wait_until(children)
        stopped_s = time.monotonic()
    assert time.monotonic() - stopped_s < 3
    assert children() == []
    assert held() - before == set()
    assert warnings(caplog) == []


def test_a_hang_while_it_is_opened_is_given_up(
    config: ModelConfig,
    stand_in: StandIn,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgeclassify.inference.edgetpu._START_S", 3.0)
    stand_in.set(open_ms=60_000)
    with open_classifier(config, tmp_path, patience_s=0) as opened:
        wait_until(lambda: "no answer to start within 3 s" in caplog.text)
        stand_in.set()
        Rig(opened, stand_in).wait_for("edgetpu:usb:0")
    assert len(warnings(caplog)) == 1


def test_who_classifies_once_waits_until_it_is_known_why_there_is_no_edge_tpu() -> None:
    patience_s = inspect.signature(open_classifier.__wrapped__).parameters["patience_s"].default  # type: ignore[attr-defined]
    assert patience_s > edgetpu._START_S + edgetpu._FIRST_S


@pytest.mark.usefixtures("at_once")
def test_a_device_that_is_too_slow_fails_its_trial(
    config: ModelConfig, stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.set(delay_ms=1500)
    with open_classifier(config, tmp_path) as opened:
        assert Rig(opened, stand_in).classify().accelerator == "cpu"
    assert "no answer to invoke within 1 s" in caplog.text


def test_many_inferences_hold_no_more_than_few(rig: Rig) -> None:
    def resident_kb(pid: int | str) -> int:
        text = Path(f"/proc/{pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))

    for _ in range(500):
        rig.classify()
    before = held(), resident_kb("self"), resident_kb(rig.child())
    for _ in range(2000):
        rig.classify()
    assert rig.classify().accelerator == "edgetpu:usb:0"
    assert held() - before[0] == set()
    assert resident_kb("self") - before[1] < 2000
    assert resident_kb(rig.child()) - before[2] < 1000
