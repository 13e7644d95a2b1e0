"""SIGHUP: another model or other thresholds while the daemon runs; what is wrong changes nothing."""

from __future__ import annotations

import hashlib
import json
import resource
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Inbox, free_port
from tests.inference.tiny_models import classifier
from tests.running import NOTHING, ROOT, Daemon, colour_of, run_to_end, slides, write_model, write_pictures
from tests.waiting import wait_until


def events(inbox: Inbox, camera: str = "porch") -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(f"{ROOT}/{camera}/event")]


def kept(broker: Broker) -> set[str]:
    """The topics of which the broker keeps a message now."""
    with Inbox(broker) as fresh:
        fresh.publish("end", "of what is kept")
        wait_until(lambda: fresh.of("end"))
        return {message.topic for message in fresh.received if message.retain and message.payload}


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
        reload(daemon, "model: farben takes over")
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
        reload(daemon, "model: wide takes over")
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


@pytest.mark.parametrize("text", ["", "# node: hut\n", "---\n"])
def test_a_file_that_says_nothing_any_more_changes_nothing(
    tmp_path: Path, broker: Broker, inbox: Inbox, text: str
) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        (tmp_path / "config.yaml").write_text(text)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("config.yaml: says nothing any more")
        daemon.wait_for("nothing is changed")
        before = len(events(inbox))
        wait_until(lambda: len(events(inbox)) >= before + 2)
        (tmp_path / "config.yaml").write_text("{}\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("model: starter takes over")
        assert daemon.stop() == 0


def test_a_file_that_said_nothing_from_the_start_may_go_on_to(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, free_port(), {})
    (tmp_path / "config.yaml").write_text("# all as it is by default\n")
    with daemon:
        daemon.wait_for("config.yaml: says nothing, so all defaults hold")
        daemon.wait_for("this machine has no camera")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("nothing has changed")
        assert daemon.stop() == 0


def test_what_is_written_and_does_not_hold_since_it_was_set_over_mqtt_is_said(
    tmp_path: Path, broker: Broker, inbox: Inbox
) -> None:
    with daemon_on(tmp_path, broker, colour_of(0)) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        inbox.publish(f"{ROOT}/porch/threshold/set", "0.7")
        daemon.wait_for("threshold is 0.7")
        daemon.config["events"]["thresholds"] = {"*": 0.99}
        clear = "which holds over what is written, until: edgeclassify overrides clear --camera porch"
        reload(daemon, f"camera porch: threshold was set over MQTT, {clear}")
        inbox.publish(f"{ROOT}/porch/enabled/set", "OFF")
        daemon.wait_for("enabled is OFF")
        daemon.config["cameras"]["porch"]["enabled"] = False
        reload(daemon, "nothing has changed")
        daemon.config["cameras"]["porch"]["enabled"] = True
        reload(daemon, f"camera porch: enabled was set over MQTT, {clear}")
        assert inbox.last(f"{ROOT}/porch/threshold") == "0.70"
        assert daemon.stop() == 0


def test_a_model_for_which_nothing_is_left_changes_nothing(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    quiet = {"health_seconds": 3600}  # which opens files too
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}, mqtt=quiet) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        wait_until(lambda: inbox.last(f"{ROOT}/health"))
        write_model(tmp_path, ("a", "b", "c", "d"), "wide")
        daemon.config["model"]["name"] = "wide.tflite"
        open_files = len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))
        _, most = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (open_files + 2, most))
        reload(daemon, "model wide.tflite: cannot be opened: Too many open files")
        daemon.wait_for("nothing is changed")
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (most, most))
        reload(daemon, "model: wide takes over")
        assert daemon.stop() == 0


