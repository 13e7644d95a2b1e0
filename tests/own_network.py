"""A network of its own, in which there is only this machine: searching it disturbs nobody."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_until

_MAKE = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && echo up && exec cat"


@contextmanager
def own_network() -> Iterator[list[str]]:
    """Yield what to put before a command so that it runs there."""
    make = ["unshare", "--net", "sh", "-c", _MAKE]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(make, stdin=pipe, stdout=pipe, stderr=nowhere) as holder:
        assert holder.stdout is not None
        try:
            if holder.stdout.readline() != b"up\n":
                pytest.skip("cannot run here: only root can make networks")
            yield ["nsenter", "--target", str(holder.pid), "--net"]
        finally:
            holder.kill()


@contextmanager
def background(command: list[str], log: Path, ready: str) -> Iterator[None]:
    """Run a program beside this one, from when it has said `ready`."""
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process,
    ):
        try:
            wait_until(lambda: ready in log.read_text() or process.poll() is not None)
            assert ready in log.read_text(), log.read_text()
            yield
        finally:
            process.terminate()


@contextmanager
def own_broker(network: list[str], folder: Path, *lines: str) -> Iterator[None]:
    """Run mosquitto there; `lines` of its configuration, among them the listener."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "own.conf"
    configuration.write_text("\n".join(["user root", *lines]) + "\n")
    with background([*network, "mosquitto", "-c", str(configuration)], folder / "own.log", " running"):
        yield
