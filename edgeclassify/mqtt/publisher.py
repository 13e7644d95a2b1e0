"""The publisher: everything that is said over MQTT goes through it. It never waits for the disk or the network."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

from edgeclassify.config.sections import MqttConfig
from edgeclassify.heartbeats import Heartbeats
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.courier import Courier
from edgeclassify.mqtt.credentials import password_warnings, read_password, tls_context
from edgeclassify.mqtt.dialer import Dialer, Pace
from edgeclassify.mqtt.messages import Message
from edgeclassify.mqtt.outbox import Counters, Outbox
from edgeclassify.mqtt.standing import Announcement
from edgeclassify.mqtt.state_dir import Identity
from edgeclassify.mqtt.subscriptions import Handler
from edgeclassify.mqtt.topics import LabelKey, Topics
from edgeclassify.records import Decision
from edgeclassify.threads import StopReasons, Worker

log = logging.getLogger(__name__)

_WRITER_TIMEOUT_S = 3.0
_LOOK_AGAIN_S = 0.02
_NETWORK_LIMIT_S = 30.0
_DISK_LIMIT_S = 60.0  # a worn SD card may stall for many seconds


class Publisher:
    """Accepts events, keeps them until the broker has them, and tells the present state.

    Entering it does not wait for the broker, nor fail because there is none. Two threads run until it is left:
    `outbox` owns the database, `mqtt` the connection; if one dies, that is a stop reason.

    Args:
        config: the section `mqtt`.
        node: this device's name in topics.
        state_dir: where events wait on disk, locked from entering to leaving; None keeps them in memory.
        base: the folder that paths in the configuration are relative to.
        stop_reasons: where the death of a thread is told.
        pace: how long what may take.
        retry_seconds: how often a disk that failed is tried again.
        at_once: False to connect only when `connect` is called.
        heartbeats: where the threads note that they go on.

    Raises:
        ConfigError: the password file or a TLS file cannot be used (when it is made).
        UnavailableError: another process uses state_dir (when it is entered).
    """

    def __init__(
        self,
        config: MqttConfig,
        node: str,
        state_dir: Path | None,
        base: Path,
        stop_reasons: StopReasons,
        *,
        pace: Pace = Pace(),  # noqa: B008 (frozen)
        retry_seconds: float = 60.0,
        at_once: bool = True,
        heartbeats: Heartbeats | None = None,
    ) -> None:
        self.topics = Topics(config.base_topic, node)
        self._config = config
        self._base = base
        self.check(config)
        self._state_dir = state_dir
        self._stop_reasons = stop_reasons
        self._pace = pace
        self._heartbeats = heartbeats or Heartbeats()
        self._courier = Courier(self.topics, pace)
        self._outbox = Outbox(state_dir, config.outbox, self.topics, self._courier, retry_seconds=retry_seconds)
        self._running = ExitStack()
        if at_once:
            self.connect()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self._courier.close)
            self._outbox.lock()
            starting.callback(self._outbox.unlock)
            self._identity = Identity(self._state_dir, self.topics.node)
            dialer = self._new_dialer()
            writing, networking = threading.Event(), threading.Event()
            starting.enter_context(
                Worker("outbox", self._write, writing, self._stop_reasons, stop_timeout_s=_WRITER_TIMEOUT_S)
            )
            starting.callback(self._outbox.finish)
            starting.callback(writing.set)
            starting.enter_context(Worker("mqtt", partial(self._deliver, dialer), networking, self._stop_reasons))
            starting.callback(self._courier.stop)
            starting.callback(networking.set)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        if self.connected:
            self.flush(self._pace.goodbye_s)
        self._running.close()

    @property
    def connected(self) -> bool:
        """Whether the broker hears us now."""
        return self._courier.connected

    @property
    def problem(self) -> str:
        """Why the broker does not hear us, as far as that is known."""
        return self._dialer.problem

    @property
    def counters(self) -> Counters:
        """The part `outbox` of health."""
        return self._outbox.counters

    def connect(self, patience_s: float = 0.0) -> None:
        """Connect to the broker from now on: what was told before is the first that it hears.

        Returns when it is connected, or after `patience_s`: until then, events come without their pictures.
        """
        self._courier.connect()
        given_up_s = time.monotonic() + patience_s
        while not self.connected and time.monotonic() < given_up_s:
            time.sleep(_LOOK_AGAIN_S)

    def check(self, config: MqttConfig) -> None:
        """Raise ConfigError if the password file or a TLS file of a configuration cannot be used."""
        read_password(config, self._base)
        tls_context(config.tls, self._base)
        for warning in password_warnings(config, self._base):
            log.warning("%s", warning)

    def reconfigure(self, config: MqttConfig, *, reconnect: bool) -> None:
        """Go on with another configuration that was checked; topics stay as they are."""
        self._config = config
        self._outbox.limit(config.outbox)
        if reconnect:
            self._courier.redial(self._new_dialer())

    def accept(self, decision: Decision, snapshot: bytes | None = None) -> None:
        """Take what one frame changed, and the JPEG of its frame if something appeared.

        Returns at once. The events are committed to disk, then sent in order, then the state that follows from
        them. What waits for the disk is bounded (10,000 decisions, pictures of 20); beyond it, nothing is accepted.
        """
        self._outbox.accept(decision, snapshot)

    def close_open_presences(self, reason: str, now_s: float) -> None:
        """Tell the `gone` of everything that a process that died left open; call it before the first `accept`."""
        self._outbox.close_open_presences(reason, now_s)

    def watch(self, camera: str, parts: Mapping[LabelKey, str]) -> None:
        """Give exactly these labels of a camera a topic of their own, ON or OFF; `parts` is from `label_topics`."""
        self._outbox.watch(camera, dict(parts))

    def retain(self, message: Message) -> None:
        """Tell a state now and at every connect; the newest of each topic counts."""
        self._courier.retain(message)

    def announce(self, announcement: Announcement) -> None:
        """Tell Home Assistant of our devices now and, before all states, at every connect."""
        self._courier.announce(announcement)

    def send(self, message: Message) -> None:
        """Tell what matters only now; dropped without a connection."""
        self._courier.send(message)

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Call `handler` in the network thread for what arrives on these topics; it must only enqueue."""
        self._courier.subscribe(topic, handler)

    def flush(self, timeout_s: float) -> bool:
        """Wait until the broker has all events that were accepted; False if that took too long."""
        return self._outbox.flush(timeout_s)

    def _new_dialer(self) -> Dialer:
        will = messages.status(self.topics, online=False)
        self._dialer = Dialer(self._config, self._base, self._identity, will, self._pace, self._courier.wait)
        return self._dialer

    def _write(self) -> None:
        with self._heartbeats.watched("outbox", _DISK_LIMIT_S) as beat:
            self._outbox.run(beat)

    def _deliver(self, dialer: Dialer) -> None:
        with self._heartbeats.watched("mqtt", _NETWORK_LIMIT_S) as beat:
            self._courier.run(dialer, self._outbox, beat)
