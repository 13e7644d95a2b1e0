"""`edgeclassify setup` at a terminal: what somebody sees and types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from tests.broker import Broker, ServerTls
from tests.conversation import Conversation
from tests.mqtt.certificates import Authority
from tests.own_network import own_broker, own_network
from tests.running import colour_of, write_model, write_pictures

SECRET = "hunter2"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with a model and pictures, where the command is run."""
    folder = tmp_path / "house"
    folder.mkdir()
    write_model(folder)
    write_pictures(folder / "pictures", colour_of(1))
    return folder


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Broker]:
    """A broker that wants a login."""
    with Broker(tmp_path / "closed", users={"ann": SECRET}) as running:
        yield running


def setup(house: Path, *arguments: object, columns: int = 80, prefix: Sequence[str] = ()) -> Conversation:
    usual = ("--offline", "--model", "./colours.tflite", "--pictures", "seen")
    conversation = Conversation(house, "setup", *usual, *arguments, columns=columns, COLUMNS=None)
    conversation.prefix = [*prefix]
    return conversation


def test_from_nothing_to_a_file(house: Path, tmp_path: Path) -> None:
    with (
        own_network() as network,
        own_broker(network, tmp_path, "listener 1883 127.0.0.1", "allow_anonymous true"),
        setup(house, prefix=network) as terminal,
    ):
        terminal.answer("Name of this device [", "Küche 1")
        terminal.wait_for("only a-z, 0-9, _ and -")
        terminal.answer("Name of this device [kuche_1]: ")
        terminal.answer("Name of the camera [camera]: ", "porch")
        terminal.answer("Which camera? [1]: ", "9")
        terminal.wait_for("A number from 1 to 3, please, or what you mean")
        terminal.answer("Which camera? [1]: ", "2")
        terminal.answer("Its path: ", "pictures")
        terminal.wait_for("the model says: green 0.90")
        terminal.wait_for("1  localhost:1883 (this machine)")
        terminal.answer("Which broker? [1]: ")
        terminal.wait_for("ok   receive: it came back")
        terminal.answer("Write config.yaml? [Y/n]: ")
        terminal.wait_for("check: ok")
        assert terminal.end(30) == 0
    data = yaml.safe_load((house / "config.yaml").read_text())
    assert (data["node"], data["cameras"]) == ("kuche_1", {"porch": {"source": str(house / "pictures")}})
    assert "mqtt" not in data, "localhost:1883 is the default"


def test_what_is_wrong_with_the_broker_is_asked_again_until_it_works(house: Path, closed: Broker) -> None:
    given = ("--source", "pictures", "--host", "127.0.0.1:1")
    with setup(house, *given) as terminal:
        terminal.answer("Name of this device [")
        terminal.answer("Name of the camera [")
        terminal.wait_for("fail tcp: connection refused")
        terminal.answer("What now? [1]: ", "1")
        terminal.answer("Its name or address: ", "no host")
        terminal.wait_for("'no host' is not the name of a host")
        terminal.answer("Its name or address: ", f"127.0.0.1:{closed.port}")
        terminal.wait_for("fail login: login refused")
        terminal.answer("User name at the broker: ", "ann")
        terminal.answer("Password (not shown): ", "gue55ed")
        terminal.wait_for("fail login: login refused")
        terminal.answer("User name at the broker [ann]: ")
        terminal.answer("Password (not shown): ", SECRET)
        terminal.wait_for("ok   login: accepted user ann")
        terminal.answer("Write config.yaml? [Y/n]: ")
        assert terminal.end(30) == 0
        assert SECRET not in terminal.shown
        assert "gue55ed" not in terminal.shown
    assert (house / "mqtt-password.txt").read_text() == f"{SECRET}\n"