def test_thresholds_hold_at_once(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        daemon.config["events"]["thresholds"] = {"*": 0.95}
        reload(daemon, "events: thresholds as written")
        before = len(events(inbox))
        daemon.config["events"]["thresholds"] = {"*": 0.6, "red": 0.8}
        reload(daemon, "events: thresholds as written", times=2)
        wait_until(lambda: len(events(inbox)) > before)
        # A label with a line of its own gets a topic of its own.
        wait_until(lambda: "ON" in inbox.texts(f"{ROOT}/porch/labels/red"))
        assert daemon.stop() == 0


def test_what_takes_a_restart_is_said_and_goes_on_as_before(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        daemon.config["node"] = "barn"
        daemon.config["mqtt"]["base_topic"] = "elsewhere"
        daemon.config["mqtt"]["health_seconds"] = 2
        reload(daemon, "what has changed in node, mqtt.base_topic takes a restart")
        inbox.publish(f"{ROOT}/porch/threshold/set", "0.5")
        wait_until(lambda: inbox.last(f"{ROOT}/porch/threshold") == "0.50")
        reload(daemon, "what has changed in node, mqtt.base_topic takes a restart", times=2)
        info = json.loads(inbox.last(f"{ROOT}/info") or "")
        assert (info["configuration"]["node"], info["configuration"]["mqtt"]["base_topic"]) == ("hut", "edgeclassify")
        assert daemon.stop() == 0
    assert not inbox.of("elsewhere/#")


def test_a_camera_whose_section_changed_restarts_alone(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    other = write_pictures(tmp_path / "other", colour_of(1))
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures), "yard": slides(pictures)}) as daemon:
        wait_until(lambda: len(events(inbox)) == 1 and len(events(inbox, "yard")) == 1)
        daemon.config["cameras"]["porch"]["frames_per_second"] = 10
        reload(daemon, "camera porch: starts anew with other frames_per_second")
        daemon.wait_for("camera porch: open", times=2)
        daemon.config["cameras"]["porch"]["source"] = str(other)
        reload(daemon, "camera porch: starts anew with other source")
        wait_until(lambda: len(events(inbox)) == 3)
        told = [(event["event_type"], event["label"], event["reason"][:12]) for event in events(inbox)]
        assert told[1:] == [("gone", "red", "reconfigured"), ("appeared", "green", "0.90 >= 0.60")]
        assert len(events(inbox, "yard")) == 1, "the other camera goes on"
        assert daemon.said().count("camera yard: open") == 1
        assert inbox.texts(f"{ROOT}/yard/status").count("offline") == 1, "at the start"
        assert json.loads(inbox.last(f"{ROOT}/health") or "")["cameras"]["porch"]["restarts_total"] == 0
        assert daemon.stop() == 0


def test_cameras_come_and_go(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    watched = {"home_assistant": {"labels": ["red"]}}
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}, **watched) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        daemon.config["cameras"]["yard"] = slides(pictures)
        reload(daemon, "camera yard: added")
        wait_until(lambda: len(events(inbox, "yard")) == 1)
        wait_until(lambda: inbox.last(f"{ROOT}/yard/status") == "online")
        inbox.publish(f"{ROOT}/yard/threshold/set", "0.5")
        wait_until(lambda: inbox.last(f"{ROOT}/yard/threshold") == "0.50")
        daemon.config["cameras"].pop("porch")
        reload(daemon, "camera porch: removed")
        wait_until(lambda: len(events(inbox)) == 2)
        assert events(inbox)[1]["reason"] == "camera removed"
        wait_until(lambda: not any("porch" in topic for topic in kept(broker)))
        broker.restart()  # it has forgotten everything, and is told only of what is left
        wait_until(lambda: inbox.last(f"{ROOT}/yard/status") == "online")
        wait_until(lambda: inbox.last(f"{ROOT}/status") == "online")
        assert {topic for topic in kept(broker) if "porch" in topic} == set()
        assert any("yard" in topic for topic in kept(broker))
        wait_until(lambda: list(json.loads(inbox.last(f"{ROOT}/health") or "")["cameras"]) == ["yard"])
        daemon.config["cameras"]["porch"] = slides(pictures)
        reload(daemon, "camera porch: added")
        wait_until(lambda: len(events(inbox)) == 3)
        assert daemon.stop() == 0


