"""The broker, in stages: name, TCP, TLS, login, publish and receive."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from edgeclassify.config.sections import MqttConfig
from edgeclassify.mqtt import trouble
from edgeclassify.mqtt.connection import MQTT5, MQTT311, Connection, Route
from edgeclassify.mqtt.credentials import read_password, tls_context
from edgeclassify.mqtt.messages import Message
from edgeclassify.mqtt.topics import Topics
from edgeclassify.mqtt.trouble import Trouble
from edgeclassify.tools.doctor.findings import Finding, Part

PART = Part("broker")

Password = Callable[[], str | None]

_ANSWER_S = 5.0


class _TroubleError(Exception):
    def __init__(self, problem: Trouble) -> None:
        super().__init__(problem.text)


def check_broker(
    config: MqttConfig, base: Path, node: str, purpose: str = "doctor", password: Password | None = None
) -> Iterator[Finding]:
    """Yield one finding for each stage, up to the first that fails.

    Args:
        config: where the broker is.
        base: the folder that relative paths of the configuration are relative to.
        node: this device's name in topics.
        purpose: the last part of the topic that is published on.
        password: gives the password; default: as the configuration says.
    """
    password = password or partial(read_password, config, base)
    stages: dict[str, Callable[[MqttConfig, Path], str]] = {"name": _resolve, "tcp": _reach, "tls": _secure}
    for stage, go in stages.items():
        if stage == "tls" and not config.tls.enabled:
            yield PART.skip("tls", "mqtt.tls.enabled is false")
            continue
        try:
            yield PART.ok(stage, go(config, base))
        except (OSError, ValueError) as error:  # ConfigError and all errors of ssl and socket are among them
            yield PART.failed(stage, trouble.of_dialling(error, config).text)
            return
    topic = f"{Topics(config.base_topic, node).root}/{purpose}"
    try:
        connection = _log_in(config, base, topic, password)
    except _TroubleError as error:
        yield _refused(config, password, str(error))
        return
    with closing(connection):
        version = "5" if connection.protocol == MQTT5 else "3.1.1"
        yield PART.ok("login", f"accepted {_user(config)}, MQTT {version}")
        yield from _exchange(connection, topic, config)
        connection.disconnect()


def _resolve(config: MqttConfig, _: Path) -> str:
    found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    return f"{config.host} is {', '.join(addresses)}"


def _reach(config: MqttConfig, _: Path) -> str:
    started_s = time.monotonic()
    socket.create_connection((config.host, config.port), _ANSWER_S).close()
    return f"port {config.port} answers in {(time.monotonic() - started_s) * 1000:.0f} ms"


def _secure(config: MqttConfig, base: Path) -> str:
    context = tls_context(config.tls, base)
    assert context is not None
    with (
        socket.create_connection((config.host, config.port), _ANSWER_S) as plain,
        context.wrap_socket(plain, server_hostname=config.host) as secured,
    ):
        return f"the broker's certificate is trusted ({secured.version()})"


def _log_in(config: MqttConfig, base: Path, topic: str, password: Password) -> Connection:
    """Return a connection that the broker accepted, with MQTT 5 if it speaks it.

    Raises:
        _TroubleError: it did not.
    """
    # A name of its own, so that a running daemon is not thrown out; the last will says nothing that anybody reads.
    client_id = f"edgeclassify-{topic.rpartition('/')[2]}-{secrets.token_hex(4)}"
    route = Route(config.host, config.port, 15, client_id, config.username, Message(topic, b""))
    problem = Trouble("")
    for protocol in (MQTT5, MQTT311):
        connection = Connection(route, protocol, _ANSWER_S)
        found = _attempt(connection, config, base, password)
        if found is None:
            return connection
        connection.close()
        problem = found
        # An old broker refuses MQTT 5 or hangs up on it: what it says to 3.1.1 counts then.
        hung_up = connection.answer is None and connection.lost is not None and not connection.first_byte
        refused = connection.answer is not None and connection.answer.value == trouble.UNSUPPORTED_VERSION
        if not (hung_up or refused):
            break
    raise _TroubleError(problem)


def _attempt(connection: Connection, config: MqttConfig, base: Path, password: Password) -> Trouble | None:
    try:
        connection.dial(password(), tls_context(config.tls, base))
    except (OSError, ValueError) as error:
        return trouble.of_dialling(error, config)
    if not _pump(connection, lambda: connection.answer is not None):
        return trouble.of_hang_up(connection.first_byte, config) if connection.lost else trouble.of_silence(_ANSWER_S)
    assert connection.answer is not None
    return trouble.of_refusal(connection.answer, config) if connection.answer.is_failure else None


def _refused(config: MqttConfig, password: Password, text: str) -> Finding:
    if config.username and text.startswith(trouble.LOGIN_REFUSED) and password() is None:
        what, _, advice = text.partition("; ")
        advice += "; a password kept as a systemd credential is known to the service only: its log tells how it fares"
        return PART.fail("login", f"{what}, and no password is set here for user {config.username}", advice)
    return PART.failed("login", text)


def _exchange(connection: Connection, topic: str, config: MqttConfig) -> Iterator[Finding]:
    """Send a message to ourselves, as events are sent: QoS 1, not retained."""
    word = secrets.token_hex(8).encode()
    started_s = time.monotonic()
    connection.subscribe([topic])
    packet_id = connection.publish(Message(topic, word, qos=1))
    if not _pump(connection, lambda: any(ack.packet_id == packet_id for ack in connection.acks)):
        text = trouble.of_loss(connection.lost).text if connection.lost else trouble.of_silence(_ANSWER_S).text
        yield PART.fail("publish", f"no acknowledgement of a message on {topic} ({text})", "look into the broker's log")
        return
    ack = next(ack for ack in connection.acks if ack.packet_id == packet_id)
    if ack.refused:
        yield PART.failed("publish", trouble.of_write_refusal(ack.code, topic, config).text)
        return
    yield PART.ok("publish", f"{topic} acknowledged in {(time.monotonic() - started_s) * 1000:.0f} ms")
    if _pump(connection, lambda: any(message.payload == word for message in connection.incoming)):
        yield PART.ok("receive", "it came back")
    else:
        yield PART.fail(
            "receive",
            f"what was published on {topic} did not come back within {_ANSWER_S:g} s",
            f"give {_user(config)} read and write access to {topic.rpartition('/')[0]}/# in the broker's access list",
        )


def _pump(connection: Connection, done: Callable[[], bool]) -> bool:
    """Serve the connection until something is done; return whether it was in time."""
    deadline_s = time.monotonic() + _ANSWER_S
    never = os.eventfd(0)
    try:
        while not done() and connection.lost is None and (left_s := deadline_s - time.monotonic()) > 0:
            connection.pump(never, left_s)
    finally:
        os.close(never)
    return done()


def _user(config: MqttConfig) -> str:
    return f"user {config.username}" if config.username else "without a user name"
