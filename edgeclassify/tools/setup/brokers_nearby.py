"""Brokers that this machine can reach without being told: its own, Home Assistant's, those that announce themselves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from edgeclassify.errors import UnavailableError
from edgeclassify.tools.setup.mdns import Announced, announced_brokers

_LISTEN_S = 2.5
_ANSWER_S = 2.0
_AT_MOST_S = 8.0
_PORT = 1883
_USUAL = (("localhost", "this machine"), ("homeassistant.local", "Home Assistant"))


@dataclass(frozen=True)
class FoundBroker:
    """Something that listens where a broker does."""

    host: str
    port: int
    about: str
    tls: bool = False


@dataclass
class Nearby:
    """What a search came to."""

    found: list[FoundBroker] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What could not be searched, and why."""


def brokers_nearby(port: int = _PORT, interfaces: Sequence[str] | None = None) -> Nearby:
    """Look for brokers, everywhere at once; takes 3 s, at most 8.

    Args:
        port: where this machine's own and Home Assistant's are looked for.
        interfaces: the addresses of those that mDNS is asked on; None for all.
    """
    usual: dict[str, bool] = {}
    announced: list[Announced] = []
    result = Nearby()

    def try_usual(host: str) -> None:
        usual[host] = _listens(host, port)

    def ask_around() -> None:
        try:
            announced.extend(announced_brokers(_LISTEN_S, interfaces))
        except UnavailableError as error:
            result.remarks.append(str(error))

    _at_once([*(partial(try_usual, host) for host, _ in _USUAL), ask_around])
    result.found = [FoundBroker(host, port, about) for host, about in _USUAL if usual.get(host)]
    hosts = {one: _address(one) for one in announced}

    def try_name(one: Announced) -> None:
        # The name stays when the address changes, if this machine can look up such names.
        if one.host and _listens(one.host, one.port):
            hosts[one] = one.host

    _at_once([partial(try_name, one) for one in hosts])
    for one, host in list(hosts.items()):
        if (host, one.port) not in {(known.host, known.port) for known in result.found}:
            result.found.append(FoundBroker(host, one.port, f"announced as {one.name}", one.tls))
    return result


def _at_once(searches: Sequence[Callable[[], None]]) -> None:
    """Run all in threads that can be left behind: a name look-up cannot be interrupted."""
    threads = [threading.Thread(target=search, name="setup-search", daemon=True) for search in searches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_AT_MOST_S)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _ANSWER_S).close()
    except (OSError, ValueError):
        return False
    return True


def _address(one: Announced) -> str:
    return one.addresses[0] if one.addresses else one.host
