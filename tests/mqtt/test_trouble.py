"""Brokers that refuse, cheat or speak something else: what is said, and that it goes on when they come to reason."""

import json
import logging
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeclassify.config.sections import MqttConfig, TlsConfig
from edgeclassify.errors import ConfigError
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.credentials import password_warnings, read_password, tls_context
from tests.broker import Broker, Inbox, ServerTls, free_port
from tests.mqtt.certificates import Authority
from tests.mqtt.conftest import EVENTS, StartPublisher
from tests.mqtt.network import Proxy, is_mqtt5
from tests.mqtt.records import appeared, visits
from tests.waiting import wait_until

Said = Callable[[str], None]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Said:
    """Wait until the log says something, once."""
    caplog.set_level(logging.INFO)

    def wait_for(text: str) -> None:
        wait_until(lambda: text in caplog.text)
        assert caplog.text.count(text) == 1

    return wait_for


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_a_refused_login_is_said_and_tried_until_it_is_granted(
    tmp_path: Path, start: StartPublisher, said: Said, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "secret").write_text("wrong-Pa55word\n")
    with Broker(tmp_path / "broker", users={"hut": "right-Pa55word"}) as broker:
        publisher = start(broker.port, username="hut", password_file="secret")
        said("login refused (Not authorized); check mqtt.username and the password in mqtt.password_file")
        publisher.accept(appeared())
        (tmp_path / "secret").write_text("right-Pa55word\n")  # no restart is needed
        assert publisher.flush(10)
    assert "Pa55word" not in caplog.text


def test_a_login_that_is_not_set_is_asked_for(tmp_path: Path, start: StartPublisher, said: Said):
    with Broker(tmp_path / "broker", users={"hut": "x"}) as broker:
        start(broker.port)
        said("login refused (Not authorized); set mqtt.username and mqtt.password_file")


def test_a_broker_that_lets_us_publish_nothing_loses_nothing(tmp_path: Path, start: StartPublisher, said: Said):
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    with Broker(tmp_path / "broker", lines=[f"acl_file {acl}"]) as broker:
        publisher = start(broker.port)
        publisher.accept(appeared())
        said("may not publish on edgeclassify/hut/status (Not authorized); give user (anonymous) write access")
        acl.write_text("topic readwrite #\n")
        broker.reload()
        assert publisher.flush(10)
        assert publisher.counters.delivered_total == 1


def test_an_event_that_is_not_allowed_does_not_block_the_others(tmp_path: Path, start: StartPublisher, said: Said):
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite edgeclassify/hut/status\ntopic readwrite edgeclassify/hut/porch/#\n")
    with Broker(tmp_path / "broker", lines=[f"acl_file {acl}"]) as broker:
        publisher = start(broker.port)
        for decision in (appeared(), appeared(camera="yard"), appeared("dog")):
            publisher.accept(decision)
        assert publisher.flush(10)
        said("on edgeclassify/hut/yard/event is not delivered: the broker refused it: Not authorized")
        assert (publisher.counters.delivered_total, publisher.counters.dead_total) == (2, 1)


def test_a_wrong_port(start: StartPublisher, said: Said):
    start(free_port())
    said("connection refused; start the broker, or check mqtt.host and mqtt.port")


def test_a_name_that_nobody_knows(start: StartPublisher, said: Said):
    start(1883, host="no-such-host.invalid")
    said("the name is not known here")


def test_something_that_takes_connections_and_says_nothing(start: StartPublisher, said: Said):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start(silent.getsockname()[1])
        said("it does not answer within 1 s")


