"""A machine that systemd has booted, in a container without a network, as a user's Pi is one; see rigs/systemd."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from tests.waiting import wait_until

PROJECT = Path(__file__).parents[1]
RIG = PROJECT / "tests/rigs/systemd"
UNIT = "edgeclassify.service"
# What a container needs of the kernel, and of whatever this machine is itself shut up in.
_MOUNTS = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-euc", "mount -t cgroup2 cgroup2 /mnt")
_NOT_COPIED = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "tests")
_RECORDER = 'mosquitto_sub -V 5 -q 1 -c -x 3600 -i recorder -t edgeclassify/# -F \'{"topic": "%t", "payload": "%x"}\''


def build_rig(suite: str) -> None:
    """Build the root file system unless it is there; skip where that is not possible."""
    if os.geteuid() != 0:
        pytest.skip("cannot run here: a container needs root")
    allowed = subprocess.run(_MOUNTS, capture_output=True, text=True, check=False)
    if allowed.returncode:
        pytest.skip(f"cannot run here: a container must mount a cgroup2 of its own: {allowed.stderr.strip()}")
    built = subprocess.run([RIG / "build", suite], capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"cannot run here: {suite} could not be built: {(built.stdout + built.stderr)[-500:].strip()}")


def project_of(version: str, folder: Path, more: str = "") -> Path:
    """A copy of the project that calls itself `version`; `more` is code that ends its daemon.py."""
    copy = Path(shutil.copytree(PROJECT, folder / version, ignore=_NOT_COPIED))
    (copy / "edgeclassify/__init__.py").write_text(f'"""A copy."""\n\n__version__ = "{version}"\n')
    with (copy / "edgeclassify/daemon.py").open("a") as daemon:
        daemon.write(more)
    return copy


def wheel_of(project: Path, folder: Path) -> Path:
    """The project as a wheel in `folder`."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, project]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob(f"*-{project.name}-*.whl"))


def _memory_controller() -> Path:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(","):
            return Path(place)
    pytest.skip("cannot run here: this kernel's memory controller is not in cgroup v1")


class Pi:
    """The container, from `with` to its end; it ends with this process too, however that ends.

    Args:
        suite: bookworm or trixie.
        shared: a folder that is /shared in there.
    """

    def __init__(self, suite: str, shared: Path) -> None:
        self._name = f"{suite}-{os.getpid()}"
        self._boot = [RIG / "boot", self._name, suite, f"--bind-ro={shared}:/shared"]

    def __enter__(self) -> Self:
        booted = subprocess.run(
            self._boot, env=os.environ | {"RIG_OWNER": str(os.getpid())}, capture_output=True, text=True, check=False
        )
        if booted.returncode:
            pytest.fail(f"no container could be booted: {(booted.stdout + booted.stderr)[-1500:].strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([RIG / "stop", self._name], check=True)

    def run(self, *command: str, typed: str = "", code: int | None = 0) -> str:
        """Run a command as root to its end; give all that it said. `code` None: any will do."""
        ran = subprocess.run(
            [RIG / "exec", self._name, *command],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert code is None or ran.returncode == code, f"{command} ended with {ran.returncode}:\n{ran.stdout}"
        return ran.stdout

    def shell(self, code: str, typed: str = "") -> str:
        return self.run("bash", "-euc", code, typed=typed)

    def write(self, path: str, text: str) -> None:
        self.shell(f"mkdir -p $(dirname {path}); cat > {path}", text)

    def exists(self, path: str) -> bool:
        return self.shell(f"test -e {path} && echo yes || echo no") == "yes\n"

    def configure(self, config: dict[str, Any]) -> None:
        """Write the service's configuration, as a user with an editor does."""
        self.write("/etc/edgeclassify/config.yaml", yaml.safe_dump(config, allow_unicode=True))

    def drop_in(self, *lines: str) -> None:
        """Change the unit's section [Service]; without lines, as it was. It is restarted."""
        path = f"/etc/systemd/system/{UNIT}.d/test.conf"
        if lines:
            self.write(path, "\n".join(("[Service]", *lines, "")))
        else:
            self.run("rm", "-f", path)
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "reset-failed", UNIT)
        self.run("systemctl", "restart", UNIT)

    def unit(self, name: str) -> str:
        """One of the properties that systemd knows of the service."""
        return self.run("systemctl", "show", UNIT, f"--property={name}", "--value").strip()

    def wait_for_restart(self, restarts: int, timeout_s: float = 60) -> None:
        """Wait until it has been restarted more often than that, and is up again."""
        wait_until(lambda: int(self.unit("NRestarts")) > restarts, timeout_s)
        wait_until(lambda: self.unit("ActiveState") == "active", timeout_s)

    def cursor(self) -> str:
        """Where the journal ends now."""
        return re.search("-- cursor: (.*)", self.run("journalctl", "-n0", "--show-cursor"))[1]  # type: ignore[index]

    def said(self, since: str) -> str:
        """What the service and systemd logged about it since then."""
        return self.run("journalctl", "-u", UNIT, "-o", "cat", f"--after-cursor={since}")

    def wait_for_words(self, words: str, since: str, timeout_s: float = 30) -> None:
        wait_until(lambda: words in self.said(since), timeout_s)

    def start_broker(self, *lines: str) -> None:
        """Let the system's own mosquitto run, with these lines in its configuration."""
        self.write("/etc/mosquitto/conf.d/test.conf", "\n".join(lines) + "\n")
        self.run("systemctl", "restart", "mosquitto")

    def record(self, *login: str) -> None:
        """Keep all that arrives at the broker, from now on and through its restarts."""
        command = f"exec {_RECORDER} {' '.join(login)} >> /root/recorded"
        self.run(
            "systemd-run", "--quiet", "--unit=recorder", "-pRestart=always", "-pRestartSec=0.2", "bash", "-c", command
        )

    def starve(self) -> None:
        """Let the kernel's out-of-memory killer end the service's main process; returns when it has.

        That takes the memory controller of cgroup v1 on the machine outside: a limit holds there for one process.
        """
        controller = _memory_controller()
        group = controller / f"edgeclassify-rig-{self._name}"
        group.mkdir(exist_ok=True)
        try:
            (group / "cgroup.procs").write_text(str(self._outer_pid(int(self.unit("MainPID")))))
            # Only what it takes from now on is counted.
            (group / "memory.limit_in_bytes").write_text("200000")
            wait_until(lambda: not re.search(r"oom_kill 0$", (group / "memory.oom_control").read_text()), 30)
            wait_until(lambda: not (group / "cgroup.procs").read_text(), 10)
        finally:
            group.rmdir()

    def _outer_pid(self, inner: int) -> int:
        """What this machine calls a process of the container."""
        leader = Path(f"/run/edgeclassify-rig/{self._name}/leader.pid").read_text().strip()
        space = Path(f"/proc/{leader}/ns/pid").readlink()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has just ended
                numbers = re.search(r"^NSpid:(.*)$", (process / "status").read_text(), re.MULTILINE)
                ours = (process / "ns/pid").readlink() == space
                if ours and numbers is not None and int(numbers[1].split()[-1]) == inner:
                    return int(process.name)
        raise AssertionError(f"no process {inner} runs in {self._name}")

    def arrived(self, subtopic: str) -> list[str]:
        """What arrived there on topics with such an end, in order."""
        lines = self.shell("touch /root/recorded; cat /root/recorded").splitlines()
        messages = [json.loads(line) for line in lines if line.endswith("}")]
        return [bytes.fromhex(m["payload"]).decode() for m in messages if m["topic"].endswith(subtopic)]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.arrived("/event")]
