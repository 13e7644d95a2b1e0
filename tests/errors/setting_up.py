"""`edgeclassify setup` with nobody to ask, done wrong."""

from __future__ import annotations

import socket

from tests.broker import Broker, free_port
from tests.errors.case import Group
from tests.errors.desk import Desk, Said
from tests.mqtt.network import Proxy
from tests.running import colour_of, write_model, write_pictures

SETTING_UP = Group(
    "Setting up",
    "`edgeclassify setup` without a terminal, or with `--yes`. Nothing is written. At a terminal it says the same, and "
    "asks again.",
    at_once=2,
)


def _setup(desk: Desk, *arguments: object, source: str = "seen") -> Said:
    write_model(desk.folder)
    write_pictures(desk.folder / "seen", colour_of(0))
    usual = ("--yes", "--offline", "--model", "./colours.tflite", "--node", "porch", "--pictures", "looked")
    return desk.process("setup", *usual, "--source", source, *arguments)


def _at(desk: Desk, port: int, *arguments: object) -> Said:
    desk.call_port(port)
    return _setup(desk, "--host", "127.0.0.1", "--port", port, *arguments)


for _wrong, _arguments in (
    ("no broker's name", ("--host", "")),
    ("a broker's name with a space", ("--host", "my nas")),
    ("a web address in place of the broker's", ("--host", "http://homeassistant.local:8123")),
    ("a port that there cannot be", ("--host", "nas:99999")),
    ("a port that is no number", ("--host", "nas", "--port", "abc")),
    ("a node with other characters", ("--node", "Küche 1")),
    ("a topic with a wildcard", ("--base-topic", "home/#")),
    ("a certificate without its key", ("--host", "nas", "--certificate", "porch.pem")),
    ("a password file that is not there", ("--host", "nas", "--password-file", "secret")),
    ("an empty password", ("--host", "nas", "--password-stdin")),
    ("a folder that does not exist", ("--config", "none/config.yaml")),
    ("a model that is not here", ("--host", "nas", "--model", "mobilnet")),
):
    SETTING_UP.add(_wrong, lambda desk, arguments=_arguments: _setup(desk, *arguments))  # type: ignore[misc]


@SETTING_UP.case("nobody listens on that port")
def _refused(desk: Desk) -> Said:
    return _at(desk, free_port())


@SETTING_UP.case("what answers there is no broker")
def _web(desk: Desk) -> Said:
    with Broker(desk.folder / "broker") as broker, Proxy(broker.port, lambda _: b"HTTP/1.1 400 Bad Request\r\n") as web:
        return _at(desk, web.port)


@SETTING_UP.case("nothing answers there")
def _silent(desk: Desk) -> Said:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        return _at(desk, silent.getsockname()[1])


@SETTING_UP.case("a login is wanted")
def _login(desk: Desk) -> Said:
    with Broker(desk.folder / "broker", users={"porch": "right"}) as broker:
        return _at(desk, broker.port)


@SETTING_UP.case("a wrong password")
def _password(desk: Desk) -> Said:
    desk.write("secret", "wrong\n").chmod(0o600)
    with Broker(desk.folder / "broker", users={"porch": "right"}) as broker:
        return _at(desk, broker.port, "--username", "porch", "--password-file", "secret")


@SETTING_UP.case("it may not publish there")
def _forbidden(desk: Desk) -> Said:
    access = desk.write("access", "topic read #\n")
    with Broker(desk.folder / "broker", lines=[f"acl_file {access}"]) as broker:
        return _at(desk, broker.port)


@SETTING_UP.case("TLS where there is none")
def _tls(desk: Desk) -> Said:
    with Broker(desk.folder / "broker") as broker:
        return _at(desk, broker.port, "--tls")


@SETTING_UP.case("a camera that is not there")
def _camera(desk: Desk) -> Said:
    return _setup(desk, "--host", "nas", source="/dev/video42")


@SETTING_UP.case("a fragment that says something else")
def _fragment(desk: Desk) -> Said:
    desk.write("config.d/10-site.yaml", "node: other\n")
    return _setup(desk, "--host", "nas", "--untested")


@SETTING_UP.case("a file that would be changed")
def _changed(desk: Desk) -> Said:
    desk.write("config.yaml", "node: other\n")
    return _setup(desk, "--host", "nas", "--untested")


@SETTING_UP.case("a file with a mistake")
def _mistake(desk: Desk) -> Said:
    desk.write("config.yaml", "mqtt:\n  hst: nas\n")
    return _setup(desk, "--host", "nas", "--untested")
