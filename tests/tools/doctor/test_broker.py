"""The stages of the broker's check, on real brokers."""

import socket
from pathlib import Path
from typing import Any

import pytest

from edgeclassify.config.sections import MqttConfig
from edgeclassify.tools.doctor import broker as doctor
from tests.broker import Broker, Inbox, ServerTls, free_port
from tests.mqtt.certificates import Authority
from tests.mqtt.network import Proxy, is_mqtt5
from tests.waiting import wait_until


def stages(port: int, base: Path, host: str = "127.0.0.1", **more: Any) -> dict[str, str]:
    """What is said of each stage."""
    config = MqttConfig(host=host, port=port, **more)
    found = list(doctor.check_broker(config, base, "hut"))
    return {finding.check: finding.line.replace(f" broker {finding.check}:", "") for finding in found}


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ANSWER_S", 2.0)


def test_all_stages_of_a_good_broker_are_ok_and_nothing_stays_there(
    broker: Broker, inbox: Inbox, tmp_path: Path
) -> None:
    said = stages(broker.port, tmp_path)
    assert [(stage, line[:4]) for stage, line in said.items()] == [
        ("name", "ok  "), ("tcp", "ok  "), ("tls", "skip"), ("login", "ok  "), ("publish", "ok  "), ("receive", "ok  "),
    ]  # fmt: skip
    assert said["login"] == "ok   accepted without a user name, MQTT 5"
    wait_until(lambda: inbox.received)
    (message,) = inbox.received
    assert (message.topic, message.qos, message.retain) == ("edgeclassify/hut/doctor", 1, False)


@pytest.mark.parametrize("answer", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b""], ids=["3.1.1", "5", "hangs up"])
def test_a_broker_of_mqtt_3_1_1_is_enough(broker: Broker, tmp_path: Path, answer: bytes) -> None:
    with Proxy(broker.port, lambda packet: answer if packet and is_mqtt5(packet) else None) as old:
        found = stages(old.port, tmp_path)
    assert found["login"] == "ok   accepted without a user name, MQTT 3.1.1"
    assert found["receive"].startswith("ok")


def test_an_unknown_name(tmp_path: Path) -> None:
    said = stages(1883, tmp_path, host="no-such-broker.invalid")
    assert list(said) == ["name"]
    assert said["name"].startswith("fail the name is not known here")
    assert "check mqtt.host" in said["name"]


def test_a_wrong_port(tmp_path: Path) -> None:
    said = stages(free_port(), tmp_path)
    assert said["tcp"] == "fail connection refused; start the broker, or check mqtt.host and mqtt.port"
    assert list(said) == ["name", "tcp"]


@pytest.mark.usefixtures("hurry")
def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = stages(silent.getsockname()[1], tmp_path)
    assert said["login"].startswith("fail it does not answer within 2 s; check mqtt.port")
    assert "publish" not in said


@pytest.mark.usefixtures("hurry")
def test_tls_with_a_server_that_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = stages(silent.getsockname()[1], tmp_path, tls={"enabled": True})
    assert said["tls"].startswith("fail no answer in time; check mqtt.host")


def test_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGECLASSIFY_MQTT_PASSWORD", raising=False)
    (tmp_path / "right").write_text("s3cret")
    (tmp_path / "wrong").write_text("gue55ed")
    with Broker(tmp_path / "closed", users={"ann": "s3cret"}) as closed:
        right = stages(closed.port, tmp_path, username="ann", password_file="right")
        wrong = stages(closed.port, tmp_path, username="ann", password_file="wrong")
        nobody = stages(closed.port, tmp_path)
        none = stages(closed.port, tmp_path, username="ann")
    assert right["login"] == "ok   accepted user ann, MQTT 5"
    assert right["receive"].startswith("ok")
    assert "fail login refused" in wrong["login"]
    assert "the password in mqtt.password_file" in wrong["login"]
    assert "set mqtt.username and mqtt.password_file" in nobody["login"]
    assert "no password is set here for user ann" in none["login"]
    assert "s3cret" not in str((right, wrong, nobody, none))
    assert "gue55ed" not in str(wrong)


def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.sign("server")
    tls = ServerTls(server.certificate, server.key)
    trusted = {"enabled": True, "ca": str(authority.certificate)}
    with Broker(tmp_path / "secure", tls=tls) as secure:
        right = stages(secure.port, tmp_path, tls=trusted)
        unknown = stages(secure.port, tmp_path, tls={"enabled": True})
        plain = stages(secure.port, tmp_path)
        other = stages(secure.port, tmp_path, host="127.0.0.2", tls=trusted)
    assert right["tls"].startswith("ok   the broker's certificate is trusted (TLSv1.")
    assert right["receive"].startswith("ok")
    assert unknown["tls"].startswith("fail TLS: the broker's certificate is not trusted")
    assert "set mqtt.tls.ca" in unknown["tls"]
    assert "mqtt.tls.enabled" in plain["login"]
    assert list(other) == ["name", "tcp"]  # nobody listens there


def test_tls_on_a_port_without(broker: Broker, tmp_path: Path) -> None:
    said = stages(broker.port, tmp_path, tls={"enabled": True})
    assert said["tls"].startswith("fail TLS: no secure connection")
    assert "mqtt.tls.enabled" in said["tls"]


@pytest.mark.usefixtures("hurry")
def test_a_user_who_may_not_publish_or_not_read(tmp_path: Path) -> None:
    access = tmp_path / "access"
    for rule, stage in (("read", "publish"), ("write", "receive")):
        access.write_text(f"topic {rule} edgeclassify/#\n")
        with Broker(tmp_path / rule, lines=[f"acl_file {access}"]) as strict:
            said = stages(strict.port, tmp_path)
        assert said[stage].startswith("fail")
        assert "edgeclassify/hut/# in the broker's access list" in said[stage]


def test_no_password_file_is_said(broker: Broker, tmp_path: Path) -> None:
    said = stages(broker.port, tmp_path, username="ann", password_file="gone")
    assert said["login"].startswith("fail mqtt.password_file: ")
    assert "No such file" in said["login"]
