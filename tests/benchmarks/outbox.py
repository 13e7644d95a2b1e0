"""Events a second from `accept` to PUBACK, each committed with synchronous=FULL; beside it plain paho at QoS 1.

Both send the same event to the same mosquitto, in turns. Plain paho keeps nothing on disk, and has all messages under
way at once that its window allows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from rig import machine, spread

from edgeclassify.config.sections import MqttConfig
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.threads import StopReasons
from edgeclassify.tools.broker import private_broker
from tests.mqtt.records import visits
from tests.waiting import wait_until


def outbox(port: int, folder: Path, events: int, *, one_at_a_time: bool) -> float:
    """Return events a second of the publisher, its database on the disk of `folder`."""
    config = MqttConfig(host="127.0.0.1", port=port)
    with Publisher(config, "bench", folder, folder, StopReasons()) as publisher:
        wait_until(lambda: publisher.connected)
        decisions = visits(events)
        started_s = time.perf_counter()
        for number, decision in enumerate(decisions, 1):
            publisher.accept(decision)
            if one_at_a_time:
                while publisher.counters.delivered_total < number:
                    time.sleep(0)
        assert publisher.flush(120)
        took_s = time.perf_counter() - started_s
        assert publisher.counters.delivered_total == events
        assert publisher.counters.durable
    return events / took_s


def plain(port: int, events: int) -> float:
    """Return events a second of paho alone."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(client.is_connected)
    started_s = time.perf_counter()
    sent = [client.publish("bench/porch/event", b"x" * 480, qos=1) for _ in range(events)]
    for message in sent:
        message.wait_for_publish(60)
    took_s = time.perf_counter() - started_s
    client.disconnect()
    client.loop_stop()
    return events / took_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk that the outbox is to be on")
    arguments = parser.parse_args()
    print(machine())
    rates: dict[str, list[float]] = {"outbox": [], "outbox, one after the other": [], "plain paho, QoS 1": []}
    for _ in range(arguments.pairs):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name, private_broker(Path(name)) as port:
            folder = Path(name)
            alone = arguments.events // 10
            rates["outbox"].append(outbox(port, folder / "a", arguments.events, one_at_a_time=False))
            rates["outbox, one after the other"].append(outbox(port, folder / "b", alone, one_at_a_time=True))
            rates["plain paho, QoS 1"].append(plain(port, arguments.events))
    print("| | events/s |\n|---|---|")
    for name, measured in rates.items():
        print(f"| {name} | {spread(measured, 0)} |")


if __name__ == "__main__":
    main()
