"""A real private mosquitto for tests, and a client that records what arrives there."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.waiting import wait_until


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class ServerTls:
    """Files of a broker that speaks TLS; with `client_ca`, clients need a certificate of it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class Broker:
    """One mosquitto on a free loopback port, without persistence unless `lines` say so; the port stays over restarts.

    Args:
        folder: an empty folder of its own.
        users: passwords by user name; empty lets everybody in.
        lines: more lines for mosquitto.conf.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        users: Mapping[str, str] | None = None,
        tls: ServerTls | None = None,
        lines: Sequence[str] = (),
    ) -> None:
        self._program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if self._program is None:
            pytest.skip("needs the mosquitto broker; run: apt install mosquitto")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._tls = tls
        self.lines = list(lines)
        self.port = port
        self._fixed_port = bool(port)
        self._process: subprocess.Popen[bytes] | None = None
        self._passwords: Path | None = None
        self.set_users(users or {})

    def set_users(self, users: Mapping[str, str]) -> None:
        """Replace all users; it counts from the next `start` or `reload`."""
        self._passwords = self._folder / "passwords" if users else None
        if self._passwords is not None:
            self._passwords.write_text("")
            self._passwords.chmod(0o600)
            for name, password in users.items():
                command = ["mosquitto_passwd", "-b", str(self._passwords), name, password]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self) -> None:
        for _ in range(5):
            if not self._fixed_port:
                self.port = free_port()
            if self._try_to_start():
                self._fixed_port = True
                return
        pytest.fail(f"mosquitto does not start:\n{self.log()}")

    def stop(self) -> None:
        """End it as a service manager would: clients are told."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """It keeps its connections and answers nothing, until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def reload(self) -> None:
        """Read users and access lists again."""
        self._signal(signal.SIGHUP)

    def log(self) -> str:
        path = self._folder / "mosquitto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _configuration(self) -> str:
        lines = [f"listener {self.port} {self.host}", "log_type all"]
        if not any(line.startswith("persistence") for line in self.lines):
            lines.append("persistence false")
        if os.geteuid() == 0:
            lines.append("user root")  # else it could not read files in the test's folder
        if self._tls:
            lines += [f"certfile {self._tls.certificate}", f"keyfile {self._tls.key}"]
            if self._tls.client_ca:
                lines += [f"cafile {self._tls.client_ca}", "require_certificate true"]
        lines.append(f"password_file {self._passwords}" if self._passwords else "allow_anonymous true")
        return "\n".join([*lines, *self.lines]) + "\n"

    def _try_to_start(self) -> bool:
        assert self._process is None, "it runs already"
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(self._configuration())
        with (self._folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen([str(self._program), "-c", str(configuration)], stdout=log, stderr=log)
        self._process = process
        wait_until(lambda: process.poll() is not None or self._listens())
        if process.poll() is None:
            return True
        self._process = None
        return False

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.host, self.port)) == 0

    def _signal(self, number: int) -> None:
        assert self._process is not None, "it does not run"
        self._process.send_signal(number)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a frozen one would never see SIGTERM
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@dataclass(frozen=True)
class Received:
    """One message as it arrived; `retain` is true for what the broker had kept."""

    topic: str
    payload: bytes
    qos: int
    retain: bool

    @property
    def text(self) -> str:
        return self.payload.decode()


class Inbox:
    """Records every message of `topics`, in order; connects again by itself, also after broker restarts.

    Entered, it is subscribed. With the name of a `kept_session` the broker keeps for it what comes while it is away.
    """

    def __init__(
        self,
        broker: Broker,
        *topics: str,
        configure: Callable[[paho.Client], object] | None = None,
        kept_session: str = "",
    ) -> None:
        self._broker = broker
        self._topics = topics or ("#",)
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._subscriptions = 0
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, kept_session, clean_session=not kept_session, protocol=paho.MQTTv311
        )
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message
        if configure:
            configure(self.client)

    def __enter__(self) -> Self:
        self.client.connect(self._broker.host, self._broker.port, keepalive=5)
        self.client.loop_start()
        wait_until(lambda: self.subscriptions >= 1)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    @property
    def subscriptions(self) -> int:
        """How often the broker confirmed the subscription: grows by one with each reconnect."""
        with self._lock:
            return self._subscriptions

    @property
    def received(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    def of(self, topic_filter: str) -> list[Received]:
        """What arrived on topics that match, in order."""
        return [message for message in self.received if paho.topic_matches_sub(topic_filter, message.topic)]

    def texts(self, topic_filter: str) -> list[str]:
        return [message.text for message in self.of(topic_filter)]

    def last(self, topic: str) -> str | None:
        """The newest payload of one topic as text, None when there was none."""
        texts = self.texts(topic)
        return texts[-1] if texts else None

    def clear(self) -> None:
        with self._lock:
            self._received.clear()

    def publish(self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish as somebody else and wait until the broker has it."""
        self.client.publish(topic, payload, qos, retain).wait_for_publish(5)

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, *_: object) -> None:
        with self._lock:
            self._subscriptions += 1

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        record = Received(message.topic, bytes(message.payload), message.qos, message.retain)
        with self._lock:
            self._received.append(record)
