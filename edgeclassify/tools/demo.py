"""`edgeclassify demo`: the real daemon with a private broker and the best camera there is."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from edgeclassify import resources
from edgeclassify.errors import InputError, UnavailableError
from edgeclassify.resources import GOOD_MODEL
from edgeclassify.tools.broker import background, private_broker

SAMPLE_PICTURES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
"""Photographs inside the package scikit-image."""
NODE = "demo"

# A slide show is over quickly: settings that show something on every slide.
_SLIDE_EVENTS = {"thresholds": {"*": 0.40}, "gone_after_seconds": 1, "cooldown_seconds": 0}
_SLIDE_SECONDS = 3


@dataclass(frozen=True)
class Source:
    """Where the demo's frames come from."""

    source: str
    about: str
    """For people: `4 sample pictures`."""
    slides: bool


@dataclass(frozen=True)
class Demo:
    """A demo that runs."""

    config: Path
    source: Source
    model: str
    hints: tuple[str, ...]
    """What to try next."""
    daemon_failure: Callable[[], str | None]
    """What the daemon said when it ended by itself; None while it runs."""
    daemon_warnings: Callable[[], list[str]]
    """What the daemon has warned of since the last call, lines of its log."""


@contextmanager
def running_demo(pictures: Path | None, camera: str | None) -> Iterator[Demo]:
    """Run broker and daemon until the block is left; nothing stays behind.

    Args:
        pictures: a folder to show in place of a camera.
        camera: the `source:` of the best camera of this machine, if there is one.

    Raises:
        InputError: `pictures` is not a folder.
        UnavailableError: there is neither camera nor picture, or no broker.
    """
    with tempfile.TemporaryDirectory(prefix="edgeclassify-demo-") as name:
        folder = Path(name)
        source = _source(pictures, camera, folder / "pictures")
        model = GOOD_MODEL if (resources.pulled_models() / f"{GOOD_MODEL}.tflite").is_file() else "starter"
        with private_broker(folder) as port:
            config = folder / "config.yaml"
            config.write_text(yaml.safe_dump(_config(source, model, port, folder)), encoding="utf-8")
            command = [sys.executable, "-m", "edgeclassify", "run", "-c", str(config)]
            log = folder / "daemon.log"
            with background(command, log) as daemon:

                def failure() -> str | None:
                    if daemon.poll() is None:
                        return None
                    said = "\n".join(log.read_text(errors="replace").strip().splitlines()[-8:])
                    return f"the daemon ended with exit code {daemon.returncode}; it said:\n{said}"

                warnings = _warnings(log, f"broker 127.0.0.1:{port}:")
                yield Demo(config, source, model, _hints(model, port), failure, warnings)


def _warnings(log: Path, broker: str) -> Callable[[], list[str]]:
    """Return what reads new warnings; none of the private broker: nobody can mend it, and the watcher tells of it."""
    read = 0

    def news() -> list[str]:
        nonlocal read
        lines = log.read_text(errors="replace").splitlines(keepends=True)
        whole = [line.rstrip() for line in lines[read:] if line.endswith("\n")]
        read += len(whole)
        return [line for line in whole if (" WARNING " in line or " ERROR " in line) and broker not in line]

    return news


def _hints(model: str, port: int) -> tuple[str, ...]:
    see = f"see every message in another terminal: mosquitto_sub -p {port} -v -t 'edgeclassify/#'"
    faults = "break everything on purpose, and see that no event is lost: edgeclassify demo --faults"
    if model != "starter":
        return see, faults
    about = "the starter model is for trying it out, and errs; a good one: edgeclassify models pull"
    return (f"{about} {GOOD_MODEL}", see, faults)


def stop_on_sigterm() -> None:
    """Let SIGTERM end the demo as Ctrl-C does: in order."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _source(pictures: Path | None, camera: str | None, folder: Path) -> Source:
    if pictures is not None:
        if not pictures.is_dir():
            raise InputError(f"{pictures}: not a folder; give one with pictures: --pictures DIR")
        return Source(str(pictures.resolve()), f"the pictures in {pictures}", slides=True)
    if camera:
        return Source(camera, f"the camera {camera}", slides=False)
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise UnavailableError(
            "no camera found and no sample pictures; connect a camera, give a folder with --pictures DIR, "
            "or run: pip install 'edgeclassify[demo]'"
        )
    folder.mkdir()
    data = Path(spec.origin).parent / "data"
    for name in SAMPLE_PICTURES:
        if (data / name).is_file():
            (folder / name).symlink_to(data / name)
    return Source(str(folder), f"{len(list(folder.iterdir()))} sample pictures, since there is no camera", slides=True)


def _config(source: Source, model: str, port: int, folder: Path) -> dict[str, Any]:
    camera: dict[str, Any] = {"source": source.source}
    events: dict[str, Any] = {"groups": "home"}
    if source.slides:
        camera["picture_seconds"] = _SLIDE_SECONDS
        events |= _SLIDE_EVENTS
    return {
        "node": NODE,
        "state_dir": str(folder / "state"),
        "model": {"name": model},
        "cameras": {"camera": camera},
        "events": events,
        # amqtt knows only MQTT 3.1.1, and gives up on a client of MQTT 5 after its keepalive.
        "mqtt": {"host": "127.0.0.1", "port": port, "keepalive_seconds": 5},
    }