def test_another_broker_is_gone_to_and_no_event_is_lost(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with Broker(tmp_path / "second") as second, Inbox(second) as there, daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        daemon.config["mqtt"]["port"] = second.port
        reload(daemon, "mqtt: port as written, connecting anew")
        wait_until(lambda: len(events(there)) >= 2)
        assert inbox.last(f"{ROOT}/status") == "offline"
        assert there.last(f"{ROOT}/status") == "online"
        assert daemon.stop() == 0
    ids = {int(event["id"]) for event in [*events(inbox), *events(there)]}
    assert ids == set(range(1, max(ids) + 1))


def test_a_broker_that_cannot_be_reached_is_left_for_another(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        daemon.config["mqtt"]["port"] = free_port()
        reload(daemon, "connecting anew")
        daemon.wait_for("connection refused")
        before = len(events(inbox))
        daemon.config["mqtt"]["port"] = broker.port
        reload(daemon, "connecting anew", times=2)
        wait_until(lambda: len(events(inbox)) >= before + 2)
        assert daemon.stop() == 0
    ids = [int(event["id"]) for event in events(inbox)]
    assert sorted(set(ids)) == list(range(1, max(ids) + 1))


def test_a_password_file_that_is_missing_changes_nothing(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        daemon.config["mqtt"] |= {"username": "porch", "password_file": "missing.txt"}
        daemon.config["events"]["thresholds"] = {"*": 0.99}
        reload(daemon, "nothing is changed")
        assert "missing.txt" in daemon.said()
        before = len(events(inbox))
        wait_until(lambda: len(events(inbox)) >= before + 2)
        assert daemon.stop() == 0


def test_health_and_snapshots_change_at_once(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        daemon.config["mqtt"]["health_seconds"] = 3600
        daemon.stop()
        daemon.write_config()
        daemon.start()
        wait_until(lambda: inbox.of(f"{ROOT}/+/snapshot"))
        daemon.config["mqtt"]["health_seconds"] = 1
        daemon.config["snapshots"] = {"enabled": False}
        reload(daemon, "mqtt: health_seconds as written")
        assert "connecting anew" not in daemon.said()
        daemon.wait_for("snapshots: enabled as written")
        before, snapshots = len(inbox.of(f"{ROOT}/health")), len(inbox.of(f"{ROOT}/+/snapshot"))
        wait_until(lambda: len(inbox.of(f"{ROOT}/health")) >= before + 3)
        assert len(inbox.of(f"{ROOT}/+/snapshot")) <= snapshots + 1
        assert daemon.stop() == 0


def test_what_was_wrong_is_told_over_mqtt_until_it_is_mended(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    def last_reload() -> dict[str, Any] | None:
        info = json.loads(inbox.last(f"{ROOT}/info") or "{}")
        found: dict[str, Any] | None = info.get("last_reload")
        return found

    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: inbox.last(f"{ROOT}/info"))
        assert last_reload() is None
        daemon.config["events"]["margn"] = 1
        reload(daemon, "nothing is changed")
        wait_until(lambda: (last_reload() or {}).get("done") is False)
        told = last_reload() or {}
        assert "config.yaml:" in told["message"]
        assert "did you mean 'margin'" in told["message"]
        daemon.config["events"].pop("margn")
        reload(daemon, "nothing has changed")
        wait_until(lambda: (last_reload() or {}).get("done") is True)
        assert daemon.stop() == 0


def test_signals_that_come_together_are_one_reload(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2)
        daemon.config["events"]["margin"] = 0.2
        daemon.write_config()
        for _ in range(20):
            daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("events: margin as written")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("nothing has changed")
        assert daemon.said().count("reload: ") == 2
        assert daemon.stop() == 0


def test_another_file_under_the_same_name_takes_over(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker, colour_of(0)) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        reload(daemon, "nothing has changed")
        write_model(tmp_path, ("a", "b", "c", "d", "e", "f"))  # twice as wide
        daemon.config["events"]["margin"] = 0.01
        reload(daemon, "model: colours takes over")
        wait_until(lambda: json.loads(inbox.last(f"{ROOT}/info"))["model"]["labels"] == 6)
        (tmp_path / "colours.txt").write_text("u\nv\nw\nx\ny\nz\n")
        reload(daemon, "model: colours takes over", times=2)
        reload(daemon, "nothing has changed", times=2)
        assert daemon.stop() == 0


def test_other_labels_under_the_same_name_take_over(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker, colour_of(0)) as daemon:
        wait_until(lambda: len(events(inbox)) == 1)
        (tmp_path / "colours.txt").write_text("rot\ngrün\nblau\n", encoding="utf-8")
        reload(daemon, "model: colours takes over")
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
        reload(daemon, "model: colours takes over")
        wait_until(lambda: events(inbox)[-1]["label"] == "rot")
        assert daemon.stop() == 0


def test_a_fragment_comes_is_broken_and_goes(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    with daemon_on(tmp_path, broker) as daemon:
        wait_until(lambda: inbox.last(f"{ROOT}/porch/threshold") == "0.60")
        fragment = tmp_path / "config.d/10-site.yaml"
        fragment.parent.mkdir()
        fragment.write_text('events: {thresholds: {"*": 0.80}}\n')
        reload(daemon, "reload: ")
        wait_until(lambda: inbox.last(f"{ROOT}/porch/threshold") == "0.80")
        fragment.write_text("")
        reload(daemon, "config.d/10-site.yaml: is empty; write it again, or remove it")
        daemon.wait_for("nothing is changed, what ran before goes on")
        info = json.loads(inbox.last(f"{ROOT}/info") or "")
        assert info["configuration"]["events"]["thresholds"] == {"*": 0.8}
        fragment.unlink()
        reload(daemon, "events: thresholds as written", times=2)
        wait_until(lambda: inbox.last(f"{ROOT}/porch/threshold") == "0.60")
        assert daemon.stop() == 0