def test_something_that_is_no_broker(start: StartPublisher, said: Said, broker: Broker):
    with Proxy(broker.port, lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n") as web:
        start(web.port)
        said("what answers there is no MQTT broker; check mqtt.host and mqtt.port")


@pytest.mark.parametrize("answer", [b"\x20\x02\x00", b"\x20\x00", b"\x20\x03\x00\x00\x7f", b"\x20\xff\xff\xff\xff\xff"])
def test_a_broker_that_answers_nonsense_is_tried_again(
    start: StartPublisher, said: Said, broker: Broker, answer: bytes
):
    with Proxy(broker.port, lambda _: answer) as nonsense:
        start(nonsense.port)
        said("the connection is closed without an answer")


@pytest.mark.parametrize("answer", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b""], ids=["3.1.1", "5", "hangs up"])
def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(
    start: StartPublisher, said: Said, broker: Broker, answer: bytes
):
    with Proxy(broker.port, lambda first: answer if is_mqtt5(first) else None) as old, Inbox(broker) as inbox:
        publisher = start(old.port)
        publisher.accept(appeared())
        assert publisher.flush(10)
        said("connected (MQTT 3.1.1)")
        old.cut()
        wait_until(lambda: not publisher.connected)
        publisher.accept(appeared("dog"))
        assert publisher.flush(10)  # remembered: at once
        wait_until(lambda: len(inbox.of(EVENTS)) == 2)


def test_our_own_echo_is_nobody_else(start: StartPublisher, broker: Broker, caplog: pytest.LogCaptureFixture):
    with (
        Proxy(broker.port, lambda first: b"\x20\x02\x00\x01" if is_mqtt5(first) else None) as old,
        Inbox(broker) as inbox,
    ):
        publisher = start(old.port)
        wait_until(lambda: publisher.connected)
        inbox.publish(publisher.topics.status, "offline")
        wait_until(lambda: inbox.texts(publisher.topics.status)[-1] == "online")
        got = []
        publisher.subscribe("echo", lambda incoming: got.append(incoming.payload))
        wait_until(lambda: bool(inbox.publish("echo", "x")) or got)
        assert "another device" not in caplog.text
        inbox.publish(publisher.topics.status, "online")
        wait_until(lambda: "another device calls itself hut" in caplog.text)


def test_another_device_is_noticed_by_both_of_the_two(
    tmp_path: Path, start: StartPublisher, broker: Broker, caplog: pytest.LogCaptureFixture
):
    first = start(broker.port)
    wait_until(lambda: first.connected)
    second = start(broker.port, folder=tmp_path / "second")
    wait_until(lambda: second.connected)
    wait_until(lambda: caplog.text.count("another device calls itself hut") == 1)
    # The newer one heard nothing of the older yet: it does when that one tells its health.
    first.retain(messages.health(first.topics, {"uptime_seconds": 1}))
    wait_until(lambda: caplog.text.count("another device calls itself hut") == 2)


def test_our_own_health_is_nobody_else(start: StartPublisher, broker: Broker, caplog: pytest.LogCaptureFixture):
    with Inbox(broker) as inbox:
        publisher = start(broker.port)
        wait_until(lambda: publisher.connected)
        for uptime in range(3):
            publisher.retain(messages.health(publisher.topics, {"uptime_seconds": uptime}))
        wait_until(lambda: len(inbox.of(publisher.topics.health)) == 3)
        broker.restart()  # it comes back retained, or not at all
        wait_until(lambda: publisher.connected and len(inbox.of(publisher.topics.health)) >= 4)
    assert "another device" not in caplog.text


@pytest.mark.parametrize("line", ["message_size_limit 800", "max_packet_size 900"])
def test_an_event_that_is_too_large_for_the_broker_is_put_aside(
    tmp_path: Path, start: StartPublisher, line: str, caplog: pytest.LogCaptureFixture
):
    with Broker(tmp_path / "broker", lines=[line]) as broker, Inbox(broker) as inbox:
        publisher = start(broker.port)
        for decision in (appeared("a"), appeared("x" * 1000), appeared("b")):
            publisher.accept(decision, b"jpeg" * 1000)
        assert publisher.flush(10)
        assert (publisher.counters.delivered_total, publisher.counters.dead_total) == (2, 1)
        wait_until(lambda: {json.loads(text)["label"] for text in inbox.texts(EVENTS)} == {"a", "b"})
    assert caplog.text.count("is not delivered") == 1


def test_an_event_that_an_old_broker_hangs_up_on_is_put_aside(tmp_path: Path, start: StartPublisher):
    with (
        Broker(tmp_path / "broker", lines=["max_packet_size 900"]) as broker,
        Proxy(broker.port, lambda first: b"\x20\x02\x00\x01" if is_mqtt5(first) else None) as old,
        Inbox(broker) as inbox,
    ):
        publisher = start(old.port)
        for decision in (appeared("a"), appeared("x" * 1000), appeared("b"), appeared("c")):
            publisher.accept(decision)
        assert publisher.flush(20)
        assert (publisher.counters.delivered_total, publisher.counters.dead_total) == (3, 1)
        wait_until(lambda: len(inbox.of(EVENTS)) >= 3)


