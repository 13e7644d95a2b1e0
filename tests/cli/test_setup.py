"""`edgeclassify setup` with nobody at the terminal: every answer is an option, everything is really tried."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeclassify.config.reader import load_config
from edgeclassify.resources import GOOD_MODEL
from tests.broker import Broker, Inbox, ServerTls, free_port
from tests.mqtt.certificates import Authority
from tests.running import Daemon, colour_of, run_to_end, slides, write_model, write_pictures
from tests.waiting import wait_until

SECRET = "hunter2"
Result = subprocess.CompletedProcess[str]


class House:
    """A folder with a model and pictures, where the command is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_model(folder)
        write_pictures(folder / "pictures", colour_of(1))
        self.config = folder / "config.yaml"

    def setup(self, *arguments: object, source: str = "pictures", **variables: str) -> Result:
        """Run it with a model and a camera."""
        given = ("--offline", "--model", "./colours.tflite", "--source", source, "--node", "hut", *arguments)
        return run_to_end(self.folder, "setup", *given, **variables)

    @property
    def written(self) -> dict[str, Any]:
        data: dict[str, Any] = yaml.safe_load(self.config.read_text())
        return data


@pytest.fixture
def house(tmp_path: Path) -> House:
    folder = tmp_path / "house"
    folder.mkdir()
    return House(folder)


def at(broker: Broker, *more: object) -> tuple[object, ...]:
    return ("--host", f"127.0.0.1:{broker.port}", *more)


def advice(result: Result) -> str:
    """What it ended with; there is no traceback, and nothing was written."""
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("edgeclassify: ")
    return line.removeprefix("edgeclassify: ")


def test_it_finds_out_that_all_works_and_writes_only_what_differs(house: House, broker: Broker, inbox: Inbox) -> None:
    result = house.setup(*at(broker), "--camera", "porch", "--pictures", house.folder / "seen")
    assert (result.returncode, result.stderr) == (0, "")
    assert house.written == {
        "node": "hut",
        "model": {"name": str(house.folder / "colours.tflite")},
        "cameras": {"porch": {"source": str(house.folder / "pictures")}},
        "mqtt": {"host": "127.0.0.1", "port": broker.port},
    }
    assert "# name of this device in topics; default: the host's name" in house.config.read_text()
    assert house.config.stat().st_mode & 0o777 == 0o600
    assert "the model says: green 0.90, red 0.00, blue 0.00" in result.stdout
    assert "ok   login: accepted without a user name, MQTT 5" in result.stdout
    assert "ok   receive: it came back" in result.stdout
    assert "check: ok" in result.stdout
    assert "edgeclassify watch --why " in result.stdout
    (message,) = inbox.received
    assert (message.topic, message.qos, message.retain) == ("edgeclassify/hut/setup", 1, False)
    seen = Path(next(line for line in result.stdout.splitlines() if "what it saw: " in line).split(": ")[1])
    assert seen.name == "porch-model.png"
    assert seen.stat().st_size > 0
    assert sorted(path.name for path in (house.folder / "seen").iterdir()) == ["porch-model.png", "porch.jpg"]


