"""Whether the unit lets the service reach the broker, told from the unit and its drop-ins as they are installed."""

from pathlib import Path

import pytest

from edgeclassify import resources
from edgeclassify.config.sections import MqttConfig
from edgeclassify.tools.doctor.firewall import check_firewall
from edgeclassify.tools.doctor.machine import Machine

UNIT = "etc/systemd/system/edgeclassify.service"


def said(root: Path, host: str) -> list[str]:
    return [finding.line for finding in check_firewall(MqttConfig(host=host), Machine(root))]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit that comes with the program, installed."""
    path = tmp_path / UNIT
    path.parent.mkdir(parents=True)
    path.write_bytes((resources.systemd() / "edgeclassify.service").read_bytes())
    return path


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "192.168.1.2", "10.9.8.7", "169.254.1.1", "100.64.0.1", "fd00::1"]
)
def test_a_broker_here_or_on_the_local_network_is_reached(tmp_path: Path, unit: Path, host: str) -> None:
    assert said(tmp_path, host) == [f"ok   broker firewall: the service's unit lets it reach {host}"]


@pytest.mark.parametrize("host", ["198.51.100.7", "2001:db8::1"])
def test_a_broker_on_the_internet_needs_the_drop_in_that_is_named(tmp_path: Path, unit: Path, host: str) -> None:
    (line,) = said(tmp_path, host)
    assert line.startswith(f"warn broker firewall: {host} is on the internet")
    example = resources.systemd() / "internet-broker.conf"
    assert f"install -D -m 644 {example} /{UNIT}.d/internet-broker.conf" in line
    drop_in = tmp_path / f"{UNIT}.d/internet-broker.conf"
    drop_in.parent.mkdir()
    drop_in.write_bytes(example.read_bytes())
    assert said(tmp_path, host) == [f"ok   broker firewall: the service's unit lets it reach {host}"]


def test_without_a_unit_or_a_known_name_there_is_nothing_to_be_said(tmp_path: Path, unit: Path) -> None:
    assert said(tmp_path, "no-such-broker.invalid") == []
    unit.unlink()
    assert said(tmp_path, "198.51.100.7") == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("IPAddressDeny=", None),
        ("IPAddressAllow=", "reach the local network only"),
        ("IPAddressAllow = 198.51.100.0/24", "lets it reach"),
        ("IPAddressAllow=198.51.100.7", "lets it reach"),
        ("IPAddressDeny=\nIPAddressDeny=203.0.113.0/24", "lets it reach"),
        ("IPAddressDeny=\nIPAddressDeny=198.51.100.0/24", "reach the local network only"),
        ("IPAddressAllow=nonsense", "reach the local network only"),
    ],
)
def test_a_drop_in_adds_to_the_limit_or_takes_it_back_as_systemd_reads_it(
    tmp_path: Path, unit: Path, lines: str, words: str | None
) -> None:
    drop_in = tmp_path / f"{UNIT}.d/mine.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(f"[Service]\n{lines}\n")
    found = said(tmp_path, "198.51.100.7")
    assert found == [] if words is None else words in found[0]


def test_a_name_that_cannot_be_one_is_left_to_the_check_of_the_name(tmp_path: Path, unit: Path) -> None:
    assert said(tmp_path, f"{'x' * 70}.example") == []


@pytest.mark.parametrize(
    ("host", "resolv", "hosts", "told"),
    [
        ("broker.invalid", "nameserver 8.8.8.8\n", "", True),
        ("broker.invalid", "# a comment\noptions edns0\nnameserver 8.8.8.8\nnameserver 2001:db8::1\n", "", True),
        ("broker.invalid", "nameserver 8.8.8.8\nnameserver 192.168.1.1\n", "", False),
        ("broker.invalid", "nameserver 127.0.0.53\n", "", False),
        ("broker.invalid", "nameserver fe80::1%eth0\n", "", False),
        ("broker.invalid", "nameserver nonsense\n", "", False),
        ("broker.invalid", "", "", False),
        ("broker.invalid", "nameserver 8.8.8.8\n", "192.168.1.2 x broker.invalid # mine\n", False),
        ("broker.invalid", "nameserver 8.8.8.8\n", "192.168.1.2 x # broker.invalid\n", True),
        ("localhost", "nameserver 8.8.8.8\n", "", False),
        ("homeassistant.local", "nameserver 8.8.8.8\n", "", False),
        ("192.168.1.2", "nameserver 8.8.8.8\n", "", False),
    ],
)
def test_a_name_server_that_may_not_be_asked_is_told_where_one_is_needed(
    tmp_path: Path, unit: Path, host: str, resolv: str, hosts: str, told: bool
) -> None:
    (tmp_path / "etc/resolv.conf").write_text(resolv)
    (tmp_path / "etc/hosts").write_text(hosts)
    lines = [line for line in said(tmp_path, host) if "name server" in line]
    assert len(lines) == told
    assert all("8.8.8.8 is on the internet" in line and "internet-broker.conf" in line for line in lines)
    drop_in = tmp_path / f"{UNIT}.d/mine.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nIPAddressAllow=8.8.8.8\n")
    assert not any("name server" in line for line in said(tmp_path, host))
