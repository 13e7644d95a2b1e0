"""The whole daemon as a process of its own, on a real broker, with a model whose answers are known in advance."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from PIL import Image

from tests.inference.tiny_models import classifier
from tests.waiting import wait_until

NODE = "hut"
ROOT = f"edgeclassify/{NODE}"

AT_ONCE: dict[str, Any] = {
    "thresholds": {"*": 0.60},
    "smoothing_seconds": 0,
    "appear_after_seconds": 0,
    "gone_after_seconds": 0,
    "cooldown_seconds": 0,
    "ignore": [],
}
"""A section `events` that decides on every single frame."""

COLOURS = ("red", "green", "blue")
NOTHING = (60, 60, 60)
"""A colour that is no answer."""


def colour_of(number: int, strength: int = 230) -> tuple[int, int, int]:
    """The colour that the model of three labels takes for its label `number`; strength / 255 is the score."""
    return tuple(strength if channel == number else 0 for channel in range(3))  # type: ignore[return-value]


def write_model(folder: Path, labels: Sequence[str] = COLOURS, name: str = "colours") -> Path:
    """A model that looks at one pixel for every three labels: how red, green and blue it is are their scores."""
    count = -(-len(labels) // 3) * 3
    model = folder / f"{name}.tflite"
    model.write_bytes(classifier(count, dtype="uint8", scale=1 / 255, softmax=False))
    lines = [*labels, *(f"unused {number}" for number in range(count - len(labels)))]
    model.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return model


def write_pictures(folder: Path, *colours: tuple[int, int, int], size: tuple[int, int] = (16, 16)) -> Path:
    """A folder of pictures, shown in this order."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, colour in enumerate(colours):
        Image.new("RGB", size, colour).save(folder / f"{number}.png")
    return folder


def answer_pictures(folder: Path, labels: int, answers: Sequence[int]) -> Path:
    """A folder of pictures for a model of many labels: each shows one answer."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, answer in enumerate(answers):
        picture = Image.new("RGB", (-(-labels // 3), 1))
        picture.putpixel((answer // 3, 0), colour_of(answer % 3))
        picture.save(folder / f"{number}.png")
    return folder


def slides(folder: Path, picture_seconds: float = 0.5, **more: Any) -> dict[str, Any]:
    """A camera's section that shows a folder of pictures."""
    return {"source": str(folder), "picture_seconds": picture_seconds, "frames_per_second": 20, "fit": "squash"} | more


def environment(folder: Path) -> dict[str, str]:
    """That of a user who has set nothing; `folder` is the home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EDGECLASSIFY_", "XDG_"))}
    for key in ("JOURNAL_STREAM", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC"):
        kept.pop(key, None)
    return kept | {"HOME": str(folder), "PYTHONUNBUFFERED": "1"}


def edgeclassify(*arguments: object, python: str | Path = sys.executable) -> list[str]:
    """The command line of one command."""
    return [str(python), "-m", "edgeclassify", *map(str, arguments)]


def run_to_end(
    folder: Path, *arguments: object, timeout_s: float = 40, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run one command in `folder` until it ends by itself; `more` are variables of its environment."""
    return subprocess.run(
        edgeclassify(*arguments),
        cwd=folder,
        env=environment(folder) | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


class Background:
    """A command that runs from `start` to `stop`; entered it runs, left it is killed. It never says a traceback."""

    def __init__(self, folder: Path, *arguments: object, name: str = "command") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.prefix: list[str] = []
        """A command that becomes this one, like `ip netns exec NAME`."""
        self.python: str | Path = sys.executable
        self.arguments = list(map(str, arguments))
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        assert "Traceback" not in self.said(), self.said()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.prefix, *edgeclassify(*self.arguments, python=self.python)],
                cwd=self.folder,
                env=environment(self.folder) | self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def children(self) -> list[int]:
        """The processes that it has started, as long as they run."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [int(pid) for pid in "".join(file.read_text() for file in tasks.glob("*/children")).split()]

    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def wait_for(self, text: str, times: int = 1, timeout_s: float = 20.0) -> None:
        """Wait until it has said `text` so many times."""
        try:
            wait_until(lambda: self.said().count(text) >= times or self.process.poll() is not None, timeout_s)
            assert self.said().count(text) >= times
        except AssertionError:
            pytest.fail(f"it did not say {text!r} {times} times; it said:\n{self.said()}")

    def end(self, timeout_s: float = 20.0) -> int:
        """Wait until it has ended by itself; return its exit code."""
        return self.process.wait(timeout_s)

    def stop(self, number: int = signal.SIGTERM, within_s: float = 5.0) -> int:
        """Send a signal and return the exit code; it must be over in time."""
        started_s = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(20)
        took_s = time.monotonic() - started_s
        assert took_s < within_s, f"it took {took_s:.1f} s to stop:\n{self.said()}"
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Daemon(Background):
    """`edgeclassify run` of node `hut`.

    Args:
        folder: a folder of its own; holds config.yaml, the model unless `sections` names one, and the state.
        port: the broker's.
        cameras: the section of that name; its first is usually `porch`.
        sections: more of the configuration; a dictionary is merged over what is here.
    """

    def __init__(self, folder: Path, port: int, cameras: dict[str, Any], **sections: Any) -> None:
        super().__init__(folder, "run", "-c", folder / "config.yaml", name="daemon")
        self.config: dict[str, Any] = {
            "node": NODE,
            "state_dir": "state",
            "model": {"name": "colours.tflite", "scores": "probabilities"},
            "cameras": cameras,
            "events": copy.deepcopy(AT_ONCE),  # tests change it
            "mqtt": {"host": "127.0.0.1", "port": port, "keepalive_seconds": 5, "health_seconds": 1},
        }
        for key, value in sections.items():
            both = isinstance(value, dict) and key in self.config
            self.config[key] = self.config[key] | value if both else value
        if not (folder / "colours.tflite").exists():
            write_model(folder)
        self.write_config()

    def write_config(self) -> None:
        text = yaml.safe_dump(self.config, allow_unicode=True)
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")

    @property
    def outbox(self) -> Path:
        return self.folder / "state/outbox.db"

    @property
    def outbox_bytes(self) -> int:
        """How much it has written of events, as long as SQLite's log was not folded back (4 MB)."""
        log = self.outbox.with_name("outbox.db-wal")
        return log.stat().st_size if log.exists() else 0
