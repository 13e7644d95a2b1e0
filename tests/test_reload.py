"""SIGHUP: another model or other thresholds while the daemon runs; what is wrong changes nothing."""

from __future__ import annotations

import hashlib
import json
import signal
import zipfile
from pathlib import Path
from typing import Any

from tests.broker import Broker, Inbox
from tests.inference.tiny_models import classifier
from tests.running import NOTHING, ROOT, Daemon, colour_of, run_to_end, slides, write_model, write_pictures
from tests.waiting import wait_until


def events(inbox: Inbox) -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(f"{ROOT}/porch/event")]


def daemon_on(folder: Path, broker: Broker, *colours: tuple[int, int, int]) -> Daemon:
    pictures = write_pictures(folder / "pictures", *(colours or (colour_of(0), NOTHING)))
    return Daemon(folder, broker.port, {"porch": slides(pictures)})


def reload(daemon: Daemon, says: str, times: int = 1) -> None:
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for(says, times)


def test_another_model_takes_over_and_what_was_present_ends(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker, colour_of(0)) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        write_model(tmp_path, ("rot", "grün", "blau"), "farben")
        daemon.config["model"]["name"] = "farben.tflite"
        reload(daemon, "model farben, thresholds")
        wait_until(lambda: len(events(inbox)) == 3)
        appeared, gone, again = events(inbox)
        assert (appeared["label"], appeared["model"]) == ("red", "colours")
        assert (gone["label"], gone["reason"], gone["appeared_id"]) == ("red", "reconfigured", appeared["id"])
        assert (again["event_type"], again["label"], again["model"]) == ("appeared", "rot", "farben")
        wait_until(lambda: json.loads(inbox.last(f"{ROOT}/info"))["model"]["name"] == "farben")
        assert daemon.stop() == 0


def test_a_model_of_another_input_size_takes_over(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker, colour_of(0)) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        # Six labels: the input is twice as wide.
        write_model(tmp_path, ("a", "b", "c", "d", "e", "f"), "wide")
        daemon.config["model"]["name"] = "wide.tflite"
        daemon.config["events"]["margin"] = 0
        reload(daemon, "model wide, thresholds")
        wait_until(lambda: len(events(inbox)) >= 3)
        assert events(inbox)[2]["model"] == "wide"
        assert daemon.stop() == 0


def test_a_bad_model_leaves_the_old_one_working(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        (tmp_path / "two.tflite").write_bytes(classifier(3, dtype="uint8", scale=1 / 255, softmax=False)[:300])
        daemon.config["model"]["name"] = "two.tflite"
        reload(daemon, "nothing is changed")
        daemon.config["model"]["name"] = "no-such.tflite"
        reload(daemon, "nothing is changed", times=2)
        before = len(events(inbox))
        wait_until(lambda: len(events(inbox)) >= before + 4)
        assert {event["model"] for event in events(inbox)} == {"colours"}
        assert daemon.stop() == 0


def test_a_file_that_cannot_be_changes_nothing_and_is_reported_with_its_lines(
    tmp_path: Path, broker: Broker, inbox: Inbox
) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        good = dict(daemon.config["events"])
        for events_section, said in (
            ({"margn": 1}, "did you mean 'margin'"),
            ({"thresholds": {"violet": 0.5}}, "violet"),
        ):
            daemon.config["events"] = good | events_section
            reload(daemon, said)
        daemon.wait_for("nothing is changed", times=2)
        assert "config.yaml:" in daemon.said()
        assert daemon.stop() == 0


def test_thresholds_hold_at_once(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        daemon.config["events"]["thresholds"] = {"*": 0.95}
        reload(daemon, "reload: ")
        before = len(events(inbox))
        daemon.config["events"]["thresholds"] = {"*": 0.6, "red": 0.8}
        reload(daemon, "as it says now", times=2)
        wait_until(lambda: len(events(inbox)) > before)
        # A label with a line of its own gets a topic of its own.
        wait_until(lambda: "ON" in inbox.texts(f"{ROOT}/porch/labels/red"))
        assert daemon.stop() == 0


def test_what_takes_a_restart_is_said(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        daemon.config["cameras"]["porch"]["rotate"] = 90
        daemon.config["mqtt"]["base_topic"] = "elsewhere"
        reload(daemon, "what has changed in mqtt, cameras.porch takes a restart")
        reload(daemon, "nothing has changed")
        assert daemon.stop() == 0


def test_another_file_under_the_same_name_takes_over(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker, colour_of(0)) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        reload(daemon, "nothing has changed")
        write_model(tmp_path, ("a", "b", "c", "d", "e", "f"))  # twice as wide
        daemon.config["events"]["margin"] = 0.01
        reload(daemon, "model colours, thresholds")
        wait_until(lambda: json.loads(inbox.last(f"{ROOT}/info"))["model"]["labels"] == 6)
        (tmp_path / "colours.txt").write_text("u\nv\nw\nx\ny\nz\n")
        reload(daemon, "model colours, thresholds", times=2)
        reload(daemon, "nothing has changed", times=2)
        assert daemon.stop() == 0


def test_other_labels_under_the_same_name_take_over(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker, colour_of(0)) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        (tmp_path / "colours.txt").write_text("rot\ngrün\nblau\n", encoding="utf-8")
        reload(daemon, "model colours, thresholds")
        wait_until(lambda: len(events(inbox)) == 3)
        assert [event["label"] for event in events(inbox)] == ["red", "red", "rot"]
        assert daemon.stop() == 0


def test_a_bad_file_under_the_same_name_leaves_the_old_one_working(
    tmp_path: Path, broker: Broker, inbox: Inbox
) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        model = tmp_path / "colours.tflite"
        good = model.read_bytes()
        model.write_bytes(good[:300])
        reload(daemon, "nothing is changed")
        model.unlink()
        reload(daemon, "nothing is changed", times=2)
        (tmp_path / "colours.txt").write_text("red\ngreen\n")
        model.write_bytes(good)
        reload(daemon, "nothing is changed", times=3)
        before = len(events(inbox))
        wait_until(lambda: len(events(inbox)) >= before + 4)
        write_model(tmp_path)
        reload(daemon, "nothing has changed")
        assert daemon.stop() == 0


def test_a_newer_version_that_was_pulled_takes_over(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    def pull(labels: tuple[str, ...]) -> None:
        write_model(tmp_path / "source", labels)
        zipped = tmp_path / "colours.zip"
        with zipfile.ZipFile(zipped, "w") as archive:
            for kind in ("tflite", "txt"):
                archive.write(tmp_path / f"source/colours.{kind}", f"colours.{kind}")
        checksum = hashlib.sha256(zipped.read_bytes()).hexdigest()
        done = run_to_end(
            tmp_path, "models", "pull", zipped, "--sha256", checksum, EDGECLASSIFY_MODELS=str(tmp_path / "models")
        )
        assert done.returncode == 0, done.stderr

    (tmp_path / "source").mkdir()
    pull(("red", "green", "blue"))
    with daemon_on(tmp_path, broker, colour_of(0)) as daemon:
        daemon.stop()
        daemon.config["model"]["name"] = "colours"
        daemon.variables["EDGECLASSIFY_MODELS"] = str(tmp_path / "models")
        daemon.write_config()
        inbox.clear()
        daemon.start()
        wait_until(lambda: any(event["label"] == "red" for event in events(inbox)))
        pull(("rot", "grün", "blau"))
        reload(daemon, "model colours, thresholds")
        wait_until(lambda: events(inbox)[-1]["label"] == "rot")
        assert daemon.stop() == 0
