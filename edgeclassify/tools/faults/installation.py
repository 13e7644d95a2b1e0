"""What is broken: a broker, a daemon and a stand-in Edge TPU, and a subscriber that watches them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from edgeclassify.config.reader import load_config
from edgeclassify.errors import EdgeClassifyError, UnavailableError
from edgeclassify.mqtt.database import reading
from edgeclassify.tools.broker import background, free_port, mosquitto_command, wait_for_broker
from edgeclassify.tools.faults.stand_in import StandIn, build_library
from edgeclassify.tools.faults.tally import Key, Tally
from edgeclassify.tools.foreign import parse
from edgeclassify.tools.subscription import Subscription

NODE = "demo"
_COLOURS = [(230, 0, 0), (0, 230, 0), (0, 0, 230)]
_CAMERAS = ("porch", "yard", "attic")
_PICTURE_S = 0.4
_AT_ONCE = {
    "thresholds": {"*": 0.6}, "smoothing_seconds": 0, "appear_after_seconds": 0, "gone_after_seconds": 0,
    "cooldown_seconds": 0, "ignore": [],
}  # fmt: skip


class Program:
    """A program that can be ended, killed and begun again."""

    def __init__(self, begin: Callable[[], AbstractContextManager[subprocess.Popen[bytes]]]) -> None:
        self._begin = begin
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin it."""
        self._process = self._running.enter_context(self._begin())

    def stop(self) -> None:
        """End it in order; nothing happens if it does not run."""
        self._process = None
        self._running.close()

    def kill(self) -> None:
        """End it with -9."""
        self.send(signal.SIGKILL)
        self.stop()

    def send(self, number: int) -> None:
        """Send it a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    @property
    def died_with(self) -> int | None:
        """Its exit code when it has ended by itself."""
        return None if self._process is None else self._process.poll()


class Installation:
    """All of it, in `folder`; made by `installation`."""

    def __init__(self, folder: Path, mosquitto: Callable[[], AbstractContextManager[subprocess.Popen[bytes]]]) -> None:
        self.broker = Program(mosquitto)
        self.daemon = Program(self._begin_daemon)
        self.tally = Tally()
        self.edgetpu: StandIn | None = None
        """None without a C compiler."""
        self.subscriber: Subscription
        self._folder = folder

    def _begin_daemon(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "edgeclassify", "run", "-c", str(self._folder / "config.yaml")]
        variables = self.edgetpu.variables if self.edgetpu else {}
        return background(command, self._folder / "daemon.log", variables)

    def next_event(self) -> Mapping[str, Any] | None:
        """Return what arrived next, counted; None when nothing came for a moment.

        Raises:
            EdgeClassifyError: the daemon ended, and nobody had killed it.
        """
        if (code := self.daemon.died_with) is not None:
            said = "\n".join((self._folder / "daemon.log").read_text(errors="replace").strip().splitlines()[-8:])
            raise EdgeClassifyError(f"demo: the daemon ended with exit code {code}; it said:\n{said}")
        arrival = self.subscriber.next()
        event = parse(arrival.payload) if arrival is not None and arrival.topic else None
        if event is None:
            return None
        try:
            self.tally.arrived(event)
        except (KeyError, TypeError, ValueError):  # somebody else publishes here
            return None
        return event

    def read_outbox(self) -> set[Key]:
        """Return the events that wait there; note how many were accepted."""
        with reading(self._folder / "state/outbox.db") as database:
            epoch, last_id = database.execute("SELECT epoch, last_id FROM meta").fetchone()
            waiting = set(database.execute("SELECT epoch, id FROM events").fetchall())
        self.tally.accepted(epoch, last_id)
        return waiting


@contextmanager
def installation() -> Iterator[Installation]:
    """Run all until the block is left; nothing stays behind.

    Raises:
        UnavailableError: there is no mosquitto, or it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="edgeclassify-demo-") as name, ExitStack() as running:
        folder, port = Path(name), free_port()
        # On disk, so that what the broker keeps for the subscriber outlives the broker.
        persistence = ["persistence true", f"persistence_location {folder}/", "autosave_interval 1"]
        persistence += ["max_queued_messages 0", "max_inflight_messages 0"]
        command = mosquitto_command(folder, port, persistence)
        if command is None:
            raise UnavailableError("demo --faults needs the mosquitto broker; run: sudo apt install mosquitto")
        made = Installation(folder, lambda: _mosquitto(command, port, folder / "broker.log"))
        running.callback(made.broker.stop)
        made.broker.start()
        library = build_library(folder)
        made.edgetpu = StandIn(folder) if library else None
        if made.edgetpu:
            made.edgetpu.plug()
        _write_config(folder, port, library)
        mqtt = load_config(folder / "config.yaml").config.mqtt
        topics = [f"{mqtt.base_topic}/{NODE}/+/event"]
        made.subscriber = running.enter_context(Subscription(mqtt, folder, topics, f"observer-{os.getpid()}"))
        running.callback(made.daemon.stop)
        made.daemon.start()
        yield made


@contextmanager
def _mosquitto(command: list[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with background(command, log, last_signal="KILL") as broker:
        wait_for_broker(broker, port, log)
        yield broker


def _write_config(folder: Path, port: int, library: Path | None) -> None:
    cameras = {}
    for number, camera in enumerate(_CAMERAS):
        pictures = folder / camera
        pictures.mkdir()
        for shown in range(len(_COLOURS)):
            Image.new("RGB", (16, 16), _COLOURS[(shown + number) % len(_COLOURS)]).save(pictures / f"{shown}.png")
        seconds = _PICTURE_S + 0.03 * number  # each at its own pace: decisions come evenly
        cameras[camera] = {"source": str(pictures), "picture_seconds": seconds, "frames_per_second": 20}
    model = {"name": str(Path(__file__).with_name("colours.tflite")), "scores": "probabilities", "accelerator": "cpu"}
    if library:
        model |= {"accelerator": "edgetpu", "edgetpu_library": str(library)}
    config = {
        "node": NODE, "state_dir": str(folder / "state"), "model": model, "cameras": cameras, "events": _AT_ONCE,
        "mqtt": {"host": "127.0.0.1", "port": port, "keepalive_seconds": 5},
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
