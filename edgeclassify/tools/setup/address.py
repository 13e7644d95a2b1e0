"""What a person types as the broker's address, taken apart."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from dataclasses import dataclass

from edgeclassify.errors import UsageError

_SCHEMES = {"mqtt": False, "tcp": False, "mqtts": True, "ssl": True, "tls": True}
_NAME = re.compile(r"[^\s/?#@:\[\]\x00-\x1f]+")
_MAX_PORT = 65535


@dataclass(frozen=True)
class Address:
    """Where a broker is, and what else an address told; None or empty where it does not."""

    host: str
    port: int | None = None
    username: str = ""
    password: str = ""
    tls: bool | None = None


def parse_address(text: str) -> Address:
    """Read `nas`, `nas:1884`, `192.168.1.2`, `[fe80::1]:1883`, or `mqtts://ann:s3cret@nas:8883`.

    Raises:
        UsageError: it is none of these.
    """
    text = text.strip()
    scheme, found, rest = text.rpartition("://")
    if found and scheme.lower() not in _SCHEMES:
        name = rest.rpartition("@")[2].split("/")[0].split(":")[0]
        raise UsageError(f"setup: {scheme}:// is no address of a broker; give its name or number only: {name}")
    rest = rest.rstrip("/")
    login, _, place = rest.rpartition("@")
    host, port = _host_and_port(place)
    if not _is_host(host):
        what = "it is empty" if not rest else f"{host or place!r} is not the name of a host"
        raise UsageError(f"setup: broker: {what}; give its name or number, like 192.168.1.2 or nas.local")
    username, _, password = login.partition(":")
    return Address(
        host,
        None if port is None else parse_port(port),
        urllib.parse.unquote(username),
        urllib.parse.unquote(password),
        _SCHEMES[scheme.lower()] if found else None,
    )


def parse_port(text: str) -> int:
    """Return the number of a port.

    Raises:
        UsageError: it is none.
    """
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= _MAX_PORT:
        raise UsageError(f"setup: port {text!r} is no number from 1 to {_MAX_PORT}; usual are 1883, with TLS 8883")
    return int(text)


def _host_and_port(place: str) -> tuple[str, str | None]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest[1:] if rest.startswith(":") else None
    if place.count(":") > 1:
        return place, None
    host, colon, port = place.partition(":")
    return host, port if colon else None


def _is_host(text: str) -> bool:
    if ":" not in text:
        return _NAME.fullmatch(text) is not None
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False
