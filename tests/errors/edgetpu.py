"""Edge TPUs that are missing, lost, hung or crash; a stand-in for libedgetpu does it."""

from __future__ import annotations

import threading
from pathlib import Path

from edgeclassify.tools.faults.stand_in import StandIn
from tests.edgetpu.stand_in import library, write_twins
from tests.errors.case import Group, Show
from tests.errors.desk import Desk, Said
from tests.running import NOTHING, slides, write_pictures

EDGE_TPU = Group(
    "Edge TPU",
    "`edgeclassify run` with `accelerator: edgetpu`; the CPU goes on at once, and the Edge TPU is tried again. Its "
    "library is a stand-in here.",
    at_once=4,
)
_LOGGED = "accelerator edgetpu"
_building = threading.Lock()


def _library() -> Path:
    """The stand-in, which is compiled once for all."""
    with _building:
        return library()


def _configure(desk: Desk, edgetpu_library: str) -> StandIn:
    write_twins(desk.folder)
    pictures = write_pictures(desk.folder / "seen", NOTHING)
    model = {"name": "colours.tflite", "accelerator": "edgetpu", "edgetpu_library": edgetpu_library}
    desk.configure(state_dir="state", model=model, cameras={"door": slides(pictures, 0.2)})
    (desk.folder / "device").mkdir()
    return StandIn(desk.folder / "device")


def _daemon(desk: Desk, **mode: object) -> Said:
    desk.call_path(_library(), "libedgetpu.so.1")
    device = _configure(desk, str(_library()))
    device.show()
    device.set(**mode)
    return desk.daemon(_LOGGED, **device.variables)


@EDGE_TPU.case("the library is missing")
def _no_library(desk: Desk) -> Said:
    device = _configure(desk, "libedgetpu.so.1")
    return desk.daemon(_LOGGED, **device.variables)


@EDGE_TPU.case("a file in its place that is no library")
def _no_elf(desk: Desk) -> Said:
    desk.write("libedgetpu.so.1", "a letter")
    device = _configure(desk, str(desk.folder / "libedgetpu.so.1"))
    return desk.daemon(_LOGGED, **device.variables)


EDGE_TPU.add("there is no device", lambda desk: _daemon(desk, mode="nodevice"))
EDGE_TPU.add("the library crashes, as one for another runtime does", lambda desk: _daemon(desk, mode="segv"))
EDGE_TPU.add("it refuses the model", lambda desk: _daemon(desk, mode="refuse"))


def _lost(**mode: object) -> Show:
    """The device works, and then does that."""

    def show(desk: Desk) -> Said:
        desk.call_path(_library(), "libedgetpu.so.1")
        device = _configure(desk, str(_library()))
        device.show()
        seen = device.variables
        return desk.daemon("the CPU goes on", when="in use for model", then=lambda _: device.set(**mode), **seen)

    return show


EDGE_TPU.add("it is unplugged while it works", _lost(mode="lost"))
EDGE_TPU.add("it hangs while it works", _lost(delay_ms=60_000))
EDGE_TPU.add("it crashes while it works", _lost(mode="segv"))


@EDGE_TPU.case("`accelerator: edgetpu`, and the model has no twin")
def _no_twin(desk: Desk) -> Said:
    device = _configure(desk, str(_library()))
    (desk.folder / "colours_edgetpu.tflite").unlink()
    return desk.daemon(_LOGGED, **device.variables)
