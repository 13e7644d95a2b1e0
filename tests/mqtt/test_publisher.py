"""What a broker gets to see in good times."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edgeclassify.errors import ConfigError, UnavailableError
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.messages import Message
from edgeclassify.records import Decision, State
from tests.broker import Broker, Inbox, free_port
from tests.mqtt.checks import assert_every_appeared_has_one_gone, assert_in_order_and_whole
from tests.mqtt.conftest import EVENTS, NODE, StartPublisher
from tests.mqtt.records import appeared, gone, visits
from tests.waiting import wait_until


def test_an_event_comes_with_its_snapshot_before_and_its_state_after(
    broker: Broker, inbox: Inbox, start: StartPublisher
):
    publisher = start(broker.port)
    publisher.watch("porch", {("cat", 1): "cat", ("dog", 2): "dog"})
    wait_until(lambda: publisher.connected)
    publisher.accept(appeared(), b"\xff\xd8jpeg")
    publisher.accept(gone(), None)
    assert publisher.flush(5)
    wait_until(lambda: inbox.texts(f"{NODE}/porch/labels/cat") == ["OFF", "ON", "OFF"])
    order = [m.topic.removeprefix(NODE) for m in inbox.received]
    assert order.index("/status") < order.index("/porch/snapshot") == order.index("/porch/event") - 1
    assert order.index("/porch/event") < order.index("/porch/state")
    first, second = (json.loads(text) for text in inbox.texts(EVENTS))
    assert second["appeared_id"] == first["id"] == "0000000001"
    assert json.loads(inbox.texts(f"{NODE}/porch/state")[0])["event_id"] == "0000000001"
    assert inbox.of(f"{NODE}/porch/snapshot")[0].payload == b"\xff\xd8jpeg"
    assert inbox.texts(f"{NODE}/porch/labels/dog") == ["OFF"]


def test_events_expire_at_the_broker_as_they_do_in_the_outbox(broker: Broker, start: StartPublisher):
    expiries: dict[str, int | None] = {}

    def note(_client, _userdata, message):
        expiries[message.topic] = getattr(message.properties, "MessageExpiryInterval", None)

    listener = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    listener.on_message = note
    subscribed = threading.Event()
    listener.on_subscribe = lambda *_: subscribed.set()
    listener.connect(broker.host, broker.port)
    listener.subscribe([(EVENTS, 1), (f"{NODE}/porch/state", 0)])
    listener.loop_start()
    try:
        assert subscribed.wait(5)
        publisher = start(broker.port, outbox={"expire_seconds": 100, "max_events": 10})
        publisher.accept(appeared())
        wait_until(lambda: len(expiries) == 2)
    finally:
        listener.disconnect()
        listener.loop_stop()
    assert 90 <= (expiries[EVENTS] or 0) <= 100
    assert expiries[f"{NODE}/porch/state"] is None


def test_the_state_names_the_event_of_its_own_label_among_labels_of_equal_text(
    broker: Broker, inbox: Inbox, start: StartPublisher
):
    publisher = start(broker.port)
    wait_until(lambda: publisher.connected)  # what comes before is told as one state
    for index in (133, 517):  # ImageNet has two cranes
        publisher.accept(appeared("crane", index=index))
    bird = State("porch", "crane", 133, 0.9, 0.0)
    publisher.accept(Decision((), bird))
    assert publisher.flush(5)
    wait_until(lambda: len(inbox.of(f"{NODE}/porch/state")) == 3)
    told = [json.loads(text)["event_id"] for text in inbox.texts(f"{NODE}/porch/state")]
    assert told == ["0000000001", "0000000002", "0000000001"]


def test_retained_is_what_the_contract_says(broker: Broker, start: StartPublisher):
    publisher = start(broker.port)
    publisher.watch("porch", {("cat", 1): "cat"})
    publisher.retain(messages.camera_status(publisher.topics, "porch", online=True))
    publisher.accept(appeared(), b"jpeg")
    wait_until(lambda: publisher.connected and publisher.flush(1))
    publisher.watch("porch", {("dog", 2): "dog"})
    with Inbox(broker) as late_comer:
        wait_until(lambda: late_comer.last(f"{NODE}/porch/labels/dog") == "OFF")
        assert {m.topic.removeprefix(NODE) for m in late_comer.received if m.retain} >= {
            "/status", "/porch/status", "/porch/state",
        }  # fmt: skip
        assert late_comer.of(EVENTS) == []
        wait_until(lambda: late_comer.last(f"{NODE}/porch/labels/cat") in (None, ""))


def test_starting_needs_no_broker_and_events_wait_for_it(tmp_path: Path, start: StartPublisher):
    broker = Broker(tmp_path / "late", port=free_port())
    started_s = time.monotonic()
    publisher = start(broker.port)
    for decision in visits(50):
        publisher.accept(decision, b"jpeg")
    assert time.monotonic() - started_s < 1
    wait_until(lambda: publisher.counters.waiting == 50)
    with broker, Inbox(broker) as inbox:
        assert publisher.flush(10)
        assert inbox.of(f"{NODE}/porch/snapshot") == []  # none for a backlog


def test_a_clean_stop_says_offline_and_delivers_what_it_can(broker: Broker, inbox: Inbox, start: StartPublisher):
    publisher = start(broker.port)
    wait_until(lambda: publisher.connected)
    for decision in visits(100):
        publisher.accept(decision)
    publisher.__exit__()
    wait_until(lambda: inbox.last(f"{NODE}/status") == "offline")
    assert len(inbox.of(EVENTS)) == 100
    assert not publisher.connected


def test_stopping_does_not_wait_for_a_broker_that_hangs(broker: Broker, start: StartPublisher):
    publisher = start(broker.port)
    wait_until(lambda: publisher.connected)
    broker.freeze()
    publisher.accept(appeared())
    started_s = time.monotonic()
    publisher.__exit__()
    assert time.monotonic() - started_s < 4
    broker.thaw()


def test_messages_that_are_not_kept_reach_those_who_listen(broker: Broker, inbox: Inbox, start: StartPublisher):
    publisher = start(broker.port)
    publisher.send(Message(f"{NODE}/porch/why", b"too early"))
    wait_until(lambda: publisher.connected)
    publisher.send(Message(f"{NODE}/porch/why", b"now"))
    wait_until(lambda: inbox.texts(f"{NODE}/porch/why")[-1:] == ["now"])


def test_commands_reach_their_handler_also_after_a_reconnect(broker: Broker, inbox: Inbox, start: StartPublisher):
    got = []
    publisher = start(broker.port)
    publisher.subscribe(publisher.topics.why_set, lambda incoming: got.append((incoming.payload, incoming.retained)))
    publisher.subscribe(f"{NODE}/broken/set", lambda *_: 1 / 0)
    wait_until(lambda: publisher.connected)
    inbox.publish(f"{NODE}/broken/set", b"x")
    inbox.publish(publisher.topics.why_set, b"5")
    wait_until(lambda: got == [(b"5", False)])
    inbox.publish(publisher.topics.why_set, b"7", retain=True)
    wait_until(lambda: len(got) == 2)
    subscriptions = inbox.subscriptions
    broker.kill()
    wait_until(lambda: not publisher.connected)
    broker.start()
    wait_until(lambda: publisher.connected and inbox.subscriptions > subscriptions)
    inbox.publish(publisher.topics.why_set, b"9")
    wait_until(lambda: got[-1] == (b"9", False))
    inbox.publish(publisher.topics.why_set, b"60", retain=True)
    wait_until(lambda: got[-1] == (b"60", False))
    publisher.__exit__()
    again = start(broker.port)
    again.subscribe(again.topics.why_set, lambda incoming: got.append((incoming.payload, incoming.retained)))
    wait_until(lambda: got[-1] == (b"60", True))


def test_another_device_of_the_same_name_is_an_error(
    broker: Broker, inbox: Inbox, start: StartPublisher, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    publisher = start(broker.port)
    wait_until(lambda: publisher.connected)
    assert "another device" not in caplog.text
    other = start(broker.port, folder=tmp_path / "other")
    wait_until(lambda: "another device calls itself hut; set node:" in caplog.text)
    wait_until(lambda: other.connected)
    other.__exit__()
    wait_until(lambda: inbox.texts(f"{NODE}/status")[-2:] == ["offline", "online"])  # the first says it is still here


def test_a_copied_sd_card_takes_a_new_client_id(
    broker: Broker, start: StartPublisher, state_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    publisher = start(broker.port)
    wait_until(lambda: publisher.connected)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "client_id").write_text((state_dir / "client_id").read_text())
    other = start(broker.port, folder=copy)
    wait_until(lambda: (copy / "client_id").read_text() != (state_dir / "client_id").read_text())
    wait_until(lambda: publisher.connected and other.connected)
    assert "another device calls itself hut" in caplog.text


def test_the_last_will_speaks_for_a_daemon_that_was_killed(broker: Broker, inbox: Inbox, tmp_path: Path):
    child = start_accepting(broker.port, tmp_path)
    wait_until(lambda: inbox.last(f"{NODE}/status") == "online")
    child.send_signal(signal.SIGKILL)
    child.communicate()
    wait_until(lambda: inbox.last(f"{NODE}/status") == "offline")


def start_accepting(port: int, folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.mqtt.accepting", str(port), str(folder / "state")],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def test_every_event_that_was_accepted_arrives_though_the_daemon_is_killed_ten_times(tmp_path: Path):
    with Broker(tmp_path / "broker") as broker, Inbox(broker) as inbox:
        accepted = 0
        for number in range(10):
            child = start_accepting(broker.port, tmp_path)
            lines = iter(child.stdout.readline, "")
            told = 0
            for told in map(int, lines):
                if told >= (7 * number) % 60 + 5:
                    child.kill()
            child.communicate()
            accepted += told
        last = start_accepting(broker.port, tmp_path)
        last.stdout.readline()
        last.terminate()
        last.communicate()
        events = [json.loads(text) for text in inbox.texts(EVENTS)]
    assert_in_order_and_whole(events)
    assert len({event["id"] for event in events}) >= accepted
    assert_every_appeared_has_one_gone(events)


def test_one_state_dir_serves_one_daemon(broker: Broker, start: StartPublisher, state_dir: Path):
    start(broker.port)
    with pytest.raises(UnavailableError, match=f"another edgeclassify uses it .pid {os.getpid()}") as refused:
        start(broker.port)
    assert refused.value.exit_code == 69


def test_a_password_file_that_is_missing_is_said_at_once(start: StartPublisher, tmp_path: Path):
    with pytest.raises(ConfigError, match=f"mqtt.password_file: {tmp_path / 'secret'}: No such file"):
        start(1883, username="u", password_file="secret")


def test_what_is_said_stays_short(broker: Broker, start: StartPublisher, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    publisher = start(broker.port)
    wait_until(lambda: publisher.connected)
    broker.kill()
    wait_until(lambda: "connection refused" in caplog.text)
    publisher.accept(appeared())
    wait_until(lambda: publisher.counters.waiting == 1)
    broker.start()
    wait_until(lambda: publisher.connected)
    said = [record.getMessage().split(": ", 1)[1] for record in caplog.records if "broker" in record.getMessage()]
    assert said == [
        "connected (MQTT 5), 0 events waited",
        "connection lost; events wait until it is back",
        "connection refused; start the broker, or check mqtt.host and mqtt.port",
        "connected (MQTT 5), 1 events waited",
    ]
