"""The broker's password: what counts as one, and who can read it."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.config.sections import MqttConfig
from edgeclassify.errors import UsageError
from edgeclassify.mqtt.credentials import read_password
from edgeclassify.tools.service.password import MAX_BYTES, password_from, use_password, write_password
from edgeclassify.tools.service.places import Places


@given(st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1, max_size=99))
def test_what_was_piped_is_the_password_without_the_end_of_its_line(text: str) -> None:
    for end in ("", "\n", "\r\n"):
        assert password_from((text + end).encode()) == text.encode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"one\ntwo\n", "more than one line"),
        (b"a\0b", "more than one line"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * (MAX_BYTES + 1), "longer than 65535 bytes"),
    ],
)
def test_what_cannot_be_a_password_is_said_and_never_repeated(typed: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        password_from(typed)
    assert "two" not in str(error.value)


def test_only_its_owner_can_read_it_and_a_second_one_replaces_it(tmp_path: Path) -> None:
    places = Places(tmp_path)
    for password in (b"first", b"second"):
        write_password(places, password)
        assert places.password.read_bytes() == password + b"\n"
    assert stat.S_IMODE(places.password.stat().st_mode) == 0o600
    assert stat.S_IMODE(places.password.parent.stat().st_mode) == 0o700
    assert os.listdir(places.password.parent) == ["mqtt-password"]  # noqa: PTH208 - hidden ones too


def test_without_a_service_it_is_kept_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    use_password(Places(tmp_path), said.append)
    assert said == [
        f"{tmp_path}/etc/edgeclassify/secrets/mqtt-password is written; no service is installed that uses it"
    ]


@pytest.mark.parametrize(("credential", "password"), [("geheim\n", "geheim"), ("\n", None), ("", None)])
def test_the_empty_line_that_the_unit_gives_in_place_of_a_password_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credential: str, password: str | None
) -> None:
    (tmp_path / "mqtt-password").write_text(credential)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("EDGECLASSIFY_MQTT_PASSWORD", raising=False)
    assert read_password(MqttConfig(), tmp_path) == password