def test_a_broker_with_tls_is_found_out_and_its_authority_asked_for(house: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.sign("server")
    tls = ServerTls(server.certificate, server.key)
    with Broker(tmp_path / "secure", tls=tls) as secure:
        given = ("--source", "test", "--node", "hut", "--camera", "door", "--host", f"127.0.0.1:{secure.port}")
        with setup(house, *given) as terminal:
            terminal.wait_for("fail login: the connection is closed without an answer")
            terminal.wait_for("1  try with TLS")
            terminal.answer("What now? [1]: ")
            terminal.wait_for("fail tls: TLS: the broker's certificate is not trusted")
            terminal.answer("What now? [1]: ", "1")
            terminal.answer("File with its certificate (PEM): ", "none.pem")
            terminal.wait_for("there is no such file")
            terminal.answer("File with its certificate (PEM): ", str(authority.certificate))
            terminal.wait_for("ok   receive: it came back")
            terminal.answer("Write config.yaml? [Y/n]: ")
            assert terminal.end(30) == 0
    data = yaml.safe_load((house / "config.yaml").read_text())
    assert data["mqtt"]["tls"] == {"enabled": True, "ca": str(authority.certificate)}


def test_a_camera_that_does_not_work_is_asked_for_again(house: Path, closed: Broker) -> None:
    user = ("--username", "ann", "--password-file", house / "secret")
    (house / "secret").write_text(SECRET)
    given = ("--source", "nothing.mp4", "--node", "hut", "--host", f"127.0.0.1:{closed.port}", *user)
    with setup(house, *given) as terminal:
        terminal.answer("Name of the camera [")
        terminal.wait_for("nothing.mp4")
        terminal.answer("Take it all the same? [y/N]: ", "n")
        terminal.answer("Which camera? [1]: ", "3")
        terminal.wait_for("A test picture is used until there is one.")
        terminal.answer("Write config.yaml? [Y/n]: ")
        assert terminal.end(30) == 0
    data = yaml.safe_load((house / "config.yaml").read_text())
    assert data["cameras"] == {"camera": {"source": "test"}}


def test_an_address_or_a_path_is_an_answer_too_where_there_are_numbers(house: Path, closed: Broker) -> None:
    user = ("--username", "ann", "--password-file", house / "secret")
    (house / "secret").write_text(SECRET)
    given = ("--source", "nothing.mp4", "--node", "hut", "--host", f"127.0.0.1:{closed.port}", *user)
    with setup(house, *given) as terminal:
        terminal.answer("Name of the camera [")
        terminal.answer("Take it all the same? [y/N]: ", "n")
        terminal.answer("Which camera? [1]: ", "./pictures")
        terminal.wait_for("the model says: green 0.90")
        terminal.answer("Write config.yaml? [Y/n]: ")
        assert terminal.end(30) == 0
    data = yaml.safe_load((house / "config.yaml").read_text())
    assert data["cameras"] == {"camera": {"source": str(house / "pictures")}}


ANSWERS = {"Name of this device [": "", "Name of the camera [": "", "User name": "ann", "Password": SECRET}


@pytest.mark.parametrize("question", [*ANSWERS, "Write "])
def test_ctrl_c_at_any_question_writes_nothing(house: Path, closed: Broker, question: str) -> None:
    before = sorted(path.name for path in house.iterdir())
    given = ("--source", "pictures", "--host", f"127.0.0.1:{closed.port}")
    with setup(house, *given) as terminal:
        for asked, typed in ANSWERS.items():
            if asked == question:
                break
            terminal.answer(asked, typed)
        assert terminal.interrupt(question) == 0
        assert "edgeclassify: setup: ended; nothing is written" in terminal.shown
        assert "Traceback" not in terminal.shown
    assert sorted(path.name for path in house.iterdir() if path.name != "seen") == before


def test_no_to_the_last_question_writes_nothing(house: Path, closed: Broker) -> None:
    (house / "config.yaml").write_text("# mine\nnode: old\n")
    with setup(house, "--source", "test", "--host", "nas", "--untested") as terminal:
        terminal.answer("Name of this device [old]: ", "new")
        terminal.answer("Name of the camera [")
        terminal.wait_for("node: old -> new")
        terminal.answer("(what is there is kept as a copy)? [Y/n]: ", "n")
        terminal.wait_for("ended; nothing is written")
        assert terminal.end(30) == 0
    assert (house / "config.yaml").read_text() == "# mine\nnode: old\n"


def test_it_fits_a_narrow_terminal_and_survives_what_is_no_text(house: Path, closed: Broker) -> None:
    given = ("--source", "pictures", "--host", f"127.0.0.1:{closed.port}")
    with setup(house, *given, columns=40) as terminal:
        terminal.answer("Name of this device [", b"\xff\xfe")
        terminal.answer("Name of this device [", "hut")
        terminal.answer("Name of the camera [")
        terminal.answer("User name", "ann")
        terminal.answer("Password", b"\xff\xfe")
        terminal.wait_for("That is no text in")
        terminal.answer("Password", SECRET)
        terminal.wait_for("receive: it came back")
        asked = terminal.shown.split("The file\n")[0]
        assert terminal.interrupt("Write") == 0
        assert "Traceback" not in terminal.shown
    lines = [line for line in asked.splitlines() if "/" not in line and "[" not in line]
    assert max(map(len, lines)) <= 40, max(lines, key=len)
