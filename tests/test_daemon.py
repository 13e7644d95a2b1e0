"""The daemon as its user sees it: pictures in, MQTT out."""

from __future__ import annotations

import io
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.broker import Broker, Inbox
from tests.cameras.conftest import make_video
from tests.rtsp_server import RtspServer
from tests.running import (
    AT_ONCE,
    NOTHING,
    ROOT,
    Daemon,
    answer_pictures,
    colour_of,
    slides,
    write_model,
    write_pictures,
)
from tests.waiting import wait_until

EVENTS = f"{ROOT}/porch/event"


def events(inbox: Inbox, topic: str = EVENTS) -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(topic)]


def told(inbox: Inbox, topic: str = EVENTS) -> list[tuple[str, str]]:
    return [(event["event_type"], event["label"]) for event in events(inbox, topic)]


def test_what_comes_and_goes_is_told_in_order(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING, colour_of(1), NOTHING)
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        wait_until(lambda: len(events(inbox)) >= 4)
        assert daemon.stop() == 0
    happened = [("appeared", "red"), ("gone", "red"), ("appeared", "green"), ("gone", "green")]
    assert told(inbox)[:4] == happened
    appeared, gone = events(inbox)[:2]
    assert {key: appeared[key] for key in ("id", "late", "node", "camera", "index", "model", "accelerator")} == {
        "id": "0000000001", "late": False, "node": "hut", "camera": "porch",
        "index": 0, "model": "colours", "accelerator": "cpu",
    }  # fmt: skip
    assert appeared["score"] == pytest.approx(0.902, abs=0.001)
    assert appeared["reason"] == "0.90 >= 0.60 for 0.0 s, margin 0.90"
    assert gone["appeared_id"] == appeared["id"]
    assert gone["started"] == appeared["time"]
    assert gone["best_score"] == appeared["score"]
    assert 0.3 < gone["duration_seconds"] < 10
    ids = [event["id"] for event in events(inbox)]
    assert ids == [f"{number:010d}" for number in range(1, len(ids) + 1)]
    assert len({event["epoch"] for event in events(inbox)}) == 1
    assert all(message.qos == 1 and not message.retain for message in inbox.of(EVENTS))


def test_state_and_labels_follow_each_event(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", NOTHING, colour_of(0))  # connected before there is anything
    watched = {"home_assistant": {"labels": ["red", "Blue"]}}
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}, **watched) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2 and inbox.texts(f"{ROOT}/porch/labels/red")[-1:] == ["OFF"])
        daemon.stop()
    told_of = [
        message
        for message in inbox.received
        if message.topic in (EVENTS, f"{ROOT}/porch/state", f"{ROOT}/porch/labels/red")
    ]
    kinds = [message.topic.removeprefix(f"{ROOT}/porch/") for message in told_of]
    assert sorted(kinds[:2]) == ["labels/red", "state"]  # nothing is there, told at connect
    assert kinds[2:8] == ["event", "state", "labels/red", "event", "state", "labels/red"]
    assert [message.text for message in told_of if message.topic.endswith("red")][:3] == ["OFF", "ON", "OFF"]
    assert set(inbox.texts(f"{ROOT}/porch/labels/blue")) == {"OFF"}
    assert not inbox.of(f"{ROOT}/porch/labels/green")
    there, nothing = (json.loads(text) for text in inbox.texts(f"{ROOT}/porch/state")[1:3])
    appeared = events(inbox)[0]
    assert there == {
        "label": "red", "score": appeared["score"], "since": appeared["time"],
        "epoch": appeared["epoch"], "event_id": appeared["id"],
    }  # fmt: skip
    assert (nothing["label"], nothing["score"], nothing["event_id"]) == ("none", None, None)


