"""Tells Home Assistant which devices there are, and clears from the broker what is no more."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from edgeclassify.config.sections import Config
from edgeclassify.heartbeats import Beat, no_beat
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.announced import Announced, read_announced, retractions, write_announced
from edgeclassify.mqtt.arrivals import Incoming
from edgeclassify.mqtt.discovery import Device, birth_topic, devices
from edgeclassify.mqtt.messages import ONLINE, Message
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.mqtt.standing import Announcement, Confirmed
from edgeclassify.mqtt.topics import LabelKey

log = logging.getLogger(__name__)

_TICK_S = 0.25
_JITTER_S = 2.0
"""Home Assistant has started: not all nodes answer at once."""
_SETTLE_S = 2.0
"""So long Home Assistant has to take down entities before the topics that they read are cleared."""

_Task = Callable[[], None]


class Announcer:
    """`run` is the body of a thread: what waits for the broker or for a time; `announce` is the main thread's."""

    def __init__(self, publisher: Publisher, state_dir: Path) -> None:
        self._publisher = publisher
        self._state_dir = state_dir
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._due: list[tuple[float, _Task]] = []
        self._devices: list[Device] = []
        self._kept = self._written = read_announced(state_dir)
        """What may be on the broker."""
        self._plan = 0
        self._lock = threading.Lock()  # around every change of what is here
        self._birth_topics: set[str] = set()
        self._disk_said = False

    def announce(self, config: Config, watched: Mapping[str, Mapping[LabelKey, str]]) -> None:
        """Tell, now and at every connect, what this configuration comes to; `watched` are label parts by camera."""
        topics = self._publisher.topics
        found = devices(config, topics, watched) if config.home_assistant.enabled else []
        states = topics.retained({camera: parts.values() for camera, parts in watched.items()})
        if not config.snapshots.enabled:  # nor does the last picture stay on the broker
            states -= {topics.snapshot(camera) for camera in watched}
        birth = birth_topic(config) if found else ""
        with self._lock:
            self._change(found, states, birth)

    def run(self, stopping: threading.Event, beat: Beat = no_beat) -> None:
        """Do what is asked for and what is due, until `stopping` is set."""
        while not stopping.is_set():
            beat()
            with suppress(queue.Empty):
                self._do(self._tasks.get(timeout=_TICK_S))
            with self._lock:
                now_s = time.monotonic()
                due = [task for due_s, task in self._due if due_s <= now_s]
                self._due = [(due_s, task) for due_s, task in self._due if due_s > now_s]
                for task in due:
                    task()
        while not self._tasks.empty():  # what the broker has confirmed is remembered
            self._do(self._tasks.get())

    def _do(self, task: _Task) -> None:
        with self._lock:
            task()

    def _change(self, found: list[Device], states: set[str], birth: str) -> None:
        self._plan += 1
        plan, wanted = self._plan, Announced.of(found, states)
        if birth and birth not in self._birth_topics:
            self._birth_topics.add(birth)
            self._publisher.subscribe(birth, lambda incoming: self._born(birth, incoming))
        # Written before it is told: what a crash leaves on the broker is known.
        self._keep(self._kept.together(wanted))
        removed = retractions(self._kept, found)
        self._devices = found

        def settle() -> None:
            if plan != self._plan:
                return
            # At once: Home Assistant warns of the second removal of a device.
            self._keep(self._kept.without_devices_of(wanted))
            self._later(_SETTLE_S if removed else 0.0, plan, lambda: self._clear_states(plan, wanted))

        self._tell(removed, lambda: self._tasks.put(settle))

    def _clear_states(self, plan: int, wanted: Announced) -> None:
        stale = sorted(self._kept.states - wanted.states)
        if not stale:
            return
        log.info("retained topics: %d of what is no more are cleared", len(stale))

        def done() -> None:
            if plan == self._plan:
                self._keep(wanted)

        self._tell([messages.cleared(topic) for topic in stale], lambda: self._tasks.put(done))

    def _tell(self, first: Sequence[Message], confirmed: Confirmed) -> None:
        announcements = [device.message() for device in self._devices]
        self._publisher.announce(Announcement(first, announcements, confirmed))

    def _born(self, topic: str, incoming: Incoming) -> None:
        """Announce again when Home Assistant has started; what the broker had kept says nothing of now."""
        if incoming.payload == ONLINE and not incoming.retained:
            after_s = random.uniform(0, _JITTER_S)  # noqa: S311 (no secret)
            self._tasks.put(lambda: self._later(after_s, self._plan, lambda: self._repeat(topic)))

    def _repeat(self, topic: str) -> None:
        if any(device.topic.startswith(topic.removesuffix("status")) for device in self._devices):
            self._tell([], lambda: None)

    def _later(self, seconds: float, plan: int, task: _Task) -> None:
        """Do it then, unless something else has been announced."""
        self._due.append((time.monotonic() + seconds, lambda: task() if plan == self._plan else None))

    def _keep(self, announced: Announced) -> None:
        self._kept = announced
        if announced == self._written:
            return
        try:
            write_announced(self._state_dir, announced)
            self._written = announced
        except OSError as error:
            if not self._disk_said:
                log.warning("state_dir %s: what was announced is not remembered (%s)", self._state_dir, error)
            self._disk_said = True
