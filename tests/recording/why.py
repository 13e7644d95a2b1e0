"""Writes docs/why.svg: `edgeclassify watch --why` beside a daemon with two cameras. `python -m tests.recording.why`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import skimage
import yaml

from edgeclassify.resources import GOOD_MODEL, local_models
from tests.broker import Broker
from tests.recording.recorder import record
from tests.running import Background

_TARGET = Path(__file__).parents[2] / "docs/why.svg"
_PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
_SEEN = {"porch": ("chelsea.png", "astronaut.png"), "table": ("coffee.png", "rocket.jpg")}
_TYPED = "edgeclassify watch --why"
_SECONDS = 14  # both cameras have shown both of their pictures


def main() -> int:
    """Run it all in a folder that nobody sees."""
    with tempfile.TemporaryDirectory(prefix="edgeclassify-why-") as name:
        folder = Path(name)
        with Broker(folder / "broker") as broker:
            config = _configure(folder, broker.port)
            daemon = Background(folder, "run", "-c", config)
            daemon.variables = {"EDGECLASSIFY_MODELS": str(local_models()[GOOD_MODEL].parent)}
            with daemon:
                daemon.wait_for("ready: ")
                command = [sys.executable, "-m", "edgeclassify", "watch", "--why", "-c", str(config)]
                picture, code = record(command, _TYPED, 100, 22, _SECONDS)
    _TARGET.write_text(picture, encoding="utf-8")
    return code


def _configure(folder: Path, port: int) -> Path:
    cameras = {}
    for camera, names in _SEEN.items():
        (folder / camera).mkdir()
        for photograph in names:
            (folder / camera / photograph).symlink_to(_PHOTOGRAPHS / photograph)
        cameras[camera] = {"source": camera, "picture_seconds": 5}
    config = folder / "config.yaml"
    sections = {
        "node": "hut",
        "state_dir": "state",
        "model": {"name": GOOD_MODEL},
        "cameras": cameras,
        "events": {"groups": "home", "gone_after_seconds": 2, "cooldown_seconds": 0},
        "mqtt": {"host": "127.0.0.1", "port": port},
    }
    config.write_text(yaml.safe_dump(sections), encoding="utf-8")
    return config


if __name__ == "__main__":
    raise SystemExit(main())
