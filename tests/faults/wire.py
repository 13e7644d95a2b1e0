"""A network of its own for one process: a namespace, tied to this machine by a wire that can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Self

import pytest


class Wire:
    """Two ends of a virtual cable. `prefix` before a command puts it at the far end, where `address` is this machine.

    It needs root, iproute2 and a kernel with network namespaces.
    """

    def __init__(self) -> None:
        self._name = f"ec{os.getpid()}"
        self._near, self._far = f"{self._name}n", f"{self._name}f"
        subnet = f"169.254.{os.getpid() % 200 + 20}"
        self.address, self._far_address = f"{subnet}.1", f"{subnet}.2"
        self.prefix = ["ip", "netns", "exec", self._name]

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            pytest.skip("cannot run here: a network namespace needs root and iproute2")
        if subprocess.run(["ip", "netns", "add", self._name], capture_output=True).returncode != 0:
            pytest.skip("cannot run here: no network namespace may be made")
        self._ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._name)
        self._ip("address", "add", f"{self.address}/30", "dev", self._near)
        self._ip("link", "set", self._near, "up")
        inside = ["-n", self._name]
        self._ip(*inside, "address", "add", f"{self._far_address}/30", "dev", self._far)
        self._ip(*inside, "link", "set", self._far, "up")
        self._ip(*inside, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        self._ip("link", "delete", self._near)
        self._ip("netns", "delete", self._name)

    def cut(self) -> None:
        """Nothing comes through, and nobody is told."""
        self._ip("link", "set", self._near, "down")

    def mend(self) -> None:
        self._ip("link", "set", self._near, "up")

    @staticmethod
    def _ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)
