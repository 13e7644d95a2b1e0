"""Whether the service's unit lets it reach the broker: as it is installed, it may reach the local network only."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Mapping

from edgeclassify import resources
from edgeclassify.config.sections import MqttConfig
from edgeclassify.tools.doctor.findings import Finding, Part
from edgeclassify.tools.doctor.machine import Machine

PART = Part("broker")

_UNIT = "etc/systemd/system/edgeclassify.service"
_NAMES = {
    "any": ("0.0.0.0/0", "::/0"),
    "localhost": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/64"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_firewall(config: MqttConfig, machine: Machine) -> Iterator[Finding]:
    """Yield one finding where a unit with a limit is installed and the broker's address is known."""
    limits = _limits(machine)
    if not limits["IPAddressDeny"]:
        return
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return  # that is told by the check of the name
    addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
    outside = [str(address) for address in addresses if not _reaches(address, limits)]
    if len(outside) < len(addresses):
        yield PART.ok("firewall", f"the service's unit lets it reach {config.host}")
        return
    drop_in = f"/{_UNIT}.d/internet-broker.conf"
    yield PART.warn(
        "firewall",
        f"{outside[0]} is on the internet, and the service's unit lets it reach the local network only",
        f"run: sudo install -D -m 644 {resources.systemd() / 'internet-broker.conf'} {drop_in} && "
        "sudo systemctl daemon-reload && sudo systemctl restart edgeclassify",
    )


def _reaches(address: Address, limits: Mapping[str, list[Network]]) -> bool:
    """Whether systemd lets it through: what is allowed counts first, and what is not denied is allowed."""
    allowed, denied = (any(address in network for network in networks) for networks in limits.values())
    return allowed or not denied


def _limits(machine: Machine) -> Mapping[str, list[Network]]:
    """Return the networks that the unit and its drop-ins allow and deny; none without a unit."""
    unit = machine.root / _UNIT
    paths = [unit, *sorted(unit.with_name(f"{unit.name}.d").glob("*.conf"))]
    limits: dict[str, list[Network]] = {"IPAddressAllow": [], "IPAddressDeny": []}
    for line in (line for path in paths for line in machine.text(path).splitlines()):
        key, _, words = (word.strip() for word in line.partition("="))
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
