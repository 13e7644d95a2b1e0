"""A place to do something wrong at, for real, and what is said there, without this machine's paths and ports."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from edgeclassify.cli import run_command
from tests.running import Background, edgeclassify, environment
from tests.waiting import wait_until

RUNS_ON = "runs on"
_LOG_TIME = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)
_DAEMON_S = 30
_OF_THE_MOMENT = (
    (r"\.[0-9a-f]{12}\.part", ".part"),  # made of the address, and so of a free port
    (r"\d{8}T\d{6}Z", "20260101T000000Z"),
    (r"its last words: .*?; the CPU", "its last words: ...; the CPU"),  # where in the source it was
    (r"\(stand-in: .*?\.\)", "(...)"),  # what the stand-in says, no real library does
)


@dataclass(frozen=True)
class Said:
    """What something said, and its exit code, or that it runs on."""

    text: str
    code: int | str

    def only(self, *words: str) -> Said:
        """Leave out the lines that have none of these words."""
        lines = [line for line in self.text.splitlines() if any(word in line for word in words)]
        return Said("\n".join(lines), self.code)


class Desk:
    """An empty folder, in which commands run; `folder` is the home too.

    Args:
        folder: empty.
        shared: models that the project does not bring.
    """

    def __init__(self, folder: Path, shared: Path) -> None:
        self.folder = folder
        self.shared = shared
        self._ports: dict[int, int] = {}
        self._paths: dict[str, str] = {}

    def write(self, name: str, content: str | bytes = b"") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def configure(self, **sections: Any) -> None:
        self.write("config.yaml", yaml.safe_dump(sections, allow_unicode=True))

    def call_port(self, port: int, shown: int = 1883) -> int:
        """Show a port of this machine as a usual one."""
        self._ports[port] = shown
        return port

    def call_path(self, path: Path, shown: str) -> None:
        """Show a path of this machine as another."""
        self._paths[str(path)] = shown

    def run(self, *arguments: object, **variables: str) -> Said:
        """Run a command to its end: its errors, or if there are none all that it said."""
        output, errors = io.StringIO(), io.StringIO()
        with self._here(variables), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = run_command(list(map(str, arguments)))
        failed = "edgeclassify: " in errors.getvalue()
        return Said(self._plain(errors.getvalue() + ("" if failed else output.getvalue())), code)

    def process(self, *arguments: object, prefix: Sequence[str] = ()) -> Said:
        """The same in a process of its own."""
        ran = subprocess.run(
            [*prefix, *edgeclassify(*arguments)],
            cwd=self.folder,
            env=environment(self.folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Said(self._plain(ran.stderr or ran.stdout), ran.returncode)

    def somebody(self, *arguments: object) -> Said:
        """The same as a user who is not root, also where the test is."""
        strange = ["unshare", "--user"]
        if os.geteuid() == 0 and subprocess.run([*strange, "true"], capture_output=True).returncode != 0:
            pytest.skip("cannot run here: root cannot be somebody else")
        return self.process(*arguments, prefix=strange if os.geteuid() == 0 else [])

    def daemon(
        self, wanted: str, *, when: str = "", then: Callable[[Background], object] = lambda _: None, **variables: str
    ) -> Said:
        """Run the daemon until it has logged `wanted`; give these lines.

        Args:
            wanted: part of a line.
            when: what it logs first.
            then: what is done about that.
            variables: more of its environment.
        """
        daemon = Background(self.folder, "run", name="daemon")
        daemon.variables = variables
        with daemon:
            wait_until(lambda: when in daemon.said() or _has_ended(daemon), _DAEMON_S)
            then(daemon)
            wait_until(lambda: wanted in daemon.said() or _has_ended(daemon), _DAEMON_S)
            code = daemon.process.returncode if _has_ended(daemon) else RUNS_ON
            daemon.stop()
            said = daemon.said()
        lines = dict.fromkeys(line for line in self._plain(_LOG_TIME.sub("", said)).splitlines() if wanted in line)
        return Said("\n".join(lines), code)

    @contextlib.contextmanager
    def _here(self, variables: dict[str, str]) -> Iterator[None]:
        with patch.dict(os.environ, environment(self.folder) | variables, clear=True), contextlib.chdir(self.folder):
            yield

    def _plain(self, text: str) -> str:
        """Leave out what is of this machine or of this moment."""
        text = text.replace(f"{self.folder}/", "").replace(str(self.folder), "~")
        for path, shown in self._paths.items():
            text = text.replace(path, shown)
        text = text.replace(str(self.shared / "models"), "/models")
        for pattern, neutral in _OF_THE_MOMENT:
            text = re.sub(pattern, neutral, text)
        for port, shown in self._ports.items():
            text = re.sub(rf"\b{port}\b", str(shown), text)
        return text.strip()


def _has_ended(daemon: Background) -> bool:
    return daemon.process.poll() is not None
