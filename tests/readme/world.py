"""The machine of somebody who has just found the project; README.md beside this tells what there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.broker import Broker
from tests.readme import pictures
from tests.readme.document import Configuration
from tests.readme.terminal import Terminal

PROJECT = Path(__file__).parents[2]
_PASSWORD = "kept by the test"
_CAPTURE = re.compile(r"edgeclassify learn capture (\w+)")
_SHOWN = 60  # pictures that the camera sees of one thing


def clone_of_this(home: Path) -> Path:
    """A clone of what is committed here."""
    clone = home / "edgeclassify"
    subprocess.run(["git", "clone", "--quiet", PROJECT, clone], check=True)
    return clone


class World:
    """Where a README's commands run, one after another, in `terminal`.

    Args:
        home: an empty folder.
        shared: models and pictures that stand for the internet's.
        broker: runs, and lets in whom `configure` names.
    """

    def __init__(self, home: Path, shared: Path, broker: Broker) -> None:
        self._home = home
        self._broker = broker
        self.clone = clone_of_this(home)
        self._seen = home / "seen by the camera"
        self._login = ""
        self._git()
        pictures.show("cat", self._seen, _SHOWN)
        self._populate(self.clone)
        memory = home / ".memory"
        memory.mkdir()
        self.terminal = Terminal(self.clone, memory, self._variables(shared))

    def configure(self, configuration: Configuration) -> None:
        """Write a configuration as README.md has it, with cameras and a broker that exist."""
        folder = self._home / "porch"
        self._populate(folder)
        config: dict[str, Any] = yaml.safe_load(configuration.text)
        for camera in config["cameras"].values():
            camera |= {"source": str(self._seen), "picture_seconds": 0.2}
        mqtt = config.setdefault("mqtt", {})
        mqtt |= {"host": self._broker.host, "port": self._broker.port}
        if user := mqtt.get("username"):
            self._broker.set_users({user: _PASSWORD})
            self._broker.restart()
            secret = folder / mqtt.get("password_file", "mqtt-password.txt")
            secret.write_text(f"{_PASSWORD}\n")
            secret.chmod(0o600)
            self._login = f"--username {user} --password-file {secret}"
        (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self._tell_mosquitto_clients(mqtt.get("username", ""))
        self.terminal.go_to(folder)

    @property
    def answers(self) -> str:
        """What a person would answer to `setup`; the file is printed, since the clone's own is in the way."""
        where = f"--host {self._broker.host} --port {self._broker.port}"
        return f"--yes --offline --dry-run --source '{self._seen}' {where} {self._login}".strip()

    def prepare_for(self, command: str) -> None:
        """Do what a person does before typing it: hold the thing in front of the camera."""
        if found := _CAPTURE.search(command):
            shutil.rmtree(self._seen)
            pictures.show(found[1], self._seen, _SHOWN)

    def _populate(self, folder: Path) -> None:
        """Lay out the files that README.md names."""
        folder.mkdir(exist_ok=True)
        pictures.one("chelsea.png", folder / "photo.jpg")
        shutil.copy(PROJECT / "models/starter.tflite", folder / "FILE.tflite")
        shutil.copy(PROJECT / "models/starter.txt", folder / "FILE.txt")
        pictures.show("fox", folder, 6, "fox-")
        for label in ("cat", "background"):
            pictures.show(label, folder / "photos" / label, 6)
        for name in ("parcel", "none"):
            pictures.show(name, folder / "pictures" / name, 12, "before-")

    def _git(self) -> None:
        """Let any address that README.md clones be this checkout."""
        (self._home / ".gitconfig").write_text(f'[url "file://{PROJECT}"]\n\tinsteadOf = https://github.com/\n')

    def _tell_mosquitto_clients(self, user: str) -> None:
        options = [f"-h {self._broker.host}", f"-p {self._broker.port}"]
        options += [f"-u {user}", f"-P {_PASSWORD}"] if user else []
        settings = self._home / ".config"
        settings.mkdir(exist_ok=True)
        for program in ("mosquitto_sub", "mosquitto_pub"):
            (settings / program).write_text("\n".join(options) + "\n")

    def _variables(self, shared: Path) -> dict[str, str]:
        ours = ("PYTHON", "VIRTUAL_ENV", "EDGECLASSIFY_", "XDG_", "PYTEST_", "COV_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours) and name != "CI"}
        path = [place for place in os.environ["PATH"].split(":") if Path(place) != Path(sys.executable).parent]
        return kept | {
            "HOME": str(self._home),
            "PATH": ":".join([str(self.clone / ".venv/bin"), *path, "/usr/sbin"]),
            "EDGECLASSIFY_MIRROR": str(shared / "models"),
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "120",
        }
