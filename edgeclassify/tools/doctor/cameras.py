"""One camera: present, permission, owner; frames come, what they look like, how many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgeclassify.cameras import Camera, NoFrameError, open_camera
from edgeclassify.cameras.discovery import auto_source
from edgeclassify.config.sections import CameraConfig
from edgeclassify.errors import CameraError
from edgeclassify.records import Picture, Pixels
from edgeclassify.tools.doctor.findings import Finding, Part
from edgeclassify.tools.doctor.machine import Machine, access_of, may_use

_SIZE = (224, 224)
_FIRST_FRAME_S = 20.0  # a Pi camera takes seconds to start, a stream waits for its next key frame
_SLICE_S = 1.0
_WATCH_S = 2.0
_BLACK, _DARK, _SAME_GREY, _ONE_COLOUR = 8, 30, 2, 1.5
"""Of 255: the brightest of a black picture, the mean of a dark one, how far the channels of a grey one are apart,
how much a covered lens varies."""
_ENOUGH = 0.8


def check_camera(
    name: str, config: CameraConfig, base: Path, machine: Machine, daemon: int | None
) -> Iterator[Finding]:
    """Yield what is to be said of one camera, up to the first failure."""
    part = Part(f"camera {name}")
    try:
        source = auto_source(name) if config.source == "auto" else config.source
    except CameraError as error:
        yield part.failed("present", str(error))
        return
    if config.source == "auto":
        yield part.ok("present", f"auto is now {source}")
    nodes = _nodes(source, machine)
    if source.startswith("/dev/"):
        present = _present(part, source, nodes[0])
        yield present
        if present.status == "fail":
            return
    if used := _use_by_daemon(part, nodes, machine, daemon):
        yield used
        return
    try:
        with open_camera(name, config.model_copy(update={"source": source}), _SIZE, base) as camera:
            yield from _frames(part, camera, config)
    except CameraError as error:
        yield part.failed("frames", str(error))
        # Only now: a desktop's media server has every camera open, and gives way.
        if holders := [str(holder) for node in nodes for holder in machine.holders(node)]:
            others = ", ".join(dict.fromkeys(holders))
            yield part.warn("owner", f"it is open in {others}", "stop that program: one at a time can have a camera")


def _nodes(source: str, machine: Machine) -> list[Path]:
    """Return the device files that somebody who uses this camera has open."""
    if source.startswith("/dev/"):
        return [machine.root / source.lstrip("/")]
    if source.split(":")[0] == "picamera":
        return sorted((machine.root / "dev").glob("media[0-9]*"))
    return []


def _present(part: Part, source: str, device: Path) -> Finding:
    if not device.exists():
        advice = "plug it in, or set source to one of: edgeclassify cameras"
        return part.fail("present", f"{source} is not there", advice)
    if not may_use(device):
        advice = "run: sudo adduser $USER video, and log in again (for the service: sudo adduser edgeclassify video)"
        return part.fail("permission", f"{source} may not be used by this user ({access_of(device)})", advice)
    return part.ok("present", f"{source} ({access_of(device)})")


def _use_by_daemon(part: Part, nodes: list[Path], machine: Machine, daemon: int | None) -> Finding | None:
    """Return that the running daemon has this camera; None when it has not, or needs it not for itself alone."""
    if daemon is None or not nodes:
        return None
    if not machine.may_look_into(daemon):
        return part.skip("frames", "probably in use by the running daemon; run with sudo to be sure")
    family = machine.family(daemon)
    if any(holder.pid in family for node in nodes for holder in machine.holders(node)):
        return part.ok("frames", f"in use by the running daemon (pid {daemon})")
    return None


def _frames(part: Part, camera: Camera, config: CameraConfig) -> Iterator[Finding]:
    started_s = time.monotonic()
    picture = _first(camera, started_s + _FIRST_FRAME_S)
    yield part.ok("frames", f"the first came after {time.monotonic() - started_s:.1f} s ({camera.description})")
    rate = None
    if camera.live:
        rate, picture = _watch(camera, picture)
    yield judged(part, picture.model_input(*_SIZE))
    if rate is None:
        yield part.skip("rate", "it is read when a frame is wanted")
    elif rate < _ENOUGH * config.frames_per_second:
        wanted = f"{rate:.1f} frames/s, {config.frames_per_second:g} are wanted"
        yield part.warn(
            "rate", wanted, "more light (a camera exposes longer in the dark), a smaller size, or a better network"
        )
    else:
        yield part.ok("rate", f"{rate:.1f} frames/s")


def _first(camera: Camera, deadline_s: float) -> Picture:
    while True:
        try:
            return camera.read(_SLICE_S)
        except NoFrameError:
            if time.monotonic() >= deadline_s:
                raise


def _watch(camera: Camera, newest: Picture) -> tuple[float, Picture]:
    """Return frames per second, and a frame for which the exposure had time to settle."""
    started_s = time.monotonic()
    count = 0
    while (left_s := started_s + _WATCH_S - time.monotonic()) > 0:
        try:
            newest = camera.read(left_s)
        except NoFrameError:
            break
        count += 1
    return count / _WATCH_S, newest


def judged(part: Part, pixels: Pixels) -> Finding:
    """Judge a picture as the model sees it, shape (height, width, 3)."""
    values = pixels.astype(np.int16)
    brightest, mean = int(values.max()), float(values.mean())
    channels_apart = float((values.max(axis=2) - values.min(axis=2)).mean())
    if brightest <= _BLACK:
        return part.warn(
            "picture", "all black", "take the cover off, switch on a light, and look: edgeclassify cameras --save DIR"
        )
    if float(values.std(axis=(0, 1)).max()) < _ONE_COLOUR:
        return part.warn("picture", "one single colour", "is the lens covered? look: edgeclassify cameras --save DIR")
    if mean < _DARK:
        return part.warn(
            "picture", f"very dark (mean {mean:.0f} of 255)", "give it light; models were trained in daylight"
        )
    if channels_apart < _SAME_GREY:
        return part.warn(
            "picture", "without colours", "infrared at night? Models were trained with colours and do worse"
        )
    return part.ok("picture", f"colours and brightness are plausible (mean {mean:.0f} of 255)")