def tls_broker(folder: Path, authority: Authority, name: str, **more) -> Broker:
    signed = authority.sign(name, **more)
    return Broker(folder / "broker", tls=ServerTls(signed.certificate, signed.key))


def trusting(authority: Authority) -> dict:
    return {"tls": TlsConfig(enabled=True, ca=str(authority.certificate))}


def test_tls_with_an_authority_of_our_own(tmp_path: Path, authority: Authority, start: StartPublisher):
    with tls_broker(tmp_path, authority, "good") as broker:
        publisher = start(broker.port, **trusting(authority))
        for decision in visits(200):
            publisher.accept(decision)
        assert publisher.flush(10)
        assert publisher.counters.delivered_total == 200


@pytest.mark.parametrize(
    ("name", "more", "text"),
    [
        ("expired", {"end": "20210101000000Z"}, "the broker's certificate has expired; renew it"),
        (
            "early",
            {"start": "20980101000000Z"},
            "the broker's certificate is not yet valid; this machine's clock may be",
        ),
        ("elsewhere", {"names": "DNS:example.com"}, "the broker's certificate is not for 127.0.0.1; set mqtt.host"),
    ],
)
def test_a_bad_certificate_is_refused_and_said(
    tmp_path: Path, authority: Authority, start: StartPublisher, said: Said, name: str, more: dict, text: str
):
    with tls_broker(tmp_path, authority, name, **more) as broker:
        publisher = start(broker.port, **trusting(authority))
        said(text)
        assert not publisher.connected


def test_an_authority_we_do_not_trust_is_refused(
    tmp_path: Path, authority: Authority, start: StartPublisher, said: Said, caplog: pytest.LogCaptureFixture
):
    with tls_broker(tmp_path, authority, "other") as broker:
        start(broker.port, tls=TlsConfig(enabled=True, ca=str(Authority(tmp_path / "other", "other").certificate)))
        said("the broker's certificate is not trusted by mqtt.tls.ca")
        caplog.clear()
        start(broker.port, folder=None, tls=TlsConfig(enabled=True))
        said("the broker's certificate is not trusted by the system's own authorities")


def test_tls_to_a_plain_port_and_plain_to_a_tls_port(
    tmp_path: Path, authority: Authority, broker: Broker, start: StartPublisher, said: Said
):
    start(broker.port, **trusting(authority))
    said("this port may not speak TLS: check mqtt.port and mqtt.tls.enabled")
    with tls_broker(tmp_path / "tls", authority, "plain") as secure:
        start(secure.port, folder=None)
        said("set mqtt.tls.enabled: true")


def test_a_broker_that_wants_a_client_certificate(
    tmp_path: Path, authority: Authority, start: StartPublisher, said: Said
):
    server, client = authority.sign("server"), authority.sign("client")
    tls = ServerTls(server.certificate, server.key, client_ca=authority.certificate)
    with Broker(tmp_path / "broker", tls=tls) as broker:
        start(broker.port, folder=None, **trusting(authority))
        said("if the broker wants a client certificate, set mqtt.tls.certificate and key")
        certificate, key = str(client.certificate), str(client.key)
        tls_of_this = TlsConfig(enabled=True, ca=str(authority.certificate), certificate=certificate, key=key)
        publisher = start(broker.port, tls=tls_of_this)
        wait_until(lambda: publisher.connected)


def test_a_client_certificate_of_another_authority_is_refused_and_said(
    tmp_path: Path, authority: Authority, start: StartPublisher, said: Said
):
    server, foreign = authority.sign("server2"), Authority(tmp_path / "foreign", "foreign").sign("client")
    tls = ServerTls(server.certificate, server.key, client_ca=authority.certificate)
    with Broker(tmp_path / "broker", tls=tls) as broker:
        own = {"certificate": str(foreign.certificate), "key": str(foreign.key)}
        publisher = start(broker.port, tls=TlsConfig(enabled=True, ca=str(authority.certificate), **own))
        said("set mqtt.tls.certificate and key")
        assert not publisher.connected


