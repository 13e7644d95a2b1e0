"""Looking after nodes: watch, nodes, forget, overrides, service; and commands over MQTT that are refused."""

from __future__ import annotations

import contextlib
import functools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
        return desk.run(*command).only("edgeclassify: ")

    return show


OPERATING.add("`watch`, and there is no broker", _without_broker("watch"))
OPERATING.add("`nodes`, and there is no broker", _without_broker("nodes"))


@OPERATING.case("`watch`, and the login is refused")
def _login(desk: Desk) -> Said:
    with Broker(desk.folder / "broker", users={"porch": "right"}) as broker:
        desk.configure(mqtt={"host": "127.0.0.1", "port": desk.call_port(broker.port)})
        return desk.run("watch").only("edgeclassify: ")


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


_REFUSED: dict[str, tuple[str, str | bytes]] = {
    "a threshold that is no number": ("door/threshold", "high"),
    "a threshold of 2": ("door/threshold", "2"),
    "a switch that is neither ON nor OFF": ("door/enabled", "yes"),
    "a camera that there is not": ("gate/enabled", "ON"),
    "not UTF-8": ("door/enabled", b"\xff\xfe"),
    "300 bytes": ("door/threshold", "1" * 300),
}


@functools.cache
def _answers(shared: Path) -> dict[str, str]:
    """What one node answers to all of them."""
    answers: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory(prefix="edgeclassify-errors-") as folder,
        _node(Desk(Path(folder), shared)) as inbox,
    ):
        for wrong, (setting, payload) in _REFUSED.items():
            inbox.publish(f"edgeclassify/porch/{setting}/set", payload)
            wait_until(lambda: len(inbox.of("edgeclassify/porch/response")) > len(answers))
            answer = json.loads(inbox.texts("edgeclassify/porch/response")[-1])
            assert answer["done"] is False
            answers[wrong] = answer["message"]
    return answers


for _wrong in _REFUSED:
    COMMANDS.add(_wrong, lambda desk, wrong=_wrong: Said(_answers(desk.shared)[wrong], RUNS_ON))
