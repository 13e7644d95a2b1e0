"""Where events wait: in use, full, corrupt, or not to be written."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator

from tests.broker import Broker
from tests.disks import fill, small_disk
from tests.errors.case import Group
from tests.errors.desk import Desk, Said
from tests.running import NOTHING, Background, colour_of, slides, write_model, write_pictures

STATE = Group("Disk and state", "`edgeclassify run`; what the log says of `state_dir`, where events wait.", at_once=4)


@contextlib.contextmanager
def _configured(desk: Desk, state_dir: str = "state", **sections: object) -> Iterator[Broker]:
    """A configuration with which something appears all the time, and a broker for it."""
    write_model(desk.folder)
    pictures = write_pictures(desk.folder / "seen", colour_of(0), NOTHING)
    events = {"smoothing_seconds": 0, "appear_after_seconds": 0, "gone_after_seconds": 0, "cooldown_seconds": 0}
    with Broker(desk.folder / "broker") as broker:
        desk.configure(
            node="porch",
            state_dir=state_dir,
            model={"name": "colours.tflite", "scores": "probabilities"},
            cameras={"door": slides(pictures, 0.1)},
            events=events,
            mqtt={"host": "127.0.0.1", "port": desk.call_port(broker.port)},
            **sections,
        )
        yield broker


@STATE.case("another daemon has it already")
def _in_use(desk: Desk) -> Said:
    with _configured(desk), Background(desk.folder, "run") as first:
        first.wait_for("ready: ")
        said = desk.process("run")
        return Said(said.text.replace(f"pid {first.process.pid}", "pid 1234"), said.code).only("edgeclassify: ")


@STATE.case("a full disk")
def _full(desk: Desk) -> Said:
    with small_disk(desk.folder / "disk") as disk, _configured(desk, "disk/state"):
        fill(disk)
        return desk.daemon("kept in memory")


@STATE.case("a read-only disk")
def _read_only(desk: Desk) -> Said:
    with small_disk(desk.folder / "disk") as disk, _configured(desk, "disk/state"):
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        return desk.daemon("kept in memory")


@STATE.case("a file in place of the folder")
def _file(desk: Desk) -> Said:
    desk.write("state", "a letter")
    with _configured(desk):
        return desk.daemon("kept in memory")


@STATE.case("a corrupt database")
def _corrupt(desk: Desk) -> Said:
    desk.write("state/outbox.db", b"not a database" * 500)
    with _configured(desk):
        return desk.daemon("kept as")


@STATE.case("a damaged file of what was set over MQTT")
def _overrides(desk: Desk) -> Said:
    desk.write("state/overrides.json", "{")
    with _configured(desk):
        return desk.daemon("overrides.json")


@STATE.case("a configuration that is wrong when it is read again (`kill -HUP`)")
def _reload(desk: Desk) -> Said:
    def spoil(daemon: Background) -> None:
        config = desk.folder / "config.yaml"
        config.write_text(f"camera: {{}}\n{config.read_text()}")
        daemon.process.send_signal(signal.SIGHUP)

    with _configured(desk):
        return desk.daemon("unknown key", when="ready: ", then=spoil)
