"""The Edge TPU: library, device, permission, owner, page size, the pair of library and runtime, USB port."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from edgeclassify import resources
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ChildDiedError, ChildError, ChildTimeoutError, ModelError, UnavailableError
from edgeclassify.image import load_picture
from edgeclassify.inference.devices import library_is_there
from edgeclassify.inference.edgetpu import EdgeTpu
from edgeclassify.inference.model import Model, load_model
from edgeclassify.inference.twins import find_twins
from edgeclassify.processes import Child
from edgeclassify.records import Frame
from edgeclassify.tools.doctor.edgetpu_devices import EdgeTpuDevice, edgetpu_devices
from edgeclassify.tools.doctor.findings import Finding, Part
from edgeclassify.tools.doctor.machine import Machine, access_of, may_use
from edgeclassify.tools.installation import runtime_version

PART = Part("edgetpu")

_PROBE = "edgeclassify.tools.doctor.edgetpu_probe:Probe"
_OPEN_S = 20.0  # the library loads the firmware into a USB device, which then comes again
_PAGE_BYTES = 4096
_USB3_MEGABITS_PER_S = 5000
_GUIDE = "see docs/coral.md"
_REPLUG = f"unplug it and plug it in; check cable and power supply; {_GUIDE}"
_USB_PERMISSION = (
    "install libedgetpu's udev rule, run: sudo adduser $USER plugdev (for the service: sudo adduser edgeclassify "
    "plugdev), unplug it, plug it in, and log in again"
)
_PCI_PERMISSION = (
    "run: sudo groupadd -f apex; sudo adduser $USER apex (for the service: sudo adduser edgeclassify apex); write "
    'SUBSYSTEM=="apex", MODE="0660", GROUP="apex" into /etc/udev/rules.d/65-apex.rules, and restart'
)


def check_edgetpu(config: ModelConfig, base: Path, machine: Machine, daemon: int | None) -> Iterator[Finding]:
    """Yield what is to be said of the Edge TPU that the configuration wants, or could use."""
    if config.accelerator == "cpu":
        yield PART.skip("wanted", "model.accelerator is cpu")
        return
    asked = config.accelerator != "auto"
    devices = edgetpu_devices(machine)
    library = _library(config, base)
    has_library = library_is_there(library)
    if not (asked or devices or has_library):
        yield PART.skip("wanted", "none is here, and model.accelerator auto needs none: the CPU is used")
        return
    if has_library:
        yield PART.ok("library", f"{library} is installed")
    else:
        say = PART.fail if asked else PART.warn
        advice = f"install libedgetpu1-std, in a build that fits the runtime, or set model.edgetpu_library; {_GUIDE}"
        yield say("library", f"{library} is missing, so the CPU is used", advice)
    found = [finding for device in devices for finding in _device(device, machine, daemon)]
    yield from found
    is_used = any(finding.check.endswith("owner") and finding.status == "ok" for finding in found)
    if asked and not has_library and not devices:
        yield _no_device(config)
    if has_library and not is_used and not any(finding.status == "fail" for finding in found):
        if daemon is not None and devices and not _can_tell_owner(devices, machine, daemon):
            yield PART.skip("trial", "probably in use by the running daemon; run with sudo to be sure")
        else:
            yield _trial(config, base, library, devices)
    yield from _ports(machine)


def _can_tell_owner(devices: list[EdgeTpuDevice], machine: Machine, daemon: int) -> bool:
    return machine.may_look_into(daemon) and all(device.node for device in devices)


def _library(config: ModelConfig, base: Path) -> str:
    name = config.edgetpu_library
    return str((base / Path(name).expanduser()).absolute()) if "/" in name else name


def _device(device: EdgeTpuDevice, machine: Machine, daemon: int | None) -> Iterator[Finding]:
    """Yield what can be said without opening it."""
    if device.node is None and device.is_pci:
        text, advice = "the card is there, and no driver made /dev/apex_0", f"install gasket-dkms; {_GUIDE}"
        yield PART.fail(device.name, text, advice)
        return
    if device.node is None:
        yield PART.ok(device.name, "is on the USB bus")
        return
    if not device.node.exists():
        advice = "give the container or the service /dev/bus/usb"
        yield PART.fail(device.name, f"is on the USB bus, but there is no {device.node}", advice)
        return
    yield PART.ok(device.name, f"{device.node} ({access_of(device.node)})")
    if device.is_pci and machine.page_bytes != _PAGE_BYTES:
        yield PART.fail(
            f"{device.name} page size",
            f"the kernel's pages have {machine.page_bytes // 1024} kB, the driver needs 4 kB",
            "write kernel=kernel8.img into /boot/firmware/config.txt and restart",
        )
    if not may_use(device.node):
        advice = _PCI_PERMISSION if device.is_pci else _USB_PERMISSION
        yield PART.fail(f"{device.name} permission", f"this user may not use {device.node}", advice)
        return
    own = machine.family(daemon) if daemon else set()
    holders = machine.holders(device.node)
    if any(holder.pid in own for holder in holders):
        yield PART.ok(f"{device.name} owner", f"in use by the running daemon (pid {daemon})")
    elif holders:
        busy = ", ".join(map(str, holders))
        yield PART.fail(f"{device.name} owner", f"in use by {busy}", "stop that program: one at a time can have it")


def _trial(config: ModelConfig, base: Path, library: str, devices: list[EdgeTpuDevice]) -> Finding:
    """Open a device in a child process, and classify one picture where there is a model for it."""
    asked_for = config.accelerator.partition(":")[2]  # usb:0
    shown = tuple(device.name for device in devices)
    if asked_for and shown and asked_for not in shown:
        text = f"model.accelerator wants {asked_for}, here is {', '.join(shown)}"
        return PART.fail("device", text, f"set model.accelerator to edgetpu:{shown[0]}, or to auto")
    names = (asked_for,) if asked_for else shown
    try:
        twin = find_twins(config.name, base).edgetpu
        model = load_model(config, base) if twin else None
    except ModelError:
        twin = model = None  # said with the model
    try:
        if twin is None or model is None:
            with Child("Edge TPU", _PROBE, {"library": library, "devices": names}, start_timeout_s=_OPEN_S):
                return _without_twin(config)
        return _classified(model, twin, library, names)
    except ChildTimeoutError:
        return PART.fail("trial", f"{library} hung, and was stopped", _REPLUG)
    except ChildDiedError as error:
        advice = f"install the build of libedgetpu that was made for this runtime; {_GUIDE}"
        how = str(error).removeprefix("Edge TPU: its process ").partition(";")[0]
        return PART.fail("trial", f"{library} and {runtime_version()} do not fit together (its process {how})", advice)
    except UnavailableError as error:
        return _unavailable(config, str(error), shown)
    except (ChildError, ModelError) as error:
        return PART.failed("trial", str(error))


def _classified(model: Model, twin: Path, library: str, names: tuple[str, ...]) -> Finding:
    picture = load_picture(resources.models() / "golden.png")
    frame = Frame("golden", time.monotonic(), picture.model_input(*model.input_size), picture)
    with EdgeTpu(model, twin, library, names) as edgetpu:
        try:
            scores = edgetpu.try_out(frame)
        except (ChildTimeoutError, UnavailableError) as error:
            how = str(error).removeprefix("Edge TPU: ").partition(";")[0]
            return PART.fail("trial", f"{edgetpu.accelerator} was opened, and failed at an inference: {how}", _REPLUG)
        return PART.ok("trial", f"{twin.name} on {edgetpu.accelerator}: {scores.inference_ms:.1f} ms an inference")


def _without_twin(config: ModelConfig) -> Finding:
    text = f"a device could be opened, but model {config.name} has no _edgetpu.tflite beside it, so the CPU is used"
    return PART.warn("trial", text, "choose a model with an Edge TPU twin: edgeclassify models list")


def _unavailable(config: ModelConfig, text: str, shown: tuple[str, ...]) -> Finding:
    if "can be opened" not in text:
        return PART.failed("trial", text)  # the library is none
    if not shown:
        return _no_device(config)
    advice = f"run this with sudo, which shows every program that has it; else {_REPLUG}"
    return PART.fail("trial", f"the kernel shows {', '.join(shown)}, and the library cannot open it", advice)


def _no_device(config: ModelConfig) -> Finding:
    if config.accelerator == "auto":
        return PART.skip("device", "none is plugged in: the CPU is used")
    return PART.fail(
        "device", "none is plugged in", f"plug it in, into a blue USB 3 port; see it with: lsusb; {_GUIDE}"
    )


def _ports(machine: Machine) -> Iterator[Finding]:
    for device in edgetpu_devices(machine):  # again: with its firmware, a USB device is another one
        if device.megabits_per_s is None:
            continue
        text = f"{device.megabits_per_s} Mb/s"
        if device.megabits_per_s < _USB3_MEGABITS_PER_S:
            advice = "plug it into a blue USB 3 port, with the cable that came with it"
            yield PART.warn(
                f"{device.name} port", f"{text}: a USB 2 port or cable, so each inference takes longer", advice
            )
        else:
            yield PART.ok(f"{device.name} port", f"{text}: USB 3")