def test_what_was_written_runs(house: House, broker: Broker, inbox: Inbox) -> None:
    result = house.setup(*at(broker), "--camera", "porch", "--pictures", "seen")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (house.folder / "seen").iterdir()) == ["porch-model.png", "porch.jpg"]
    with Daemon(house.folder / "daemon", broker.port, {"porch": slides(house.folder / "pictures")}) as daemon:
        (daemon.folder / "config.yaml").write_text(house.config.read_text())
        wait_until(lambda: "appeared" in "".join(inbox.texts("edgeclassify/hut/porch/event")))
        assert daemon.stop() == 0
    event = json.loads(inbox.texts("edgeclassify/hut/porch/event")[0])
    assert event["label"] == "green"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--host", ""), 2, "setup: broker: it is empty; give its name or number"),
        (("--host", "a b"), 2, "setup: broker: 'a b' is not the name of a host"),
        (("--host", "nas:99999"), 2, "setup: port '99999' is no number from 1 to 65535"),
        (("--host", "nas", "--port", "0"), 2, "invalid value for '--port': 0 is not in the range"),
        (("--host", "http://nas:8123"), 2, "give its name or number only: nas"),
        (("--host", "no-such-host.invalid"), 69, "name: the name is not known here"),
        (("--host", "nas", "--camera", "Küche/1"), 2, "for example: --camera kuche_1"),
        (("--host", "nas", "--base-topic", "a/#"), 2, "--base-topic 'a/#': no topic can begin with that"),
        (("--host", "nas", "--certificate", "x"), 2, "--certificate and --key go together"),
        (("--host", "nas", "--password-file", "none"), 78, "No such file or directory; write the password into it"),
        (("--host", "nas", "--password-stdin"), 2, "the password is empty"),
        (("--host", "nas", "--config", "none/config.yaml"), 2, "there is no such folder; make it: mkdir -p"),
        (("--host", "nas", "--config", "pictures"), 2, "is a folder; give the file in it"),
    ],
)
def test_what_cannot_be_says_what_to_give(house: House, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = house.setup(*arguments)
    assert says in advice(result)
    assert (result.returncode, house.config.exists()) == (code, False)


def test_a_node_with_odd_characters_gets_a_suggestion(house: House) -> None:
    assert "for example: --node kuche-1" in advice(house.setup("--node", "Küche-1"))


def test_a_closed_port_says_which_options_to_look_at(house: House) -> None:
    result = house.setup("--host", f"127.0.0.1:{free_port()}")
    assert "tcp: connection refused; start the broker" in advice(result)
    assert "options: --host and --port, or --untested" in advice(result)
    assert (result.returncode, house.config.exists()) == (69, False)


def test_a_port_where_a_web_server_answers(house: House, web_server: int) -> None:
    result = house.setup("--host", "127.0.0.1", "--port", web_server)
    assert "login: what answers there is no MQTT broker" in advice(result)
    assert result.returncode == 69


def test_a_host_that_swallows_packets_is_given_up_after_5_s(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        port = silent.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]  # nobody takes these, and so the kernel drops all others
        try:
            for one in waiting:
                one.settimeout(0)
                one.connect_ex(("127.0.0.1", port))
            result = house.setup("--host", "127.0.0.1", "--port", port)
        finally:
            for one in waiting:
                one.close()
    assert "tcp: no answer in time; check mqtt.host, mqtt.port, the network and a firewall" in advice(result)
    assert f"trying 127.0.0.1:{port} ..." in result.stdout


# --- login, access list, TLS


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Broker]:
    """A broker where `hut` has the rights of the example's access list, and `reader` may not publish."""
    acl = Path(__file__).parents[2] / "docs/examples/mosquitto/edgeclassify.acl"
    with Broker(tmp_path / "closed", users={"hut": SECRET, "reader": SECRET}, lines=[f"acl_file {acl}"]) as running:
        yield running


def test_the_password_goes_into_a_file_of_its_own(house: House, closed: Broker) -> None:
    result = house.setup(*at(closed, "--username", "hut"), EDGECLASSIFY_MQTT_PASSWORD=SECRET)
    assert result.returncode == 0, result.stderr
    assert "ok   login: accepted user hut, MQTT 5" in result.stdout
    secret = house.folder / "mqtt-password.txt"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (f"{SECRET}\n", 0o600)
    assert house.written["mqtt"]["password_file"] == "mqtt-password.txt"
    assert SECRET not in house.config.read_text() + result.stdout


def test_the_password_may_be_piped_in_or_lie_in_a_file_already(house: House, closed: Broker) -> None:
    (house.folder / "secret").write_text(SECRET)
    result = house.setup(*at(closed, "--username", "hut", "--password-file", "secret"))
    assert result.returncode == 0, result.stderr
    assert house.written["mqtt"]["password_file"] == str(house.folder / "secret")
    assert not (house.folder / "mqtt-password.txt").exists()


