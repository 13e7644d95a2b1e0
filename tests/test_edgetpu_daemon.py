"""The daemon with an Edge TPU that is lost and found: what its subscribers see."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Inbox
from tests.edgetpu.stand_in import StandIn, library, write_twins
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

EVENTS = f"{ROOT}/porch/event"
PICTURE_S = 0.2


class Hut(Daemon):
    """A daemon whose pictures are red, nothing, green, nothing ... on the stand-in."""

    def __init__(self, folder: Path, port: int, inbox: Inbox, stand_in: StandIn, accelerator: str = "edgetpu") -> None:
        write_twins(folder)
        pictures = write_pictures(folder / "pictures", colour_of(0), NOTHING, colour_of(1), NOTHING)
        model = {"accelerator": accelerator, "edgetpu_library": str(library())}
        super().__init__(folder, port, {"porch": slides(pictures, PICTURE_S)}, model=model)
        self.variables = stand_in.variables
        self._inbox = inbox

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self._inbox.texts(EVENTS)]

    def accelerators(self) -> list[str]:
        """What `info` named, each change once."""
        named = [json.loads(text)["accelerator"] for text in self._inbox.texts(f"{ROOT}/info")]
        return [name for name, _ in itertools.groupby(named)]

    def inference(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self._inbox.last(f"{ROOT}/health") or "{}")
        return report.get("inference", {})

    def child(self) -> int:
        """The process of the Edge TPU."""
        (pid,) = self.children()
        return pid

    def wait_for_events_of(self, accelerator: str, timeout_s: float = 20) -> None:
        """Wait until something more appears there."""
        count = len(self.events())
        wait_until(lambda: any(event["accelerator"] == accelerator for event in self.events()[count:]), timeout_s)


def assert_nothing_lost_or_doubled(events: list[dict[str, Any]], *, within_s: float = 2.0) -> None:
    """Every event has the next id; appeared and gone take turns, red and green too; none is late."""
    assert [event["id"] for event in events] == [f"{number:010d}" for number in range(1, len(events) + 1)]
    kinds = [event["event_type"] for event in events]
    assert kinds == (["appeared", "gone"] * len(kinds))[: len(kinds)]
    labels = [event["label"] for event in events]
    assert all(before == after for before, after in zip(labels[::2], labels[1::2], strict=False))
    times = [datetime.fromisoformat(event["time"]).timestamp() for event in events]
    assert max(after - before for before, after in itertools.pairwise(times)) < within_s


def test_events_info_and_health_name_the_edge_tpu(
    tmp_path: Path, broker: Broker, inbox: Inbox, stand_in: StandIn
) -> None:
    with Hut(tmp_path, broker.port, inbox, stand_in) as hut:
        wait_until(lambda: len(hut.events()) >= 6)
        wait_until(lambda: hut.inference().get("median_ms"))
        child = hut.child()
        assert hut.stop() == 0
    assert {event["accelerator"] for event in hut.events()} == {"edgetpu:usb:0"}
    assert (hut.inference()["accelerator"], hut.inference()["failovers_total"]) == ("edgetpu:usb:0", 0)
    assert hut.accelerators() == ["edgetpu:usb:0"]
    assert {event["model"] for event in hut.events()} == {"colours"}
    assert not Path(f"/proc/{child}").exists()


def _write(mode: str, **options: object) -> Callable[[Hut, StandIn], None]:
    return lambda _, stand_in: stand_in.set(mode, **options)


def _send(number: int) -> Callable[[Hut, StandIn], None]:
    return lambda hut, _: os.kill(hut.child(), number)


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(_write("lost"), id="lost"),
        pytest.param(_write("segv"), id="crash"),
        pytest.param(_write("claim", delay_ms=60_000), id="hang"),
        pytest.param(_send(signal.SIGKILL), id="killed"),
        pytest.param(_send(signal.SIGSTOP), id="stopped"),
    ],
)
def test_losing_the_edge_tpu_costs_no_event(
    break_it: Callable[[Hut, StandIn], None], tmp_path: Path, broker: Broker, inbox: Inbox, stand_in: StandIn
) -> None:
    with Hut(tmp_path, broker.port, inbox, stand_in) as hut:
        wait_until(lambda: len(hut.events()) >= 4)
        break_it(hut, stand_in)
        hut.wait_for_events_of("cpu")
        stand_in.plug()
        hut.wait_for_events_of("edgetpu:usb:0")
        wait_until(lambda: hut.inference()["failovers_total"] == 1)
        assert hut.stop() == 0
    assert_nothing_lost_or_doubled(hut.events())
    assert hut.accelerators() == ["edgetpu:usb:0", "cpu", "edgetpu:usb:0"]
    assert hut.said().count("the CPU goes on") == 1
    assert hut.said().count("accelerator edgetpu:usb:0: in use") == 2


@pytest.mark.parametrize("accelerator", ["auto", "edgetpu"])
def test_an_edge_tpu_that_is_plugged_in_later_is_used(
    accelerator: str, tmp_path: Path, broker: Broker, inbox: Inbox, stand_in: StandIn
) -> None:
    stand_in.unplug()
    with Hut(tmp_path, broker.port, inbox, stand_in, accelerator) as hut:
        hut.wait_for_events_of("cpu")
        stand_in.plug()
        hut.wait_for_events_of("edgetpu:usb:0")
        assert hut.stop() == 0
    assert_nothing_lost_or_doubled(hut.events())
    assert hut.accelerators() == ["cpu", "edgetpu:usb:0"]
    assert hut.said().count("the CPU is used, and the Edge TPU tried again") == (accelerator == "edgetpu")


def test_flapping_twenty_times_costs_no_event_and_leaks_nothing(
    tmp_path: Path, broker: Broker, inbox: Inbox, stand_in: StandIn
) -> None:
    def held(hut: Hut) -> tuple[int, int, int]:
        """Descriptors, shared memory and children of the daemon."""
        process = Path(f"/proc/{hut.process.pid}")
        memory = (process / "maps").read_text().count("memfd:edgeclassify")
        return len(list((process / "fd").iterdir())), memory, len(hut.children())

    stand_in.plug()
    with Hut(tmp_path, broker.port, inbox, stand_in) as hut:
        hut.wait_for_events_of("edgetpu:usb:0")
        before = held(hut)
        for times in range(1, 21):
            stand_in.unplug()
            hut.wait_for_events_of("cpu")
            stand_in.plug()
            hut.wait_for_events_of("edgetpu:usb:0")
            wait_until(lambda times=times: hut.inference()["failovers_total"] == times)
        wait_until(lambda: held(hut) == before)
        assert hut.stop() == 0
    assert_nothing_lost_or_doubled(hut.events())
    assert hut.accelerators() == ["edgetpu:usb:0"] + ["cpu", "edgetpu:usb:0"] * 20


def test_a_hang_at_the_start_delays_neither_start_nor_stop(
    tmp_path: Path, broker: Broker, inbox: Inbox, stand_in: StandIn
) -> None:
    stand_in.set(open_ms=60_000)
    with Hut(tmp_path, broker.port, inbox, stand_in) as hut:
        hut.wait_for_events_of("cpu")
        started_s = time.monotonic()
        assert hut.stop() == 0
        assert time.monotonic() - started_s < 5


def test_a_model_that_is_swapped_by_a_reload_finds_the_edge_tpu_too(
    tmp_path: Path, broker: Broker, inbox: Inbox, stand_in: StandIn
) -> None:
    with Hut(tmp_path, broker.port, inbox, stand_in) as hut:
        wait_until(lambda: len(hut.events()) >= 2)
        write_twins(tmp_path, "paints")
        hut.config["model"]["name"] = "paints_edgetpu.tflite"
        hut.write_config()
        hut.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any(e["model"] == "paints" and e["accelerator"] != "cpu" for e in hut.events()), 20)
        wait_until(lambda: len(hut.children()) == 1)  # that of the model before is gone
        child = hut.child()
        assert hut.stop() == 0
    assert not Path(f"/proc/{child}").exists()
