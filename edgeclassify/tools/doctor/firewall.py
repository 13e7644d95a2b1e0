"""Whether the service's unit lets it reach the broker: as it is installed, it may reach the local network only."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

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


def check_firewall(config: MqttConfig, machine: Machine) -> Iterator[Finding]:
    """Yield one finding where a unit with a limit is installed and the broker's address is known."""
    allowed = _allowed(machine)
    if allowed is None:
        return
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
    except OSError:
        return  # that is told by the check of the name
    addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
    outside = [str(address) for address in addresses if not any(address in network for network in allowed)]
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


def _allowed(machine: Machine) -> list[Network] | None:
    """Return the networks that the unit and its drop-ins allow; None where there is no limit, or no unit."""
    unit = machine.root / _UNIT
    paths = [unit, *sorted(unit.with_name(f"{unit.name}.d").glob("*.conf"))]
    lines = [line.strip() for path in paths for line in machine.text(path).splitlines()]
    if "IPAddressDeny=any" not in lines:
        return None
    networks: list[Network] = []
    for line in lines:
        key, _, words = line.partition("=")
        if key == "IPAddressAllow":
            networks = [*networks, *_networks(words)] if words else []  # an empty one takes all back
    return networks


def _networks(words: str) -> Iterator[Network]:
    for word in words.split():
        for text in _NAMES.get(word, (word,)):
            try:
                yield ipaddress.ip_network(text, strict=False)
            except ValueError:
                continue  # systemd ignores it too, and says so
