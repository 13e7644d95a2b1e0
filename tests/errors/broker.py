"""Brokers that are not there, or say no."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.broker import Broker, ServerTls, free_port
from tests.errors.case import Group
from tests.errors.desk import Desk, Said
from tests.mqtt.certificates import Authority
from tests.running import NOTHING, slides, write_pictures

BROKER = Group(
    "Broker",
    "`edgeclassify run`: it classifies all the same, tries again for ever, and every event waits on disk. Each trouble "
    "is logged once.",
    at_once=4,
)


def _run(desk: Desk, port: int, words: str = "broker 127.0.0.1", **mqtt: Any) -> Said:
    desk.call_port(port)
    pictures = write_pictures(desk.folder / "seen", NOTHING)
    desk.configure(
        node="porch",
        state_dir="state",
        cameras={"door": slides(pictures)},
        mqtt={"host": "127.0.0.1", "port": port, **mqtt},
    )
    return desk.daemon(words)


@contextlib.contextmanager
def _tls_broker(desk: Desk, authority: Authority, **signed: str) -> Iterator[Broker]:
    own = authority.sign("broker", **signed)
    with Broker(desk.folder / "broker", tls=ServerTls(own.certificate, own.key)) as broker:
        yield broker


def _authority(desk: Desk) -> Authority:
    return Authority(desk.folder / "authority")


def _trusting(authority: Authority) -> dict[str, Any]:
    ca = Path(authority.certificate)
    return {"tls": {"enabled": True, "ca": f"{ca.parent.name}/{ca.name}"}}


@BROKER.case("nobody listens on that port")
def _refused(desk: Desk) -> Said:
    return _run(desk, free_port())


@BROKER.case("a name that nobody knows")
def _unknown(desk: Desk) -> Said:
    said = _run(desk, free_port(), "broker nowhere.invalid", host="nowhere.invalid")
    # What the system's resolver says depends on whether there is a network.
    return Said(said.text.replace("Temporary failure in name resolution", "Name or service not known"), said.code)


@BROKER.case("a wrong password")
def _login(desk: Desk) -> Said:
    desk.write("mqtt-password.txt", "wrong\n").chmod(0o600)
    with Broker(desk.folder / "broker", users={"porch": "right"}) as broker:
        return _run(desk, broker.port, username="porch", password_file="mqtt-password.txt")


@BROKER.case("a password is wanted and none is set")
def _no_login(desk: Desk) -> Said:
    with Broker(desk.folder / "broker", users={"porch": "right"}) as broker:
        return _run(desk, broker.port)


@BROKER.case("it may not publish there")
def _not_allowed(desk: Desk) -> Said:
    rules = desk.write("acl", "topic read #\n")
    with Broker(desk.folder / "broker", lines=[f"acl_file {rules}"]) as broker:
        return _run(desk, broker.port, "may not publish")


@BROKER.case("it takes the connection and says nothing")
def _silent(desk: Desk) -> Said:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return _run(desk, listening.getsockname()[1])


@BROKER.case("what answers is no broker")
def _web(desk: Desk) -> Said:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as servant:
        servant.submit(_greet_as_ssh, listening)
        return _run(desk, listening.getsockname()[1])


def _greet_as_ssh(listening: socket.socket) -> None:
    client, _ = listening.accept()
    with client:
        client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        client.recv(1024)


@BROKER.case("TLS is set, and the port speaks none")
def _tls_to_plain(desk: Desk) -> Said:
    with Broker(desk.folder / "broker") as broker:
        said = _run(desk, broker.port, **_trusting(_authority(desk)))
    # How the connection ends is a race between the two halves of it.
    text = re.sub(r"no secure connection \(.*?\)", "no secure connection (Connection reset by peer)", said.text)
    return Said(text, said.code)


@BROKER.case("TLS is not set, and the port speaks nothing else")
def _plain_to_tls(desk: Desk) -> Said:
    with _tls_broker(desk, _authority(desk)) as broker:
        return _run(desk, broker.port)


@BROKER.case("a certificate of an authority that is not trusted")
def _untrusted(desk: Desk) -> Said:
    with _tls_broker(desk, _authority(desk)) as broker:
        return _run(desk, broker.port, tls={"enabled": True})


@BROKER.case("a certificate that has expired")
def _expired(desk: Desk) -> Said:
    authority = _authority(desk)
    with _tls_broker(desk, authority, end="20210101000000Z") as broker:
        return _run(desk, broker.port, **_trusting(authority))


@BROKER.case("a certificate for another name")
def _elsewhere(desk: Desk) -> Said:
    authority = _authority(desk)
    with _tls_broker(desk, authority, names="DNS:broker.example") as broker:
        return _run(desk, broker.port, **_trusting(authority))


@BROKER.case("a client certificate is wanted and none is set")
def _no_certificate(desk: Desk) -> Said:
    authority = _authority(desk)
    own = authority.sign("broker")
    tls = ServerTls(own.certificate, own.key, client_ca=authority.certificate)
    with Broker(desk.folder / "broker", tls=tls) as broker:
        return _run(desk, broker.port, **_trusting(authority))


@BROKER.case("a password over a network without TLS, a warning of `check`")
def _unencrypted(desk: Desk) -> Said:
    desk.write("mqtt-password.txt", "right\n").chmod(0o600)
    desk.configure(mqtt={"host": "192.168.1.2", "username": "porch", "password_file": "mqtt-password.txt"})
    return desk.process("check").only("warning")
