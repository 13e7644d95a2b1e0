"""Searching for brokers, in a network that holds only this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.own_network import background, own_broker, own_network

_SEARCH = """
import dataclasses, json
from edgeclassify.tools.setup.brokers_nearby import brokers_nearby
print(json.dumps(dataclasses.asdict(brokers_nearby())))
"""
_ANNOUNCE = """
import socket, sys, threading
from zeroconf import IPVersion, ServiceInfo, Zeroconf
zeroconf = Zeroconf(["127.0.0.1"], ip_version=IPVersion.V4Only)
address = [socket.inet_aton("127.0.0.1")]
for kind, name, port in [("_mqtt", "Mosquitto on nas", 1884), ("_secure-mqtt", "Küche", 8884)]:
    kind += "._tcp.local."
    zeroconf.register_service(ServiceInfo(kind, f"{name}.{kind}", addresses=address, port=port, server="nas.local."))
print("announced", flush=True)
threading.Event().wait()
"""


@pytest.fixture
def network() -> Iterator[list[str]]:
    with own_network() as prefix:
        yield prefix


def search(network: list[str], code: str = _SEARCH) -> dict[str, Any]:
    done = subprocess.run(
        [*network, sys.executable, "-c", code], capture_output=True, text=True, timeout=40, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_this_machines_broker_and_announced_ones_are_found(network: list[str], tmp_path: Path) -> None:
    pytest.importorskip("zeroconf")
    with ExitStack() as running:
        running.enter_context(own_broker(network, tmp_path, "listener 1883 127.0.0.1", "allow_anonymous true"))
        announcer = [*network, sys.executable, "-c", _ANNOUNCE]
        running.enter_context(background(announcer, tmp_path / "announcer.log", "announced"))
        found = search(network)
    brokers = {(one["host"], one["port"], one["about"], one["tls"]) for one in found["found"]}
    assert brokers == {
        ("localhost", 1883, "this machine", False),
        ("127.0.0.1", 1884, "announced as Mosquitto on nas", False),
        ("127.0.0.1", 8884, "announced as Küche", True),
    }
    assert found["remarks"] == []


def test_where_there_is_nothing_nothing_is_found(network: list[str]) -> None:
    assert search(network) == {"found": [], "remarks": []}


def test_without_any_network_it_is_said() -> None:
    found = search(["unshare", "--net"])
    assert found["found"] == []
    assert "mDNS was not asked" in found["remarks"][0]


def test_without_the_library_it_is_said_how_to_get_it(network: list[str]) -> None:
    (remark,) = search(network, f"import sys; sys.modules['zeroconf'] = None{_SEARCH}")["remarks"]
    assert remark.startswith("mDNS was not asked, zeroconf is missing; run: sudo apt install python3-zeroconf")
