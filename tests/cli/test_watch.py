"""`edgeclassify watch`: what nodes tell, as it arrives; what is not theirs is ignored."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import yaml

from edgeclassify.cli import run_command
from tests.broker import Broker, Inbox, free_port
from tests.running import NOTHING, ROOT, Background, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until


def watcher(folder: Path, port: int, *options: str) -> Background:
    config = {"node": "hut", "mqtt": {"host": "127.0.0.1", "port": port, "keepalive_seconds": 5}}
    (folder / "watch.yaml").write_text(yaml.safe_dump(config))
    return Background(folder, "watch", "-c", "watch.yaml", *options, name="watch")


def daemon(folder: Path, port: int, node: str = "hut", picture_seconds: float = 0.5) -> Daemon:
    pictures = write_pictures(folder / "pictures", colour_of(0), NOTHING)
    return Daemon(folder, port, {"porch": slides(pictures, picture_seconds)}, node=node)


def event(**fields: Any) -> str:
    """An event as a daemon sends it."""
    message = {
        "event_type": "appeared", "epoch": "k3f9", "id": "0000000042", "late": False,
        "time": "2026-11-23T09:00:00.120Z", "node": "hut", "camera": "porch", "label": "tabby, tabby cat",
        "index": 282, "score": 0.87, "top": [], "model": "m", "accelerator": "cpu", "inference_ms": 12.3,
        "reason": "0.87 >= 0.60 for 0.6 s, margin 0.79",
    }  # fmt: skip
    return json.dumps(message | fields)


def test_events_and_status_are_lines_for_people(tmp_path: Path, broker: Broker) -> None:
    with watcher(tmp_path, broker.port) as watch, daemon(tmp_path / "hut", broker.port) as hut:
        watch.wait_for("gone      red")
        hut.stop()
        watch.wait_for("hut         is offline")
        assert watch.stop(signal.SIGINT) == 0
    said = watch.said()
    assert said.startswith(f"watching node hut on 127.0.0.1:{broker.port}; Ctrl-C ends\n")
    events = [" ".join(line.split()[1:]) for line in said.splitlines() if " red " in line]
    assert "porch appeared red 0.90 0.90 >= 0.60 for 0.0 s, margin 0.90" in events
    gone = next(line for line in events if line.startswith("porch gone red "))
    assert re.fullmatch(r"porch gone red \d+ s below 0\.50 for \d\.\d s", gone)


def test_json_is_one_message_a_line_as_it_came(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with watcher(tmp_path, broker.port, "--json") as watch, daemon(tmp_path / "hut", broker.port) as hut:
        wait_until(lambda: len(watch.said().splitlines()) >= 4)
        hut.stop()
        broker.restart()  # also of that not a word that is no JSON
        wait_until(lambda: inbox.subscriptions == 2)
        assert watch.stop(signal.SIGINT) == 0
    lines = watch.said().rstrip("\n").splitlines()  # Ctrl-C ends the line on the terminal
    assert lines == inbox.texts(f"{ROOT}/porch/event")[-len(lines) :]
    assert {json.loads(line)["event_type"] for line in lines} == {"appeared", "gone"}


def test_why_there_is_no_event(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with watcher(tmp_path, broker.port, "--why") as watch, daemon(tmp_path / "hut", broker.port):
        watch.wait_for("1.png  ")
        watch.wait_for("appeared  red", 3)
        assert watch.stop(signal.SIGINT) == 0
    lines = watch.said().splitlines()
    assert any(line.endswith("1.png  red 0.24 < 0.60: no event") for line in lines)
    # An event names the picture that it is of.
    # But for the first, which may come before the daemon was asked for verdicts.
    assert all(line.endswith("[0.png]") for line in [line for line in lines if "appeared" in line][1:])
    assert all(line.endswith("[1.png]") for line in [line for line in lines if "gone" in line][1:])
    assert inbox.texts(f"{ROOT}/why/set") == ["20"] * len(inbox.texts(f"{ROOT}/why/set")) != []


def test_all_nodes_are_told_apart(tmp_path: Path, broker: Broker) -> None:
    with (
        watcher(tmp_path, broker.port, "--all", "--why") as watch,
        daemon(tmp_path / "hut", broker.port),
        daemon(tmp_path / "barn", broker.port, "barn"),
    ):
        for node in ("hut", "barn"):
            watch.wait_for(f"{node}/porch")
            watch.wait_for(f"{node}/porch   appeared  red" if node == "hut" else f"{node}/porch  appeared  red")
            watch.wait_for(f"{node}/porch   -  " if node == "hut" else f"{node}/porch  -  ")
        assert watch.stop(signal.SIGINT) == 0


def test_only_the_own_node_without_all(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with watcher(tmp_path, broker.port) as watch:
        watch.wait_for("watching")
        inbox.publish(f"{ROOT}/status", "online", retain=True)
        watch.wait_for("is online")
        inbox.publish("edgeclassify/barn/porch/event", event(label="foreign"))
        inbox.publish(f"{ROOT}/porch/event", event())
        watch.wait_for("tabby, tabby cat")
        assert watch.stop(signal.SIGINT) == 0
    assert "foreign" not in watch.said()


def test_late_events_are_marked_and_garbage_is_ignored(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with watcher(tmp_path, broker.port, "--all", "--why") as watch:
        inbox.publish(f"{ROOT}/status", "online", retain=True)
        watch.wait_for("is online")
        rubbish: list[str | bytes] = [
            b"", b"\xff\xfe", "null", "[1, 2]", "{}", '"text"', "[" * 50_000, event(score="high"), event(score=None),
            event(event_type=3), event(time="yesterday"), event(time=7), event(label=None), event(label=["a"]),
            event(event_type="gone"), event(event_type="gone", duration_seconds="long"), event(reason=None),
        ]  # fmt: skip
        for payload in rubbish:
            inbox.publish(f"{ROOT}/porch/event", payload)
            inbox.publish(f"{ROOT}/porch/why", payload)
            inbox.publish(f"{ROOT}/porch/status", payload)
            inbox.publish(f"{ROOT}/status", payload)
        inbox.publish(f"{ROOT}/porch/event", event(late=True, label="last"))
        watch.wait_for("last")
        assert watch.stop(signal.SIGINT) == 0
    assert next(line for line in watch.said().splitlines() if " last " in line).endswith("(late)")


def test_the_broker_may_go_and_come_back(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with watcher(tmp_path, broker.port) as watch, daemon(tmp_path / "hut", broker.port):
        watch.wait_for("appeared")
        broker.stop()
        watch.wait_for("-- the broker is gone; waiting for it")
        broker.start()
        wait_until(lambda: inbox.subscriptions == 2)
        events = watch.said().count("appeared")
        watch.wait_for("appeared", events + 1)
        assert watch.stop(signal.SIGINT) == 0
    assert watch.said().count("-- the broker is gone") == 1


def test_without_a_broker_it_ends_with_69(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    watcher(tmp_path, port := free_port())
    assert run_command(["watch", "-c", "watch.yaml"]) == 69
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"edgeclassify: broker 127.0.0.1:{port}: ")
    assert error.endswith("start the broker, or check mqtt.host and mqtt.port")


def test_a_refused_login_ends_with_69(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with Broker(tmp_path / "broker", users={"hut": "right"}) as broker:
        watcher(tmp_path, broker.port)
        assert run_command(["watch", "-c", "watch.yaml"]) == 69
    assert "login refused (Not authorized); set mqtt.username and mqtt.password_file" in capsys.readouterr().err
