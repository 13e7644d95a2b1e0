"""No password is ever told: not in a log, on a topic, in a process list, by a command, nor in what is kept."""

from __future__ import annotations

import signal
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from tests.broker import Broker, Inbox, free_port
from tests.running import NOTHING, ROOT, Background, Daemon, colour_of, run_to_end, slides, write_pictures
from tests.waiting import wait_until

SECRETS = {kind: f"Pa55-{kind}-w0rd" for kind in ("right", "wrong", "rtsp", "token", "http")}


def log_in(client: paho.Client) -> None:
    client.username_pw_set("observer", "x")


def command_lines() -> str:
    """Of every process there is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes())
        except OSError:
            continue  # it has ended
    return b"\n".join(found).decode(errors="replace")


def assert_hidden(*texts: str) -> None:
    for kind, secret in SECRETS.items():
        for text in texts:
            at = text.find(secret)
            assert at < 0, f"the {kind} password is told: ...{text[max(0, at - 200) : at + 50]}"


@pytest.mark.parametrize("way", ["file", "environment", "credential"])
def test_no_password_is_told(tmp_path: Path, way: str) -> None:
    dead = free_port()
    cameras = {
        "porch": slides(write_pictures(tmp_path / "pictures", colour_of(0), NOTHING), 0.2),
        "gate": {"source": f"rtsp://ann:{SECRETS['rtsp']}@127.0.0.1:{dead}/1?token={SECRETS['token']}"},
        "yard": {"source": f"http://ann:{SECRETS['http']}@127.0.0.1:{dead}/video"},
    }
    with Broker(tmp_path / "broker", users={"hut": SECRETS["right"], "observer": "x"}) as broker:
        daemon = Daemon(tmp_path, broker.port, cameras, mqtt={"username": "hut"})
        daemon.arguments.append("-v")
        give = password_by(way, daemon)
        give(SECRETS["wrong"])
        with Inbox(broker, configure=log_in) as inbox, daemon:
            daemon.wait_for("login refused")
            daemon.wait_for("camera gate: ")
            daemon.wait_for("camera yard: ")
            give(SECRETS["right"])
            if way == "environment":
                daemon.stop()
                daemon.start()
            wait_until(lambda: inbox.of(f"{ROOT}/porch/event") and inbox.of(f"{ROOT}/info"), 20)
            (tmp_path / "config.yaml").write_text(f"mqtt: {{password: {SECRETS['right']}}}\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("nothing is changed")
            daemon.write_config()
            running = command_lines()
            assert str(daemon.arguments[-2]) in running, "it looks at the right processes"
            asked = [run_to_end(tmp_path, *command, **daemon.variables) for command in commands(tmp_path)]
            told = b"\n".join(message.payload for message in inbox.received).decode(errors="replace")
            daemon.stop()
        kept = [
            path.read_bytes().decode(errors="replace") for path in (tmp_path / "state").rglob("*") if path.is_file()
        ]
        assert_hidden(daemon.said(), told, running, *kept, *(one.stdout + one.stderr for one in asked))
        assert "rtsp://ann:***@" in told, "the effective configuration was told"


def commands(folder: Path) -> list[list[str]]:
    asked = [["check"], ["nodes"], ["doctor", "--json"], ["forget", "x"]]
    return [[*command, "-c", str(folder / "config.yaml")] for command in asked]


def password_by(way: str, daemon: Daemon):
    """What sets the password, in one of the three ways."""
    path = daemon.folder / ("secrets" if way == "credential" else ".") / "mqtt-password"
    path.parent.mkdir(exist_ok=True)

    def give(password: str) -> None:
        if way == "environment":
            daemon.variables["EDGECLASSIFY_MQTT_PASSWORD"] = password
            return
        path.write_text(password)
        path.chmod(0o600)

    if way == "file":
        daemon.config["mqtt"]["password_file"] = str(path)
    if way == "credential":
        daemon.variables["CREDENTIALS_DIRECTORY"] = str(path.parent)
    daemon.write_config()
    return give


def test_a_watcher_with_a_wrong_password_does_not_tell_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRETS["wrong"])
    (tmp_path / "secret").chmod(0o600)
    with Broker(tmp_path / "broker", users={"hut": SECRETS["right"]}) as broker:
        (tmp_path / "watch.yaml").write_text(
            f"mqtt: {{host: 127.0.0.1, port: {broker.port}, username: hut, password_file: secret}}\n"
        )
        with Background(tmp_path, "watch", "-c", "watch.yaml") as watch:
            assert watch.end() == 69
        assert_hidden(watch.said())
