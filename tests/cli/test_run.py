"""`edgeclassify run` with what cannot work: one message, the right exit code, no traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.broker import Broker, Inbox, free_port
from tests.running import NOTHING, ROOT, Daemon, colour_of, run_to_end, slides, write_model, write_pictures
from tests.waiting import wait_until


def fails(folder: Path, config: dict[str, object], code: int) -> str:
    """What `run` says when it ends with this code."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = run_to_end(folder, "run", "-c", "config.yaml")
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def settings(**sections: object) -> dict[str, object]:
    """A configuration that would work but for what is added."""
    return {
        "state_dir": "state",
        "model": {"name": "colours.tflite"},
        "cameras": {"porch": {"source": "test"}},
        "mqtt": {"host": "127.0.0.1", "port": free_port()},
    } | sections


def test_every_problem_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    said = fails(tmp_path, {"cameras": {"porch": {"sorce": "test", "rotate": 45}}, "mqtt": {"port": "x"}}, 78)
    assert "cameras.porch.sorce" in said
    assert "did you mean" in said
    assert "cameras.porch.rotate" in said
    assert "mqtt.port" in said


def test_a_label_that_the_model_does_not_have(tmp_path: Path) -> None:
    write_model(tmp_path)
    said = fails(tmp_path, settings(events={"thresholds": {"gren": 0.5}, "groups": {"warm": ["red", "orange"]}}), 78)
    assert "config.yaml:" in said
    assert "'gren'" in said
    assert "green" in said
    assert "'orange'" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no model at all" * 100, "colours.tflite"), (None, "colours.tflite")],
)
def test_a_model_that_is_none(tmp_path: Path, content: bytes | None, words: str) -> None:
    model = write_model(tmp_path)
    if content is None:
        model.unlink()
        model.mkdir()
    else:
        model.write_bytes(content)
    assert words in fails(tmp_path, settings(), 78)


def test_a_model_with_the_wrong_labels(tmp_path: Path) -> None:
    write_model(tmp_path).with_suffix(".txt").write_text("only one\n")
    said = fails(tmp_path, settings(), 78)
    assert "3" in said
    assert "1" in said


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    write_model(tmp_path)
    mqtt = {"host": "127.0.0.1", "username": "hut", "password_file": "nowhere"}
    assert "nowhere" in fails(tmp_path, settings(mqtt=mqtt), 78)


def test_verbose_says_what_every_frame_came_to(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", NOTHING)
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        wait_until(lambda: inbox.last(f"{ROOT}/porch/status") == "online")
        daemon.stop()
        assert "below" not in daemon.said()
        daemon.arguments.append("--verbose")
        daemon.start()
        daemon.wait_for("camera porch: 0.png: ")
        daemon.stop()
    assert "< 0.60: no event" in daemon.said()


def test_paths_in_the_file_are_relative_to_it(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    write_pictures(tmp_path / "home/pictures", colour_of(0), NOTHING)
    home = Daemon(tmp_path / "home", broker.port, {"porch": slides(Path("pictures"))})
    with Daemon(tmp_path / "elsewhere", broker.port, {}) as daemon:
        daemon.kill()
        shutil.copy(home.folder / "config.yaml", tmp_path / "home/other.yaml")
        daemon.arguments[-1] = str(tmp_path / "home/other.yaml")
        daemon.start()
        wait_until(lambda: inbox.of(f"{ROOT}/porch/event"))
        assert daemon.stop() == 0
    assert (tmp_path / "home/state/outbox.db").is_file()
    assert json.loads(inbox.last(f"{ROOT}/info") or "")["model"]["name"] == "colours"


def test_a_model_that_is_missing_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("node: hut\nmodel:\n  name: mobilenet_v1_0.25_128_quant\n")
    result = run_to_end(tmp_path, "run", "-c", tmp_path / "config.yaml")
    assert result.returncode == 78
    assert "config.yaml:3: model.name: there is no model 'mobilenet_v1_0.25_128_quant'" in result.stderr
    assert "edgeclassify models pull mobilenet_v1_0.25_128_quant" in result.stderr
