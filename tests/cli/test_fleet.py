"""`edgeclassify nodes` and `forget`: all nodes of a broker, and how one that is no more disappears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeclassify.cli import run_command
from tests.broker import Broker, Inbox, free_port
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

OLD = "edgeclassify/old"
DISCOVERY = "homeassistant/device"


@pytest.fixture
def config(tmp_path: Path, broker: Broker) -> str:
    """The configuration of who asks."""
    return write_config(tmp_path, broker.port)


def write_config(folder: Path, port: int, **mqtt: Any) -> str:
    path = folder / "asking.yaml"
    path.write_text(yaml.safe_dump({"node": "desk", "mqtt": {"host": "127.0.0.1", "port": port} | mqtt}))
    return str(path)


def keep_old_node(inbox: Inbox, status: str = "offline") -> set[str]:
    """Publish what a node leaves behind; return the topics."""
    discovery = {"device": {"name": "old"}, "components": {"a": {"state_topic": f"{OLD}/porch/state"}}}
    kept = {
        f"{OLD}/status": status,
        f"{OLD}/info": json.dumps({"version": "0.0.9", "accelerator": "cpu", "cameras": ["porch"]}),
        f"{OLD}/porch/status": "offline",
        f"{OLD}/porch/labels/cat": "OFF",
        f"{DISCOVERY}/edgeclassify_old_porch/config": json.dumps(discovery),
    }
    for topic, payload in kept.items():
        inbox.publish(topic, payload, retain=True)
    return set(kept)


def retained(broker: Broker) -> set[str]:
    with Inbox(broker) as fresh:
        fresh.publish("barrier", "x")
        wait_until(lambda: fresh.of("barrier"))
        return {message.topic for message in fresh.received if message.retain}


def test_nodes_are_a_table_for_people_and_json_for_programs(
    tmp_path: Path, broker: Broker, inbox: Inbox, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_old_node(inbox)
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    with Daemon(tmp_path / "hut", broker.port, {"porch": slides(pictures, 0.3)}):
        wait_until(lambda: inbox.texts(f"{ROOT}/porch/event") and len(inbox.of(f"{ROOT}/health")) > 2)
        assert run_command(["nodes", "-c", config]) == 0
        told = capsys.readouterr()
        assert run_command(["nodes", "-c", config, "--json"]) == 0
        nodes = {node["node"]: node for node in json.loads(capsys.readouterr().out)["nodes"]}
    title, hut, old = told.out.splitlines()
    assert title.split() == [
        "node",
        "status",
        "version",
        "accelerator",
        "cameras",
        "frames/s",
        "ms",
        "waiting",
        "°C",
        "last",
    ]
    assert hut.split()[:5] == ["hut", "online", "0.1.0", "cpu", "1/1"]
    assert float(hut.split()[5]) > 1
    assert " on porch, 0 s ago" in hut or " on porch, 1 s ago" in hut
    assert old.split() == ["old", "offline", "0.0.9", "-", "0/1", "-", "-", "-", "-", "-"]
    assert told.err == f"2 node(s), 1 online, on 127.0.0.1:{broker.port} below edgeclassify/\n"
    assert nodes["hut"]["cameras"]["porch"]["label"] in ("red", "none")
    assert nodes["hut"]["waiting"] is not None
    assert (nodes["old"]["status"], nodes["old"]["model"]) == ("offline", None)


def test_a_broker_without_nodes_and_with_rubbish(
    broker: Broker, inbox: Inbox, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["nodes", "-c", config]) == 0
    assert capsys.readouterr().out == ""
    for node, rubbish in enumerate(
        [b"[1]", b"\xff", b"{", b'{"cameras": 3, "inference": [], "device": {"cpu_celsius": true}}']
    ):
        for part in ("info", "health", "porch/state", "porch/status"):
            inbox.publish(f"edgeclassify/n{node}/{part}", rubbish, retain=True)
        inbox.publish(f"edgeclassify/n{node}/status", "online", retain=True)
    inbox.publish("edgeclassify/nobody/status", "hello", retain=True)
    inbox.publish(
        "edgeclassify/n0/porch/state", '{"label": "\\u001b[2J", "since": "2026-11-23T09:00:00Z"}', retain=True
    )
    inbox.publish("edgeclassify/n1/porch/state", '{"label": "cat", "since": "2026-11-23"}', retain=True)
    assert run_command(["nodes", "-c", config]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["n0", "n1", "n2", "n3"]
    assert "?[2J on porch" in out, "what moves the cursor is not printed"


def test_a_node_that_is_forgotten_leaves_nothing(
    broker: Broker, inbox: Inbox, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"edgeclassify/older/status": "offline", f"{DISCOVERY}/other/config": '{"t": "edgeclassify/older/x"}'}
    for topic, payload in other.items():
        inbox.publish(topic, payload, retain=True)
    kept = keep_old_node(inbox)
    assert run_command(["forget", "-c", config, "old"]) == 0
    told = capsys.readouterr()
    assert set(told.out.splitlines()) == kept
    assert told.out.splitlines()[0] == f"{DISCOVERY}/edgeclassify_old_porch/config", "Home Assistant is told first"
    assert told.err == "5 topic(s) of node old cleared\n"
    assert retained(broker) == set(other)


def test_a_node_that_is_online_is_forgotten_only_by_force(
    broker: Broker, inbox: Inbox, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = keep_old_node(inbox, "online")
    assert run_command(["forget", "-c", config, "old"]) == 2
    assert "edgeclassify: node old: it is online, and would tell everything again; stop its" in capsys.readouterr().err
    assert retained(broker) == kept
    assert run_command(["forget", "-c", config, "--force", "old"]) == 0
    assert retained(broker) == set()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("odl", "did you mean old?"), ("xyz123", "see: edgeclassify nodes"), ("+", "is no name"), ("#", "is no name"),
     ("", "is no name"), ("old/porch", "is no name")],
)  # fmt: skip
def test_a_node_that_nobody_knows_is_an_error(
    inbox: Inbox, config: str, capsys: pytest.CaptureFixture[str], name: str, hint: str
) -> None:
    keep_old_node(inbox)
    assert run_command(["forget", "-c", config, name]) == 2
    assert hint in capsys.readouterr().err


def test_a_broker_that_lets_us_clear_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite #\n")
    with Broker(tmp_path / "broker", lines=[f"acl_file {acl}"]) as broker, Inbox(broker) as inbox:
        keep_old_node(inbox)
        acl.write_text("topic read #\n")
        broker.reload()
        wait_until(lambda: "Reloading config" in broker.log())
        assert run_command(["forget", "-c", write_config(tmp_path, broker.port), "old"]) == 69
    assert "it still keeps 5 of 5 topics" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["nodes"], ["forget", "old"]])
def test_without_a_broker_it_ends_with_69(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    config = write_config(tmp_path, port := free_port())
    assert run_command([*command, "-c", config]) == 69
    assert capsys.readouterr().err.startswith(f"edgeclassify: broker 127.0.0.1:{port}: ")