def test_an_address_with_a_login_is_taken_apart_and_warned_of(house: House, closed: Broker) -> None:
    result = house.setup("--host", f"mqtt://hut:{SECRET}@127.0.0.1:{closed.port}")
    assert result.returncode == 0, result.stderr
    assert "the password in --host can be seen by every user of this machine" in result.stdout
    assert house.written["mqtt"] == {
        "host": "127.0.0.1",
        "port": closed.port,
        "username": "hut",
        "password_file": "mqtt-password.txt",
    }
    assert SECRET not in house.config.read_text() + result.stdout


@pytest.mark.parametrize("password", ["", "gue55ed"])
def test_a_refused_login_names_the_options(house: House, closed: Broker, password: str) -> None:
    result = house.setup(*at(closed, "--username", "hut"), EDGECLASSIFY_MQTT_PASSWORD=password)
    assert "login: login refused" in advice(result)
    assert "options: --username, and --password-file or --password-stdin" in advice(result)
    assert (result.returncode, house.config.exists()) == (69, False)
    assert "gue55ed" not in result.stderr + result.stdout


def test_a_user_who_may_not_publish_is_told_so(house: House, closed: Broker) -> None:
    result = house.setup(*at(closed, "--username", "reader"), EDGECLASSIFY_MQTT_PASSWORD=SECRET)
    assert "publish: may not publish on edgeclassify/hut/setup" in advice(result)
    assert "give user reader write access to edgeclassify/hut/#" in advice(result)
    assert result.returncode == 69


def test_a_user_who_may_only_publish_is_enough(house: House, tmp_path: Path) -> None:
    access = tmp_path / "access"
    access.write_text("topic write edgeclassify/#\n")
    with Broker(tmp_path / "strict", lines=[f"acl_file {access}"]) as strict:
        result = house.setup(*at(strict))
    assert result.returncode == 0, result.stderr
    assert "warn receive: " in result.stdout
    assert "events need no such right" in result.stdout


