"""Looking after nodes: watch, nodes, forget, overrides, service; and commands over MQTT that are refused."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from tests.broker import Broker, Inbox, free_port
from tests.errors.case import Group, Show
from tests.errors.desk import RUNS_ON, Desk, Said
from tests.running import NOTHING, Background, slides, write_pictures
from tests.waiting import wait_until

OPERATING = Group("Looking after it", "One-shot commands on a broker, on what was set over MQTT, and on the service.")
COMMANDS = Group(
    "Commands over MQTT",
    "What `<base>/<node>/response` says of a command that is not carried out; the log says it too.",
)


def _without_broker(*command: str) -> Show:
    def show(desk: Desk) -> Said:
        desk.configure(mqtt={"host": "127.0.0.1", "port": desk.call_port(free_port())})
        return desk.run(*command)

    return show


OPERATING.add("`watch`, and there is no broker", _without_broker("watch"))
OPERATING.add("`nodes`, and there is no broker", _without_broker("nodes"))


@OPERATING.case("`watch`, and the login is refused")
def _login(desk: Desk) -> Said:
    with Broker(desk.folder / "broker", users={"porch": "right"}) as broker:
        desk.configure(mqtt={"host": "127.0.0.1", "port": desk.call_port(broker.port)})
        return desk.run("watch")


def _forgotten(name: str, status: str = "offline") -> Show:
    def show(desk: Desk) -> Said:
        with Broker(desk.folder / "broker") as broker, Inbox(broker) as inbox:
            desk.configure(mqtt={"host": "127.0.0.1", "port": desk.call_port(broker.port)})
            inbox.publish("edgeclassify/old-pi/status", status, retain=True)
            return desk.run("forget", name)

    return show


OPERATING.add("`forget` of a node that the broker does not know", _forgotten("odl-pi"))
OPERATING.add("`forget` of one that is online", _forgotten("old-pi", "online"))
OPERATING.add("`forget` of a wildcard", _forgotten("+"))
OPERATING.add(
    "`overrides clear` of a camera for which nothing is set",
    lambda desk: desk.run("overrides", "clear", "--camera", "door"),
)


@OPERATING.case("`overrides`, and its file is damaged")
def _damaged(desk: Desk) -> Said:
    desk.write("state/overrides.json", "{")
    desk.configure(state_dir="state")
    return desk.run("overrides")


OPERATING.add("`service install` without root", lambda desk: desk.somebody("service", "install"))
OPERATING.add("`service uninstall` without root", lambda desk: desk.somebody("service", "uninstall"))
OPERATING.add("`service set-password` without root", lambda desk: desk.somebody("service", "set-password"))


@contextlib.contextmanager
def _node(desk: Desk) -> Iterator[Inbox]:
    pictures = write_pictures(desk.folder / "seen", NOTHING)
    with Broker(desk.folder / "broker") as broker, Inbox(broker) as inbox:
        desk.configure(
            node="porch",
            state_dir="state",
            cameras={"door": slides(pictures)},
            mqtt={"host": "127.0.0.1", "port": broker.port},
        )
        with Background(desk.folder, "run") as daemon:
            daemon.wait_for("ready: ")
            wait_until(lambda: inbox.last("edgeclassify/porch/status") == "online")
            yield inbox


def _refused(setting: str, payload: str | bytes, *, retain: bool = False) -> Show:
    def show(desk: Desk) -> Said:
        with _node(desk) as inbox:
            inbox.publish(f"edgeclassify/porch/{setting}/set", payload, retain=retain)
            wait_until(lambda: inbox.of("edgeclassify/porch/response"))
            answer = json.loads(inbox.texts("edgeclassify/porch/response")[-1])
            inbox.publish(f"edgeclassify/porch/{setting}/set", b"", retain=True)
        assert answer["done"] is False
        return Said(answer["message"], RUNS_ON)

    return show


COMMANDS.add("a threshold that is no number", _refused("door/threshold", "high"))
COMMANDS.add("a threshold of 2", _refused("door/threshold", "2"))
COMMANDS.add("a switch that is neither ON nor OFF", _refused("door/enabled", "yes"))
COMMANDS.add("a camera that there is not", _refused("gate/enabled", "ON"))
COMMANDS.add("not UTF-8", _refused("door/enabled", b"\xff\xfe"))
COMMANDS.add("300 bytes", _refused("door/threshold", "1" * 300))
