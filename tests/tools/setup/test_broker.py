"""Where a broker is, from what options, the address and the configuration say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeclassify.config.sections import MqttConfig
from edgeclassify.errors import UsageError
from edgeclassify.tools.setup import broker_place
from edgeclassify.tools.setup.broker import choose_broker
from edgeclassify.tools.setup.brokers_nearby import FoundBroker, Nearby
from edgeclassify.tools.setup.given import Given
from edgeclassify.tools.setup.unattended import Unattended

SITE: dict[str, Any] = {"host": "site", "port": 8884, "tls": {"enabled": True}, "username": "ann"}


def chosen(current: dict[str, Any] | None = None, **given: Any) -> MqttConfig:
    config = MqttConfig.model_validate(current or {})
    return choose_broker(Given(untested=True, **given), config, Path(), "hut", Unattended(print)).config


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"host": "nas"}, ("nas", 1883, False)),
        ({"host": "nas", "tls": True}, ("nas", 8883, True)),
        ({"host": "nas", "ca": Path("/ca.pem")}, ("nas", 8883, True)),
        ({"host": "nas", "port": 8883}, ("nas", 8883, True)),
        ({"host": "nas:8883"}, ("nas", 8883, True)),
        ({"host": "nas:8883", "tls": False}, ("nas", 8883, False)),
        ({"host": "nas:1884"}, ("nas", 1884, False)),
        ({"host": "mqtts://nas"}, ("nas", 8883, True)),
        ({"host": "mqtt://nas:8883"}, ("nas", 8883, False)),
        ({"host": "nas:1884", "port": 1885}, ("nas", 1885, False)),
    ],
)
def test_the_port_tells_of_tls_and_tls_of_the_port(given: dict[str, Any], place: tuple[str, int, bool]) -> None:
    config = chosen(**given)
    assert (config.host, config.port, config.tls.enabled) == place


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, ("site", 8884, True)),
        ({"host": "site"}, ("site", 8884, True)),
        ({"host": "other"}, ("other", 8883, True)),
        ({"host": "other", "port": 1883}, ("other", 1883, False)),
        ({"host": "site", "tls": False}, ("site", 1883, False)),
    ],
)
def test_what_is_configured_counts_where_nothing_else_is_said(
    given: dict[str, Any], place: tuple[str, int, bool]
) -> None:
    config = chosen(SITE, **given)
    assert (config.host, config.port, config.tls.enabled) == place
    assert config.username == ("ann" if config.host == "site" else ""), "a login is told to no other broker"


def test_the_only_broker_found_is_taken_and_of_several_one_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = FoundBroker("localhost", 1883, "this machine"), FoundBroker("nas.local", 8883, "announced", tls=True)
    monkeypatch.setattr(broker_place, "brokers_nearby", lambda: Nearby([two]))
    assert chosen().host == "nas.local"
    assert chosen().tls.enabled
    monkeypatch.setattr(broker_place, "brokers_nearby", lambda: Nearby([one, two]))
    with pytest.raises(UsageError, match=r"2 brokers were found \(localhost:1883, nas.local:8883\); give one: --host"):
        chosen()
    monkeypatch.setattr(broker_place, "brokers_nearby", lambda: Nearby([], ["mDNS was not asked"]))
    with pytest.raises(UsageError, match="no broker was found; give one: --host NAME"):
        chosen()


def test_a_password_lies_where_it_is_said_or_is_told(tmp_path: Path) -> None:
    config = MqttConfig()
    given = Given(untested=True, host="mqtt://ann:typed@nas", password_file=Path("secret"))
    found = choose_broker(given, config, tmp_path, "hut", Unattended(print))
    assert (found.config.username, found.password) == ("ann", None)
    assert found.config.password_file == str(Path("secret").absolute())
    found = choose_broker(Given(untested=True, host="mqtt://ann:typed@nas"), config, tmp_path, "hut", Unattended(print))
    assert (found.config.password_file, found.password) == ("", "typed")
