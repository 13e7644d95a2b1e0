"""A private MQTT broker on a free loopback port, for `edgeclassify demo`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from edgeclassify.errors import UnavailableError

_START_S = 10.0
_STOP_S = 3.0


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def private_broker(folder: Path) -> Iterator[int]:
    """Run a broker that keeps its files in `folder`; yield its port.

    Raises:
        UnavailableError: there is no broker program, or it does not start.
    """
    port = free_port()
    log = folder / "broker.log"
    with background(_broker_command(folder, port), log) as broker:
        wait_for_broker(broker, port, log)
        yield port


def wait_for_broker(broker: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when it listens.

    Raises:
        UnavailableError: it does not start.
    """
    deadline_s = time.monotonic() + _START_S
    while not _answers(port):
        if broker.poll() is not None or time.monotonic() > deadline_s:
            said = log.read_text(errors="replace").strip()
            raise UnavailableError(f"the demo's broker does not start: {said[-500:] or 'it says nothing'}")
        time.sleep(0.02)


@contextmanager
def background(
    command: list[str], log: Path, variables: Mapping[str, str] | None = None, last_signal: str = "TERM"
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program beside this one, its output in `log`; end it afterwards, or when this one dies.

    Args:
        command: the program and its arguments.
        log: a file that its output is appended to.
        variables: more for its environment.
        last_signal: what it gets when this process dies; one that may be frozen needs KILL.
    """
    if setpriv := shutil.which("setpriv"):
        # Even if this process is killed with -9, nothing is left behind.
        command = [setpriv, "--pdeathsig", last_signal, "--", *command]
    with log.open("ab") as output:
        # A session of its own: Ctrl-C ends the demo, which then ends these in order.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(variables or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.send_signal(signal.SIGCONT)  # a frozen one would not see it
        try:
            process.wait(_STOP_S + 3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def mosquitto_command(folder: Path, port: int, persistence: Sequence[str] = ("persistence false",)) -> list[str] | None:
    """Return how to run mosquitto, with its configuration in `folder`; None when it is not installed."""
    # Debian installs it into sbin, which is not on everybody's path.
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto is None:
        return None
    config = folder / "mosquitto.conf"
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", *persistence]
    if os.geteuid() == 0:
        lines.append("user root")  # a change of user would make it forget that it dies with this process
    config.write_text("\n".join(lines) + "\n")
    return [mosquitto, "-c", str(config)]


def _broker_command(folder: Path, port: int) -> list[str]:
    if command := mosquitto_command(folder, port):
        return command
    if find_spec("amqtt"):
        config = folder / "amqtt.yaml"
        config.write_text(
            f"listeners: {{default: {{type: tcp, bind: '127.0.0.1:{port}'}}}}\n"
            "plugins: {amqtt.plugins.authentication.AnonymousAuthPlugin: {allow_anonymous: true}}\n"
        )
        return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(config)]
    raise UnavailableError(
        "the demo needs an MQTT broker; run: sudo apt install mosquitto (or: pip install 'edgeclassify[demo]')"
    )


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