def test_tls_with_an_authority_of_ones_own(house: House, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server, client = authority.sign("server"), authority.sign("client")
    tls = ServerTls(server.certificate, server.key, client_ca=authority.certificate)
    own = ("--certificate", client.certificate, "--key", client.key)
    with Broker(tmp_path / "secure", tls=tls) as secure:
        unknown = house.setup(*at(secure, "--tls"))
        plain = house.setup(*at(secure))
        right = house.setup(*at(secure, "--ca", authority.certificate, *own))
    assert "tls: TLS: the broker's certificate is not trusted by the system's own authorities" in advice(unknown)
    assert "options: --tls or --no-tls, --ca" in advice(unknown)
    assert "--tls or --no-tls" in advice(plain)
    assert right.returncode == 0, right.stderr
    assert house.written["mqtt"]["tls"] == {
        "enabled": True,
        "ca": str(authority.certificate),
        "certificate": str(client.certificate),
        "key": str(client.key),
    }


# --- the camera and the model


def test_a_camera_that_does_not_work_is_told(house: House, broker: Broker) -> None:
    result = house.setup(*at(broker), source="rtsp://ann:g3heim@127.0.0.1:1/stream")
    assert "camera camera: " in advice(result)
    assert advice(result).endswith("or write it untried: --untested")
    assert "g3heim" not in result.stderr + result.stdout
    assert (result.returncode, house.config.exists()) == (69, False)


def test_a_file_that_is_no_picture_is_told(house: House, broker: Broker) -> None:
    (house.folder / "noise.jpg").write_bytes(b"no picture")
    result = house.setup(*at(broker), source="noise.jpg")
    assert "noise.jpg" in advice(result)
    assert result.returncode == 69


def test_no_camera_and_nobody_to_ask(house: House) -> None:
    if Path("/sys/class/video4linux").exists():
        pytest.skip("cannot run here: this machine may have a camera")
    result = run_to_end(house.folder, "setup", "--offline", "--host", "nas")
    assert "no camera was found on this machine; connect one, or give --source" in advice(result)
    assert result.returncode == 2


def test_a_model_that_is_not_here(house: House) -> None:
    result = house.setup("--model", "no-such-model")
    assert "there is no model 'no-such-model'" in advice(result)
    assert (result.returncode, house.config.exists()) == (78, False)


def test_without_a_connection_the_starter_is_taken_and_said(house: House, broker: Broker) -> None:
    result = run_to_end(
        house.folder, "setup", "--source", "pictures", *at(broker), EDGECLASSIFY_MIRROR=str(house.folder / "nothing")
    )
    assert result.returncode == 0, result.stderr
    assert f"getting {GOOD_MODEL}" in result.stdout
    assert "not to be had now: " in result.stdout
    assert "starter: for trying it out" in result.stdout
    assert "model" not in house.written


def test_a_model_of_imagenet_is_pulled_and_gets_groups(house: House, broker: Broker, shared: Path) -> None:
    result = run_to_end(
        house.folder, "setup", "--source", shared / "images/cat.bmp", *at(broker), timeout_s=90,
        EDGECLASSIFY_MIRROR=str(shared / "models"), EDGECLASSIFY_MODELS=str(house.folder / "models"),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (house.folder / f"models/{GOOD_MODEL}.tflite").exists()
    assert house.written["model"] == {"name": GOOD_MODEL}
    assert house.written["events"] == {"groups": "home"}
    assert "the model says: cat 0.9" in result.stdout


# --- a file that is there


def test_run_again_it_changes_nothing(house: House, broker: Broker) -> None:
    assert house.setup(*at(broker)).returncode == 0
    before = house.config.read_text()
    again = house.setup(*at(broker))
    assert (again.returncode, house.config.read_text()) == (0, before)
    assert "config.yaml says all of that already" in again.stdout
    assert [path.name for path in house.folder.glob("config.yaml*")] == ["config.yaml"]


def test_a_file_that_is_there_takes_force_and_is_kept_as_a_copy(house: House, broker: Broker) -> None:
    house.config.write_text("# mine\nnode: old\nevents: {margin: 0.3}\n")
    refused = house.setup(*at(broker))
    assert "config.yaml would be changed, see above; to do it (a copy is kept): --force" in advice(refused)
    assert "node: old -> hut" in refused.stdout
    assert house.config.read_text().startswith("# mine")
    done = house.setup(*at(broker), "--force")
    assert done.returncode == 0, done.stderr
    assert (house.written["node"], house.written["events"]) == ("hut", {"margin": 0.3})
    (copy,) = house.folder.glob("config.yaml.bak-*")
    assert copy.read_text().startswith("# mine")


def test_a_broken_file_is_not_replaced_unasked(house: House, broker: Broker) -> None:
    house.config.write_text("mqtt: {hots: nas}\n")
    refused = house.setup(*at(broker))
    assert refused.returncode == 78
    assert "config.yaml:1: mqtt.hots: unknown key; did you mean 'host'?" in refused.stderr
    assert "mend it, or replace all of it: --force" in refused.stderr
    assert house.setup(*at(broker), "--force").returncode == 0
    assert (house.folder / "config.yaml").read_text().startswith("# edgeclassify: written by")


def test_labels_that_the_new_model_does_not_have_are_told_before_anything_is_written(
    house: House, broker: Broker
) -> None:
    text = "events: {thresholds: {dog: 0.4}}\n"
    house.config.write_text(text)
    result = house.setup(*at(broker), "--force")
    assert "config.yaml:" in result.stderr
    assert "events.thresholds.dog: the model has no label 'dog'" in result.stderr
    assert "nothing is written" in result.stderr
    assert (result.returncode, house.config.read_text()) == (78, text)


def test_dry_run_prints_the_file_and_writes_nothing(house: House, broker: Broker) -> None:
    before = sorted(house.folder.rglob("*"))
    result = house.setup(*at(broker), "--dry-run", "--pictures", house.folder.parent)
    assert yaml.safe_load(result.stdout)["mqtt"] == {"host": "127.0.0.1", "port": broker.port}
    assert "ok   receive: it came back" in result.stderr
    assert sorted(house.folder.rglob("*")) == before


def test_what_all_devices_share_stands_in_a_fragment(house: House, broker: Broker) -> None:
    (house.folder / "config.d").mkdir()
    (house.folder / "config.d/10-site.yaml").write_text(f"mqtt: {{host: 127.0.0.1, port: {broker.port}}}\n")
    result = house.setup()
    assert result.returncode == 0, result.stderr
    assert "mqtt" not in house.written
    assert load_config(house.config).config.mqtt.port == broker.port


def test_the_fragment_and_the_loop_of_the_documentation_are_right(house: House) -> None:
    text = (Path(__file__).parents[2] / "docs/fleet.md").read_text()
    (fragment,) = re.findall(r"```yaml\n(# 10-site.yaml\n.*?)```", text, re.DOTALL)
    (command,) = re.findall(r"edgeclassify (setup --yes .*)", text)
    (house.folder / "config.d").mkdir()
    (house.folder / "config.d/10-site.yaml").write_text(fragment)
    arguments = command.replace("$node", "hut").replace("$source", "pictures").replace("--password-stdin", "").split()
    result = run_to_end(
        house.folder, *arguments, "--untested", "--offline", "--model", "starter", "-c", house.folder / "config.yaml"
    )
    assert "config.d/10-site.yaml:3: model.name: is mobilenet_v2_1.0_224_quant here, which wins" in advice(result)


def test_a_fragment_that_says_something_else_is_named(house: House, broker: Broker) -> None:
    (house.folder / "config.d").mkdir()
    (house.folder / "config.d/10-site.yaml").write_text("node: other\n")
    result = house.setup(*at(broker))
    assert "config.d/10-site.yaml:1: node: is other here, which wins over config.yaml" in advice(result)
    assert (result.returncode, house.config.exists()) == (78, False)


def test_untested_nothing_is_tried(house: House) -> None:
    result = house.setup("--host", "no-such-host.invalid", "--untested", source="rtsp://cam.invalid/1")
    assert result.returncode == 0, result.stderr
    assert house.written["cameras"]["camera"]["source"] == "rtsp://cam.invalid/1"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "nas:1884", "--port", "1885"),
        ("--host", "mqtts://nas", "--no-tls"),
        ("--host", "mqtt://nas", "--tls"),
    ],
)
def test_options_that_contradict_each_other_are_refused(house: House, arguments: tuple[str, ...]) -> None:
    result = house.setup("--untested", *arguments)
    assert "give one of them" in advice(result)
    assert (result.returncode, house.config.exists()) == (2, False)