def test_the_snapshot_is_the_events_own_frame_and_comes_just_before_it(
    tmp_path: Path, broker: Broker, inbox: Inbox
) -> None:
    folder = write_pictures(tmp_path / "pictures", colour_of(0), colour_of(1), size=(1000, 800))
    with Daemon(tmp_path, broker.port, {"porch": slides(folder)}, snapshots={"width": 320}) as daemon:
        wait_until(lambda: told(inbox).count(("appeared", "green")) >= 1)
        daemon.stop()
    messages = inbox.of(f"{ROOT}/porch/+")
    snapshots = 0
    for before, message in itertools.pairwise(messages):
        if message.topic == EVENTS and json.loads(message.text)["event_type"] == "appeared":
            assert before.topic == f"{ROOT}/porch/snapshot"
            with Image.open(io.BytesIO(before.payload)) as picture:
                assert (picture.format, picture.size) == ("JPEG", (320, 256))
                middle = np.asarray(picture.convert("RGB"))[128, 160].astype(int)
            wanted = colour_of(json.loads(message.text)["index"])
            assert np.abs(middle - wanted).max() < 12
            snapshots += 1
    assert snapshots == len(inbox.of(f"{ROOT}/porch/snapshot")) >= 2


def test_no_snapshot_when_they_are_switched_off(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    folder = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    with Daemon(tmp_path, broker.port, {"porch": slides(folder)}, snapshots={"enabled": False}):
        wait_until(lambda: len(events(inbox)) >= 2)
    assert not inbox.of("+/+/+/snapshot")


def test_health_has_every_promised_field_and_totals_that_grow(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    folder = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)

    def health() -> list[dict[str, Any]]:
        return [json.loads(text) for text in inbox.texts(f"{ROOT}/health")]

    with Daemon(tmp_path, broker.port, {"porch": slides(folder)}):
        wait_until(lambda: len(health()) >= 4)
    reports = health()
    last, camera = reports[-1], reports[-1]["cameras"]["porch"]
    assert list(last) == ["time", "uptime_seconds", "cameras", "inference", "outbox", "device"]
    assert camera.keys() == {
        "status", "accelerator", "captured_total", "classified_total", "dropped_total", "frames_per_second",
        "classified_per_second", "frame_age_seconds", "restarts_total", "suppressed",
    }  # fmt: skip
    assert camera["suppressed"].keys() == {"below_threshold", "ambiguous", "cooldown", "ignored"}
    assert last["inference"].keys() == {
        "accelerator", "xnnpack", "threads", "median_ms", "p95_ms", "failovers_total",
    }  # fmt: skip
    assert last["outbox"].keys() == {
        "waiting", "accepted_total", "delivered_total", "expired_total", "dead_total", "durable",
    }  # fmt: skip
    assert last["device"].keys() == {"cpu_celsius", "throttled", "memory_mb"}
    assert (camera["status"], camera["accelerator"], camera["restarts_total"]) == ("online", "cpu", 0)
    assert 1 < camera["classified_per_second"] < 25
    assert camera["frame_age_seconds"] < 5
    assert last["outbox"]["durable"] is True
    assert last["outbox"]["delivered_total"] > 0
    assert 0 <= last["inference"]["median_ms"] <= last["inference"]["p95_ms"]
    assert 20 < last["device"]["memory_mb"] < 400
    totals = [report["cameras"]["porch"]["classified_total"] for report in reports]
    assert totals == sorted(totals)
    assert last["uptime_seconds"] >= 2


def test_info_says_what_runs_and_keeps_secrets(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    camera = {"source": "rtsp://somebody:geheim@127.0.0.1:9/door"}
    (tmp_path / "password").write_text("streng geheim")
    (tmp_path / "password").chmod(0o600)
    mqtt = {"username": "hut", "password_file": "password"}
    with Daemon(tmp_path, broker.port, {"porch": camera}, mqtt=mqtt) as daemon:
        wait_until(lambda: inbox.last(f"{ROOT}/info"))
        daemon.wait_for("trying again")
        daemon.stop()
    info = json.loads(inbox.last(f"{ROOT}/info") or "")
    assert {"version", "model", "accelerator", "cameras", "configuration"} <= info.keys()
    assert (info["model"]["name"], info["cameras"]) == ("colours", ["porch"])
    assert info["configuration"]["mqtt"]["username"] == "hut"
    everything = " ".join(message.text for message in inbox.received) + daemon.said()
    assert "geheim" not in everything


def test_a_camera_that_never_works_disturbs_no_other(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    folder = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    cameras = {"porch": slides(folder), "yard": {"source": "rtsp://127.0.0.1:9/none"}, "attic": {"source": "not there"}}
    with Daemon(tmp_path, broker.port, cameras) as daemon:
        wait_until(lambda: len(events(inbox)) >= 6)
        assert inbox.last(f"{ROOT}/porch/status") == "online"
        assert inbox.last(f"{ROOT}/yard/status") == inbox.last(f"{ROOT}/attic/status") == "offline"
        assert daemon.stop() == 0
    said = daemon.said()
    assert said.count("camera yard:") == said.count("camera attic:") == 1


def test_two_cameras_have_events_of_their_own(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    one = write_pictures(tmp_path / "one", colour_of(0), NOTHING)
    other = write_pictures(tmp_path / "other", colour_of(1), NOTHING)
    cameras = {
        "porch": slides(one),
        "yard": slides(other, events={"thresholds": {"*": 0.95}}),
        "attic": slides(other, events={"thresholds": {"green": 0.9}}),
    }
    with Daemon(tmp_path, broker.port, cameras):
        wait_until(lambda: len(events(inbox)) >= 4 and len(events(inbox, f"{ROOT}/attic/event")) >= 4)
        health = json.loads(inbox.last(f"{ROOT}/health") or "")
    assert {label for _, label in told(inbox)} == {"red"}
    assert {label for _, label in told(inbox, f"{ROOT}/attic/event")} == {"green"}
    assert not inbox.of(f"{ROOT}/yard/event")
    assert health["cameras"]["yard"]["suppressed"]["below_threshold"] > 0
    assert {message.topic for message in inbox.of(f"{ROOT}/+/labels/+")} == {f"{ROOT}/attic/labels/green"}


def test_a_disabled_camera_is_online_and_silent(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    folder = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    with Daemon(tmp_path, broker.port, {"porch": slides(folder, enabled=False), "yard": slides(folder)}):
        wait_until(lambda: len(events(inbox, f"{ROOT}/yard/event")) >= 2)
        wait_until(lambda: inbox.last(f"{ROOT}/porch/status") == "online")
    assert not inbox.of(EVENTS)


def test_groups_answer_for_their_members(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    folder = write_pictures(tmp_path / "pictures", (110, 100, 20), NOTHING)
    groups = {"groups": {"warm": ["red", 1]}, "thresholds": {"*": 0.60, "warm": 0.7}}
    with Daemon(tmp_path, broker.port, {"porch": slides(folder)}, events=groups):
        wait_until(lambda: len(events(inbox)) >= 2)
        wait_until(lambda: "ON" in inbox.texts(f"{ROOT}/porch/labels/warm"))
    appeared = events(inbox)[0]
    assert (appeared["label"], appeared["index"]) == ("warm", None)
    assert appeared["score"] == pytest.approx(210 / 255, abs=0.001)
    assert [one["label"] for one in appeared["top"]] == ["red", "green", "blue"]


def test_presence_ends_with_the_camera_and_comes_back_with_it(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    write_model(tmp_path)
    # A test pattern has every colour in it: scaled to one pixel it is a grey that is answered at a low threshold.
    always = {"thresholds": {"*": 0.05}, "margin": 0}
    with RtspServer() as server:
        camera = {"source": server.url, "stale_seconds": 1, "fit": "squash"}
        with Daemon(tmp_path, broker.port, {"porch": camera}, events=always) as daemon:
            wait_until(lambda: inbox.last(f"{ROOT}/porch/status") == "online", 20)
            wait_until(lambda: any(kind == "appeared" for kind, _ in told(inbox)))
            server.stalled.set()
            wait_until(lambda: inbox.last(f"{ROOT}/porch/status") == "offline")
            wait_until(lambda: events(inbox)[-1]["event_type"] == "gone")
            assert events(inbox)[-1]["reason"] == "camera offline"
            wait_until(lambda: json.loads(inbox.last(f"{ROOT}/porch/state") or "")["label"] == "none")
            told_before = len(events(inbox))
            server.stalled.clear()
            wait_until(lambda: inbox.last(f"{ROOT}/porch/status") == "online", 20)
            wait_until(lambda: len(events(inbox)) > told_before)
            assert events(inbox)[told_before]["event_type"] == "appeared"
            assert daemon.stop() == 0
    assert events(inbox)[-1]["reason"] == "stopped"


def test_a_video_file_is_classified_without_a_frame_left_out(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    video = make_video(tmp_path / "video.mkv", codec="ffv1", frames=10)
    camera = {"source": str(video), "frames_per_second": 0, "fit": "squash"}

    def health() -> dict[str, Any]:
        report: dict[str, Any] = json.loads(inbox.last(f"{ROOT}/health") or "{}")
        return report["cameras"]["porch"] if report else {"classified_total": 0}

    with Daemon(tmp_path, broker.port, {"porch": camera}, events={"thresholds": {"*": 0.7}}):
        wait_until(lambda: health()["classified_total"] >= 100)
    assert health()["dropped_total"] == 0
    assert health()["captured_total"] - health()["classified_total"] <= 3  # in hand, in the mailbox, and in the model
    assert {label for _, label in told(inbox)} == {"red", "green", "blue"}


def test_a_real_model_recognizes_real_pictures(shared: Path, tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("cat.bmp", "parrot.jpg", "sunflower.bmp"):
        (folder / name).symlink_to(shared / "images" / name)
    model = {"name": str(shared / "models/mobilenet_v2_1.0_224_quant.tflite"), "scores": "auto"}
    camera = slides(folder, 1, fit="crop", frames_per_second=5)
    home = {"groups": "home", "thresholds": {"*": 0.5}}
    with Daemon(tmp_path, broker.port, {"porch": camera}, model=model, events=AT_ONCE | home):
        wait_until(lambda: len({label for _, label in told(inbox)}) >= 3, 20)
    assert {"cat", "bird", "flower"} == {label for kind, label in told(inbox) if kind == "appeared"}


def test_labels_of_every_kind_go_through_the_whole_chain(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    odd = ["a/b", "#", "+", "nul\0nul", "兔子", "🦊", "x" * 1000, "crane", "crane", "\"quoted\" \\ 'label'", "é"]
    write_model(tmp_path, odd, "odd")
    labels = [label.replace("\0", "") for label in odd]  # which is no text
    folder = answer_pictures(tmp_path / "pictures", len(labels), range(len(labels)))
    watched = {"labels": list(range(len(labels)))}
    model = {"name": "odd.tflite"}
    camera = slides(folder, 0.1)
    with Daemon(tmp_path, broker.port, {"porch": camera}, model=model, home_assistant=watched) as daemon:
        wait_until(lambda: len(events(inbox)) >= 2 * len(labels) + 2)
        assert daemon.stop() == 0
    appeared = [event for event in events(inbox) if event["event_type"] == "appeared"]
    assert [event["label"] for event in appeared[: len(labels)]] == labels
    assert [event["index"] for event in appeared[: len(labels)]] == list(range(len(labels)))
    on = {message.topic.rpartition("/")[2] for message in inbox.of(f"{ROOT}/porch/labels/+") if message.text == "ON"}
    parts = {"a_b", "label_1", "label_2", "nulnul", "label_4", "label_5", "x" * 64, "crane", "crane_8"}
    assert on == parts | {"quoted_label", "e"}


def test_what_is_there_at_the_start_comes_with_its_picture_though_the_broker_takes_a_while(
    tmp_path: Path, broker: Broker, inbox: Inbox
) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    broker.freeze()
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        daemon.wait_for("on the CPU with")  # it connects soon after
        until_s = time.monotonic() + 0.8
        wait_until(lambda: time.monotonic() > until_s)
        broker.thaw()
        wait_until(lambda: inbox.of(f"{ROOT}/porch/event"))
        topics = [message.topic for message in inbox.received]
        assert topics[topics.index(f"{ROOT}/porch/event") - 1] == f"{ROOT}/porch/snapshot"
        assert daemon.stop() == 0