def test_the_certificate_is_always_verified(tmp_path: Path, authority: Authority):
    for tls in (TlsConfig(enabled=True), TlsConfig(enabled=True, ca=str(authority.certificate))):
        context = tls_context(tls, tmp_path)
        assert context is not None
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
    assert set(TlsConfig.model_fields) == {"enabled", "ca", "certificate", "key"}, "no key switches that off"


def test_a_frozen_broker_is_noticed_without_events(broker: Broker, start: StartPublisher, said: Said):
    publisher = start(broker.port)
    wait_until(lambda: publisher.connected)
    broker.freeze()
    frozen_s = time.monotonic()
    wait_until(lambda: not publisher.connected)
    assert time.monotonic() - frozen_s < 7  # keepalive_seconds is 5
    said("connection lost (Keep alive timeout)")
    broker.thaw()
    wait_until(lambda: publisher.connected)


def test_passwords_are_read_from_file_then_environment_then_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert read_password(MqttConfig(), tmp_path) is None
    (tmp_path / "mqtt-password").write_text("of systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_password(MqttConfig(), tmp_path) == "of systemd"
    monkeypatch.setenv("EDGECLASSIFY_MQTT_PASSWORD", "of environment")
    assert read_password(MqttConfig(), tmp_path) == "of environment"
    (tmp_path / "secret").write_text("of file \r\n")
    assert read_password(MqttConfig(password_file="secret"), tmp_path) == "of file "
    (tmp_path / "secret").chmod(0o644)
    (warning,) = password_warnings(MqttConfig(password_file="secret"), tmp_path)
    assert "every user of this machine can read it; run: chmod o-r" in warning


@pytest.mark.parametrize(
    ("host", "is_network"),
    [
        ("localhost", False),
        ("LOCALHOST.", False),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("::1", False),
        ("192.168.1.2", True),
        ("169.254.1.1", True),
        ("fe80::1%eth0", True),
        ("8.8.8.8", True),
        ("homeassistant.local", True),
        ("localhost.example.com", True),
    ],
)
def test_a_password_over_a_plain_network_is_warned_of(tmp_path: Path, host: str, is_network: bool):
    (tmp_path / "secret").write_text("Pa55word")
    (tmp_path / "secret").chmod(0o600)
    config = MqttConfig(host=host, username="hut", password_file="secret")
    found = password_warnings(config, tmp_path)
    assert len(found) == is_network
    assert "Pa55word" not in str(found)
    if is_network:
        assert found[0].startswith(f"mqtt.host {host}: the password is sent unencrypted")
    assert not password_warnings(config.model_copy(update={"tls": TlsConfig(enabled=True)}), tmp_path)
    assert not password_warnings(config.model_copy(update={"username": ""}), tmp_path)
    assert not password_warnings(MqttConfig(host=host, username="hut"), tmp_path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"x" * 70_000, "too large"),
        (None, "Is a directory"),
    ],
)
def test_a_password_file_that_holds_no_password_is_refused(tmp_path: Path, content: bytes | None, text: str):
    path = tmp_path / "secret"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ConfigError, match=text):
        read_password(MqttConfig(password_file="secret"), tmp_path)


def test_tls_files_that_cannot_be_used_are_refused(tmp_path: Path, authority: Authority):
    (tmp_path / "text").write_text("not PEM")
    one, two = authority.sign("one"), authority.sign("two")
    for tls, text in [
        ({"ca": "missing"}, "mqtt.tls.ca: .*missing: No such file"),
        ({"ca": "text"}, "mqtt.tls.ca: .*text: holds no certificate; it must be PEM"),
        ({"ca": "."}, "mqtt.tls.ca: .*Is a directory"),
        ({"certificate": str(one.certificate), "key": "missing"}, "mqtt.tls.key: .*missing: No such file"),
        ({"certificate": "text", "key": str(one.key)}, "do not fit together or are not PEM"),
        ({"certificate": str(one.certificate), "key": str(two.key)}, "do not fit together or are not PEM"),
    ]:
        with pytest.raises(ConfigError, match=text):
            tls_context(TlsConfig(enabled=True, **tls), tmp_path)
    assert tls_context(TlsConfig(ca="missing"), tmp_path) is None