def test_others_may_not_read_the_password_of_a_camera(house: House) -> None:
    house.config.write_text("node: hut\n")
    house.config.chmod(0o644)
    result = house.setup("--untested", "--force", "--host", "nas", source="rtsp://ann:s3cret@cam.invalid/1")
    assert result.returncode == 0, result.stderr
    assert house.config.stat().st_mode & 0o777 == 0o640


def test_without_somebody_to_look_at_them_no_pictures_are_left(house: House, broker: Broker, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert house.setup(*at(broker), TMPDIR=str(scratch)).returncode == 0
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_used_are_told_before_anything_is_written(
    house: House, content: str | None
) -> None:
    ca = house.folder / "ca.pem"
    if content is not None:
        ca.write_text(content)
    done = house.setup("--untested", "--yes", "--host", "nas.local", "--ca", ca)
    assert done.returncode == 78, done.stderr
    assert "mqtt.tls.ca: " in done.stderr
    assert not house.config.exists()


def test_the_programs_own_default_is_never_overwritten(house: House) -> None:
    project = Path(__file__).parents[2]
    result = run_to_end(project, "setup", "--offline", "--host", "nas", "-c", "config.yaml")
    assert "config.yaml is the program's own default; give another file" in advice(result)


def test_labels_in_any_language_are_told_on_any_terminal(house: House, broker: Broker) -> None:
    write_model(house.folder, ("兔子", "仓鼠", "狗"))
    result = house.setup(*at(broker), PYTHONIOENCODING="iso8859-1")
    assert result.returncode == 0, result.stderr
    assert "the model says: ?? 0.90" in result.stdout


@pytest.fixture
def web_server() -> Iterator[int]:
    """Something that answers everything with words of its own."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
