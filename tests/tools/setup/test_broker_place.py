"""Which broker is meant, and as whom we come, when there is nobody to ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeclassify.config.sections import MqttConfig
from edgeclassify.errors import UsageError
from edgeclassify.tools.setup.broker_place import placed
from edgeclassify.tools.setup.given import Given
from edgeclassify.tools.setup.unattended import Unattended

SAVED: dict[str, Any] = {"host": "nas", "username": "ann", "password_file": "secret"}
WITH_TLS: dict[str, Any] = SAVED | {"port": 8883, "tls": {"enabled": True}}


def place(saved: dict[str, Any], **given: Any) -> MqttConfig:
    said: list[str] = []
    return placed(Given(**given), MqttConfig.model_validate(saved), Unattended(said.append)).config


@pytest.mark.parametrize("saved", [{"host": "nas"}, {"port": 1884}, {"username": "ann"}, {"tls": {"enabled": True}}])
def test_what_the_file_says_is_an_answer(saved: dict[str, Any]) -> None:
    assert place(saved) == MqttConfig.model_validate(saved)


def test_a_login_is_told_to_no_other_broker() -> None:
    other = place(SAVED, host="nass")
    assert (other.host, other.username, other.password_file) == ("nass", "", "")
    assert place(SAVED, host="nas:1884").username == "ann", "the same one"
    given = place(SAVED, host="nass", username="bob", password_file=Path("/run/secret"))
    assert (given.username, given.password_file) == ("bob", "/run/secret")


@pytest.mark.parametrize("given", [{"port": 1883}, {"host": "nas:1883"}, {"host": "nas"}])
def test_a_port_alone_takes_no_tls_away(given: dict[str, Any]) -> None:
    assert place(WITH_TLS, **given).tls.enabled


def test_a_usual_port_follows_tls_and_another_one_stays() -> None:
    without = place(WITH_TLS, tls=False)
    assert (without.port, without.tls.enabled) == (1883, False)
    assert place(SAVED, tls=True).port == 8883
    assert place(SAVED | {"port": 1999}, tls=True).port == 1999


def test_no_user_has_no_password() -> None:
    nobody = place(SAVED, username="")
    assert (nobody.username, nobody.password_file) == ("", "")
    with pytest.raises(UsageError, match="give --username too"):
        place({"host": "nas"}, password_file=Path("secret"))
