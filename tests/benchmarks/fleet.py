"""What hundreds of devices cost: their real publishers, all in one process, against one private mosquitto.

Each node connects by itself (outbox on disk, two threads), tells its state and health, and at random sends pairs of
events. A subscriber counts every one: is anything lost, how long does an event take, what does the broker pay?
Afterwards a second run restarts the broker in the middle: how soon are all of them back?
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from rig import machine

from edgeclassify.config.sections import MqttConfig
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.threads import StopReasons
from tests.broker import Broker
from tests.mqtt.records import appeared, gone
from tests.waiting import wait_until

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Subscriber:
    """Counts the events of all nodes by id, and notes how old each is when it arrives."""

    def __init__(self, port: int) -> None:
        self.seen: dict[str, set[str]] = {}
        self.ages_ms: list[float] = []
        self.online: set[str] = set()
        self.repeats = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "subscriber", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe([("fleet/+/status", 1), ("fleet/+/+/event", 1)])
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def total(self) -> int:
        return sum(map(len, list(self.seen.values())))

    def _take(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        node = message.topic.split("/")[1]
        if message.topic.endswith("/status"):
            (self.online.add if message.payload == b"online" else self.online.discard)(node)
            return
        event = json.loads(message.payload)
        own = self.seen.setdefault(node, set())
        self.repeats += event["id"] in own
        own.add(event["id"])
        if not event["late"]:
            self.ages_ms.append(1000 * (time.time() - float(event["reason"])))


@dataclass(frozen=True)
class Cost:
    """What one size of fleet took."""

    nodes: int
    connected_s: float
    accepted: int
    lost: int
    repeats: int
    ages_ms: list[float]
    broker_cpu: float
    """Share of one core."""
    broker_mb: float
    nodes_cpu: float
    back_s: float

    def row(self) -> str:
        p50, p99 = statistics.median(self.ages_ms), statistics.quantiles(self.ages_ms, n=100)[98]
        shares = (f"{100 * self.broker_cpu:.1f}", f"{self.broker_mb:.1f}", f"{100 * self.nodes_cpu:.0f}")
        ages = (f"{p50:.1f}", f"{p99:.1f}")
        counts = (self.accepted, self.lost, self.repeats)
        cells = (self.nodes, f"{self.connected_s:.1f}", *counts, *ages, *shares, f"{self.back_s:.1f}")
        return "| " + " | ".join(map(str, cells)) + " |"


TITLES = (
    "| nodes | all connected after s | events | lost | repeated | ms, median | ms, p99 | broker: % of a core "
    "| broker: MB | all nodes: % of a core | all back after a restart, s |"
)


def broker_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def broker_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def live(publishers: list[Publisher], seconds: float, events_per_minute: float, health_s: float) -> int:
    """Let all nodes tell events and health for a while; return how many events were handed over."""
    present = [False] * len(publishers)
    ends_s = time.monotonic() + seconds
    pause_s = 60 / (events_per_minute * len(publishers))
    due_s, told, health_due = time.monotonic(), 0, [time.monotonic() + random.uniform(0, health_s) for _ in publishers]
    while (now_s := time.monotonic()) < ends_s:
        while due_s <= now_s:
            due_s += pause_s
            number = random.randrange(len(publishers))
            accept(publishers[number], is_present=present[number])
            present[number] = not present[number]
            told += 1
        for number, due in enumerate(health_due):
            if due <= now_s:
                health_due[number] += health_s
                tell_health(publishers[number])
        time.sleep(min(0.01, max(0.0, due_s - time.monotonic())))
    for number, is_present in enumerate(present):
        if is_present:
            accept(publishers[number], is_present=True)
            told += 1
    return told


def accept(publisher: Publisher, *, is_present: bool) -> None:
    decision = gone() if is_present else appeared()
    # The wall clock of this process, to the microsecond; `time` in events has milliseconds.
    object.__setattr__(decision.events[0], "reason", f"{time.time():.6f}")
    publisher.accept(decision, None)


def tell_health(publisher: Publisher) -> None:
    fields = {"time": messages.timestamp(time.time()), "cameras": {"porch": {"status": "online"}}, "padding": "x" * 700}
    publisher.retain(messages.health(publisher.topics, fields))


def measure(nodes: int, seconds: float, events_per_minute: float, folder: Path) -> Cost:
    reasons = StopReasons()
    place = folder / "broker"
    lines = ["persistence true", f"persistence_location {place}/", "max_queued_messages 0"]
    with Broker(place, lines=[*lines, "log_type error"]) as broker, ExitStack() as running:
        subscriber = Subscriber(broker.port)
        running.callback(subscriber.close)
        started_s = time.monotonic()
        publishers = []
        config = MqttConfig(host="127.0.0.1", port=broker.port, base_topic="fleet")
        for number in range(nodes):
            state = folder / f"node{number}"
            publishers.append(running.enter_context(Publisher(config, f"node{number}", state, folder, reasons)))
        wait_until(lambda: len(subscriber.online) == nodes, 120)
        connected_s = time.monotonic() - started_s
        pid = broker._process.pid
        cpu_s, own_s, at_s = broker_cpu_s(pid), own_cpu_s(), time.monotonic()
        accepted = live(publishers, seconds, events_per_minute, 30)
        took_s = time.monotonic() - at_s
        broker_cpu, nodes_cpu = (broker_cpu_s(pid) - cpu_s) / took_s, (own_cpu_s() - own_s) / took_s
        wait_until(lambda: subscriber.total >= accepted, 60)
        ages_ms, megabytes = list(subscriber.ages_ms), broker_mb(pid)
        back_s, more = restart(broker, publishers, subscriber, seconds / 3, events_per_minute)
        accepted += more
        wait_until(lambda: sum(one.counters.waiting for one in publishers) == 0, 60)
        wait_until(lambda: subscriber.total >= accepted, 30)
        lost = sum(one.counters.accepted_total for one in publishers) - subscriber.total
        assert reasons.empty(), reasons.get().text
        return Cost(
            nodes, connected_s, accepted, lost, subscriber.repeats, ages_ms, broker_cpu, megabytes, nodes_cpu, back_s
        )


def restart(
    broker: Broker, publishers: list[Publisher], subscriber: Subscriber, seconds: float, events_per_minute: float
) -> tuple[float, int]:
    """Restart the broker while events go on; return after how long all nodes were back, and how many events came."""
    told: list[int] = []
    telling = threading.Thread(target=lambda: told.append(live(publishers, seconds, events_per_minute, 30)))
    telling.start()
    broker.stop()
    wait_until(lambda: not any(one.connected for one in publishers), 30)
    broker.start()
    started_s = time.monotonic()
    wait_until(lambda: all(one.connected for one in publishers), 120)
    back_s = time.monotonic() - started_s
    telling.join()
    return back_s, told[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[10, 100, 300])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--events", type=float, default=6, help="of each node a minute")
    arguments = parser.parse_args()
    print(machine())
    print(TITLES + "\n" + "|---" * 11 + "|", flush=True)
    for nodes in arguments.nodes:
        with tempfile.TemporaryDirectory(prefix="edgeclassify-fleet-") as folder:
            print(measure(nodes, arguments.seconds, arguments.events, Path(folder)).row(), flush=True)


if __name__ == "__main__":
    main()
