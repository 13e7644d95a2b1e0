"""What the benchmarks have in common: a recording, the real daemon beside a real broker, and what it costs."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import queue
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import av
import numpy as np
import paho.mqtt.client as paho
import skimage
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image
from relay import Relay

from edgeclassify import resources
from edgeclassify.resources import GOOD_MODEL
from edgeclassify.tools.broker import background, private_broker

SHARED = Path(__file__).resolve().parents[3] / "shared"
NODE = "bench"
CAMERA = "camera"

_SIZE = (640, 480)
_IN_PLACE_OF = {"parrot.jpg": "astronaut.png", "sunflower.bmp": "coffee.png", "cat.bmp": "chelsea.png"}
_RATE = 25
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Arrival:
    """A message of the daemon and when it arrived, on the clocks of this machine."""

    topic: str
    payload: bytes
    monotonic_s: float
    wall_s: float

    @property
    def fields(self) -> dict[str, Any]:
        return json.loads(self.payload)


class Daemon:
    """`edgeclassify run` in a process of its own, heard at its broker."""

    def __init__(
        self, process: Popen[bytes], started_s: float, arrivals: queue.SimpleQueue[Arrival], log: Path
    ) -> None:
        self.started_s = started_s
        """`time.monotonic()` seconds."""
        self._process = process
        self._arrivals = arrivals
        self._log = log

    def next(self, topic: str, wanted: Callable[[Arrival], object] = bool, timeout_s: float = 60.0) -> Arrival:
        """Wait for a message on `<base>/<node>/<topic>`; what came on others is skipped."""
        deadline_s = time.monotonic() + timeout_s
        while self._process.poll() is None:
            try:
                arrival = self._arrivals.get(timeout=max(0.01, min(0.5, deadline_s - time.monotonic())))
            except queue.Empty:
                if time.monotonic() < deadline_s:
                    continue
                break
            if arrival.topic == f"edgeclassify/{NODE}/{topic}" and wanted(arrival):
                return arrival
        raise SystemExit(f"the daemon sent nothing on {topic}; its log:\n{self._log.read_text()}")

    def cpu_s(self) -> float:
        """Return the CPU seconds of all its threads so far, and of its child processes that have ended."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS_PER_S

    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def running_daemon(config: Mapping[str, Any], relay: Relay | None = None) -> Iterator[Daemon]:
    """Run the daemon with a broker of its own, and everything it writes in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with private_broker(folder) as port, _listening(port) as arrivals:
            file = folder / "config.yaml"
            if relay:
                relay.start(port)
            mqtt = {"host": "127.0.0.1", "port": relay.port if relay else port, "health_seconds": 1}
            file.write_text(yaml.safe_dump({"node": NODE, "state_dir": "state", "mqtt": mqtt, **config}))
            command = [sys.executable, "-m", "edgeclassify", "run", "-c", str(file)]
            log = folder / "daemon.log"
            started_s = time.monotonic()
            with background(command, log) as process:
                yield Daemon(process, started_s, arrivals, log)


@contextmanager
def _listening(port: int) -> Iterator[queue.SimpleQueue[Arrival]]:
    arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    subscribed: queue.SimpleQueue[None] = queue.SimpleQueue()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: arrivals.put(
        Arrival(message.topic, message.payload, time.monotonic(), time.time())
    )
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.connect("127.0.0.1", port)
    client.subscribe("edgeclassify/#", qos=1)
    client.loop_start()
    subscribed.get(timeout=10)
    try:
        yield arrivals
    finally:
        client.disconnect()
        client.loop_stop()


def make_video(
    path: Path, seconds: float = 10, bits_per_second: int = 512_000, frames: Iterator[np.ndarray] | None = None
) -> None:
    """Write 640 x 480 H.264 at 25 frames/s; by default something moves through a still picture under sensor noise.

    512 kbit/s is what network cameras send at this size, as they come from the shop. What decoding costs grows
    with the bits.
    """
    with av.open(str(path), "w") as file:
        # Without B-frames, which delay: cameras send none.
        stream = file.add_stream("libx264", rate=_RATE, options={"preset": "veryfast", "g": "50", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *_SIZE, "yuv420p", bits_per_second
        for pixels in itertools.islice(frames or _scene(), round(seconds * _RATE)):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")))
        file.mux(stream.encode(None))


def picture(name: str, size: tuple[int, int]) -> np.ndarray:
    """Return a picture, shape (height, width, 3), float32: of the folder shared, else a photograph of scikit-image."""
    path = SHARED / "images" / name
    if not path.is_file():
        path = Path(skimage.__file__).parent / "data" / _IN_PLACE_OF[name]
    return np.asarray(Image.open(path).convert("RGB").resize(size), np.float32)


def _scene() -> Iterator[np.ndarray]:
    background, moving = picture("parrot.jpg", _SIZE), picture("sunflower.bmp", (160, 160))
    noises = np.random.default_rng(0).normal(0, 2, (8, _SIZE[1], _SIZE[0], 1))
    for number in itertools.count():
        shown = background.copy()
        left, top = int(240 + 240 * np.sin(number / 20)), int(160 + 60 * np.cos(number / 13))
        shown[top : top + 160, left : left + 160] = moving
        yield (shown + noises[number % 8]).clip(0, 255).astype(np.uint8)


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with what all benchmarks take."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    default = resources.local_models().get(GOOD_MODEL, SHARED / f"models/{GOOD_MODEL}.tflite")
    made.add_argument("--model", type=_file, default=str(default), help="a .tflite file")
    return made


def _file(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{path}: no such file; run: edgeclassify models pull {GOOD_MODEL}")
    return path


def machine() -> str:
    """Return one line on this machine and how busy it is."""
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load before: {load}"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median and what it lies between: `0.97 (0.95-0.99)`."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
