"""A real Home Assistant for tests (rigs/home-assistant), and a client of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.broker import Broker, free_port
from tests.waiting import wait_until

RIG = Path(__file__).parent / "rigs/home-assistant"
_CONFIGURATION = """\
homeassistant: {{name: rig, latitude: 0, longitude: 0, elevation: 0, unit_system: metric, currency: EUR, country: NL,
  time_zone: UTC}}
http: {{server_host: 127.0.0.1, server_port: {port}}}
api:
config:
websocket_api:
onboarding:
frontend:
logger: {{default: warning, logs: {{homeassistant.components.mqtt: debug}}}}
"""
_ENTRY = re.compile(r"^\S+ \S+ (WARNING|ERROR|CRITICAL) \(", re.M)


def build_or_skip() -> None:
    """Build the rig if it is not there yet; skip where that is impossible."""
    if os.geteuid() != 0:
        pytest.skip("cannot run here: Home Assistant's root file system needs root")
    built = subprocess.run([RIG / "build"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if built.returncode:
        pytest.skip(f"cannot run here: Home Assistant could not be built: {built.stdout[-500:].strip()}")


class HomeAssistant:
    """Home Assistant on 127.0.0.1, on a broker by MQTT; entered it runs, left it is killed."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        folder.mkdir()
        self._folder = folder
        self._broker = broker
        self._port = free_port()
        self._token = ""
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "configuration.yaml").write_text(_CONFIGURATION.format(port=self._port))

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self._end)
            self.start()
            self._onboard()
            wait_until(lambda: self.get("/api/config")["state"] == "RUNNING", 60)
            self._add_mqtt()
            starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def start(self) -> None:
        """Start it and wait until it answers, not until it has started up."""
        with (self._folder / "out.log").open("ab") as out:
            command = [RIG / "run", self._folder]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_until(self._answers, 90)

    def stop(self) -> None:
        assert self._process is not None
        self.call("homeassistant", "stop")
        self._process.wait(30)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def get(self, path: str) -> Any:
        return json.loads(self._request("GET", path))

    def state(self, entity: str) -> str | None:
        """The state of an entity, None if there is none."""
        return None if (entry := self.entity(entity)) is None else str(entry["state"])

    def entity(self, entity: str) -> dict[str, Any] | None:
        """State and attributes of an entity."""
        return next((entry for entry in self.get("/api/states") if entry["entity_id"] == entity), None)

    def picture(self, entity: str) -> bytes:
        """What an image entity shows now."""
        return self._request("GET", f"/api/image_proxy/{entity}")

    def call(self, domain: str, service: str, **data: Any) -> None:
        self._request("POST", f"/api/services/{domain}/{service}", json.dumps(data).encode(), "application/json")

    def command(self, kind: str, **fields: Any) -> Any:
        """One command over the websocket."""
        with self.connection() as socket:
            socket.send(json.dumps({"id": 1, "type": kind, **fields}))
            while (answer := json.loads(socket.recv(20))).get("type") != "result":
                pass
        assert answer["success"], answer
        return answer["result"]

    def entities(self) -> dict[str, dict[str, Any]]:
        """All entities that came by MQTT, by their id."""
        listed = self.command("config/entity_registry/list")
        return {entry["entity_id"]: entry for entry in listed if entry["platform"] == "mqtt"}

    def devices(self) -> dict[str, dict[str, Any]]:
        """All devices that came by MQTT, by the identifier that they were announced with."""
        listed = self.command("config/device_registry/list")
        return {name: entry for entry in listed for domain, name in entry["identifiers"] if domain == "mqtt"}

    @contextmanager
    def connection(self) -> Iterator[ClientConnection]:
        """A websocket that is logged in."""
        with connect(f"ws://127.0.0.1:{self._port}/api/websocket", max_size=None) as socket:
            assert json.loads(socket.recv(20))["type"] == "auth_required"
            socket.send(json.dumps({"type": "auth", "access_token": self._token}))
            assert json.loads(socket.recv(20))["type"] == "auth_ok"
            yield socket

    def log(self) -> str:
        return (self._folder / "home-assistant.log").read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Every warning and error that its log holds about MQTT."""
        lines = self.log().splitlines()
        return [line for line in lines if _ENTRY.match(line) and ("mqtt" in line or "template" in line)]

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail(f"Home Assistant ended:\n{(self._folder / 'out.log').read_text()[-2000:]}")
        try:  # onboarding is no more once it is done
            self._request("GET", "/api/config" if self._token else "/api/onboarding")
        except OSError:
            return False
        return True

    def _onboard(self) -> None:
        me = f"http://127.0.0.1:{self._port}/"
        user = {"client_id": me, "name": "rig", "username": "rig", "password": "rig-password", "language": "en"}
        code = json.loads(self._post("/api/onboarding/users", user))["auth_code"]
        form = urllib.parse.urlencode({"grant_type": "authorization_code", "code": code, "client_id": me}).encode()
        answer = self._request("POST", "/auth/token", form, "application/x-www-form-urlencoded")
        self._token = json.loads(answer)["access_token"]
        for step in ("core_config", "analytics"):
            self._post(f"/api/onboarding/{step}", {})
        self._post("/api/onboarding/integration", {"client_id": me, "redirect_uri": me})
        self.command("http/config/promote")  # else it goes back to its own http settings after 5 minutes

    def _add_mqtt(self) -> None:
        flows = "/api/config/config_entries/flow"
        flow = json.loads(self._post(flows, {"handler": "mqtt", "show_advanced_options": True}))
        data: dict[str, Any] = {"broker": self._broker.host, "port": self._broker.port}
        if "other_settings" in {field["name"] for field in flow["data_schema"]}:
            data["other_settings"] = {"set_client_cert": False, "set_ca_cert": "off"}
        assert json.loads(self._post(f"{flows}/{flow['flow_id']}", data))["type"] == "create_entry"

    def _post(self, path: str, fields: dict[str, Any]) -> bytes:
        return self._request("POST", path, json.dumps(fields).encode(), "application/json")

    def _request(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", body, method=method)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if kind:
            request.add_header("Content-Type", kind)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())


class StateChanges:
    """Records every state that an entity takes, in order; Home Assistant must run on."""

    def __init__(self, home: HomeAssistant, entity: str) -> None:
        self._home = home
        self._trigger = {"platform": "state", "entity_id": entity}
        self._running = ExitStack()
        self.states: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        socket = self._running.enter_context(self._home.connection())
        socket.send(json.dumps({"id": 1, "type": "subscribe_trigger", "trigger": self._trigger}))
        assert json.loads(socket.recv(20))["success"]
        recording = threading.Thread(target=self._record, args=(socket,))
        recording.start()
        self._running.callback(recording.join, 5)
        self._running.callback(socket.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _record(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            for text in socket:
                fired = json.loads(text)["event"]["variables"]["trigger"]
                self.states.append(fired["to_state"])
