"""Brokers that announce themselves in the local network: multicast DNS, by the library zeroconf."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeclassify.errors import UnavailableError

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf

PLAIN, SECURE = "_mqtt._tcp.local.", "_secure-mqtt._tcp.local."
_RESOLVE_MS = 1000


@dataclass(frozen=True)
class Announced:
    """A service that was heard of."""

    name: str
    """For people: `Mosquitto on nas`."""
    host: str
    """`nas.local`; empty if only addresses were told."""
    addresses: tuple[str, ...]
    port: int
    tls: bool


def announced_brokers(listen_s: float, interfaces: Sequence[str] | None = None) -> list[Announced]:
    """Ask the local network for brokers, and listen for so long.

    Args:
        listen_s: how long.
        interfaces: their addresses; None for all of this machine.

    Raises:
        UnavailableError: the library is not installed, or there is no network.
    """
    try:
        from zeroconf import InterfaceChoice, IPVersion, ServiceBrowser, Zeroconf
    except ImportError as error:
        raise UnavailableError(
            "mDNS was not asked, zeroconf is missing; run: sudo apt install python3-zeroconf (in a virtual environment "
            "of your own: pip install zeroconf)"
        ) from error
    heard: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()

    def note(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:  # noqa: ARG001
        heard.put((service_type, name))

    try:
        zeroconf = Zeroconf(list(interfaces) if interfaces else InterfaceChoice.All, ip_version=IPVersion.V4Only)
    except (OSError, RuntimeError) as error:  # RuntimeError: no interface has an address
        raise UnavailableError(f"mDNS was not asked ({error}); is this machine connected?") from error
    try:
        browser = ServiceBrowser(zeroconf, [PLAIN, SECURE], handlers=[note])
        time.sleep(listen_s)
        browser.cancel()
        found: dict[tuple[str, str], Announced] = {}
        while not heard.empty():
            service = heard.get()
            if service not in found and (one := _asked_about(zeroconf, *service)) is not None:
                found[service] = one
        return list(found.values())
    finally:
        zeroconf.close()


def _asked_about(zeroconf: Zeroconf, service_type: str, name: str) -> Announced | None:
    from zeroconf import Error

    try:
        info = zeroconf.get_service_info(service_type, name, timeout=_RESOLVE_MS)
    except Error:  # a name that cannot be one
        return None
    if info is None or not info.port:
        return None
    host = (info.server or "").rstrip(".")
    host = host if host.isprintable() else ""  # anybody in the network may announce anything
    addresses = tuple(info.parsed_scoped_addresses())
    if not host and not addresses:
        return None
    shown = "".join(c for c in name.removesuffix(f".{service_type}") if c.isprintable())
    return Announced(shown, host, addresses, info.port, service_type == SECURE)
