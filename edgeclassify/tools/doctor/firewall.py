"""Whether the service's unit lets it reach the broker and who tells its address: only the local network is open."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator, Mapping

from edgeclassify import resources
from edgeclassify.config.sections import MqttConfig
from edgeclassify.tools.doctor.findings import Finding, Part
from edgeclassify.tools.doctor.machine import Machine
from edgeclassify.tools.service.places import Places
from edgeclassify.tools.service.unit import settings

PART = Part("broker")

_NAMES = {
    "any": ("0.0.0.0/0", "::/0"),
    "localhost": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/64"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_firewall(config: MqttConfig, machine: Machine) -> Iterator[Finding]:
    """Yield a finding where a unit has a limit and the broker's address is known, or nobody may tell it."""
    limits = _limits(machine)
    if not limits["IPAddressDeny"]:
        return
    yield from _check_name_servers(config.host, limits, machine)
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return  # that is told by the check of the name
    addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
    outside = [str(address) for address in addresses if not _reaches(address, limits)]
    if len(outside) < len(addresses):
        yield PART.ok("firewall", f"the service's unit lets it reach {config.host}")
        return
    yield PART.warn(
        "firewall",
        f"{outside[0]} is on the internet, and the service's unit lets it reach the local network only",
        _lift_limit(),
    )


def _check_name_servers(host: str, limits: Mapping[str, list[Network]], machine: Machine) -> Iterator[Finding]:
    """Yield a finding where none of them may be asked for the broker's address.

    systemd's own resolver is on this machine (127.0.0.53), and is not held to the limit of our unit.
    """
    servers = list(_addresses_in(machine.text("etc/resolv.conf"), "nameserver"))
    if not servers or any(_reaches(server, limits) for server in servers) or _is_known_without(host, machine):
        return
    yield PART.warn(
        "name server",
        f"{servers[0]} is on the internet, and the service's unit lets it reach the local network only: it cannot look "
        f"up {host}",
        f"set the name server of your router, or {_lift_limit()}",
    )


def _is_known_without(host: str, machine: Machine) -> bool:
    """Whether no name server is asked: an address, this machine, a name of the local network or of /etc/hosts."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    known = {word for line in machine.text("etc/hosts").splitlines() for word in line.partition("#")[0].split()[1:]}
    return host == "localhost" or host.endswith((".local", ".localhost")) or host in known


def _addresses_in(text: str, key: str) -> Iterator[Address]:
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == key:
            with contextlib.suppress(ValueError):  # the resolver skips it too
                yield ipaddress.ip_address(words[1].partition("%")[0])


def _lift_limit() -> str:
    drop_in = Places().drop_ins / "internet-broker.conf"
    return (
        f"run: sudo install -D -m 644 {resources.systemd() / drop_in.name} {drop_in} && "
        "sudo systemctl daemon-reload && sudo systemctl restart edgeclassify"
    )


def _reaches(address: Address, limits: Mapping[str, list[Network]]) -> bool:
    """Whether systemd lets it through: what is allowed counts first, and what is not denied is allowed."""
    allowed, denied = (any(address in network for network in networks) for networks in limits.values())
    return allowed or not denied


def _limits(machine: Machine) -> Mapping[str, list[Network]]:
    """Return the networks that the unit and its drop-ins allow and deny; none without a unit."""
    limits: dict[str, list[Network]] = {"IPAddressAllow": [], "IPAddressDeny": []}
    for key, words in settings(machine.root):
        if key in limits:
            limits[key] = [*limits[key], *_networks(words)] if words else []  # an empty one takes all back
    return limits


def _networks(words: str) -> Iterator[Network]:
    for word in words.split():
        for text in _NAMES.get(word, (word,)):
            try:
                yield ipaddress.ip_network(text, strict=False)
            except ValueError:
                continue  # systemd ignores it too, and says so
