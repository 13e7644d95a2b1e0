"""A thousand events while everything between the daemon and its reader breaks."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import Broker, Inbox
from tests.mqtt.checks import assert_every_appeared_has_one_gone, assert_in_order_and_whole
from tests.mqtt.conftest import EVENTS, NODE, StartPublisher
from tests.mqtt.network import Proxy
from tests.mqtt.records import visits
from tests.waiting import wait_until


@pytest.fixture
def keeping_broker(tmp_path: Path) -> Iterator[Broker]:
    """One that keeps over a restart what it acknowledged."""
    folder = tmp_path / "broker"
    lines = ["persistence true", f"persistence_location {folder}/", "max_queued_messages 0"]
    with Broker(folder, lines=lines) as broker:
        yield broker


def test_a_thousand_events_survive_whatever_happens_to_the_network_and_the_broker(
    keeping_broker: Broker, start: StartPublisher
):
    broker, decisions = keeping_broker, iter(visits(1000))
    with Proxy(broker.port) as network, Inbox(broker, "#", kept_session="reader") as inbox:
        publisher = start(network.port)

        def accept(count: int) -> None:
            for _ in range(count):
                publisher.accept(next(decisions), b"jpeg")

        accept(100)
        for _ in range(10):  # cut at random moments of sending
            accept(20)
            time.sleep(random.uniform(0, 0.02))
            network.cut()
        wait_until(lambda: publisher.connected)
        accept(100)
        broker.freeze()
        accept(100)
        wait_until(lambda: not publisher.connected)
        broker.thaw()
        wait_until(lambda: publisher.connected)
        accept(100)
        network.swallow()
        accept(100)
        wait_until(lambda: not publisher.connected)
        network.heal()
        accept(100)
        broker.restart()
        accept(100)
        network.refuse()
        accept(50)
        wait_until(lambda: not publisher.connected)
        broker.restart()
        network.heal()
        accept(50)
        assert publisher.flush(20)
        wait_until(lambda: len({json.loads(text)["id"] for text in inbox.texts(EVENTS)}) == 1000)
        events = [json.loads(text) for text in inbox.texts(EVENTS)]
    assert_in_order_and_whole(events)
    assert_every_appeared_has_one_gone(events)
    assert publisher.counters.accepted_total == publisher.counters.delivered_total == 1000
    assert publisher.counters.dead_total == 0


def test_a_broker_that_is_killed_gets_the_retained_state_again(broker: Broker, start: StartPublisher):
    publisher = start(broker.port)
    publisher.watch("porch", {("cat", 1): "cat"})
    for decision in visits(5):
        publisher.accept(decision)
    wait_until(lambda: publisher.connected)
    assert publisher.flush(10)
    broker.kill()
    for decision in visits(6)[1:]:
        publisher.accept(decision)
    wait_until(lambda: publisher.counters.waiting == 5)
    broker.start()
    assert publisher.flush(10)
    with Inbox(broker) as inbox:
        wait_until(lambda: inbox.last(f"{NODE}/status") == "online")
        assert json.loads(inbox.last(f"{NODE}/porch/state") or "")["label"] == "none"
        assert inbox.last(f"{NODE}/porch/labels/cat") == "OFF"


def test_a_random_life_of_cuts_loses_nothing(broker: Broker, inbox: Inbox, start: StartPublisher):
    with Proxy(broker.port) as network:
        publisher = start(network.port)
        for decision in visits(300):
            publisher.accept(decision)
            if random.random() < 0.05:
                random.choice([network.cut, network.refuse])()
                time.sleep(random.uniform(0, 0.2))
                network.heal()
        assert publisher.flush(20)
    wait_until(lambda: len({json.loads(text)["id"] for text in inbox.texts(EVENTS)}) == 300)
    assert_in_order_and_whole([json.loads(text) for text in inbox.texts(EVENTS)])
