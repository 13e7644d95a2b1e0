"""The network thread: brings events, states and commands over one connection after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edgeclassify.heartbeats import Beat, no_beat
from edgeclassify.mqtt import messages, trouble
from edgeclassify.mqtt.arrivals import Ack, Incoming
from edgeclassify.mqtt.connection import MQTT5, Connection
from edgeclassify.mqtt.dialer import Dialer, Pace, Stopped
from edgeclassify.mqtt.fitting import Fitting
from edgeclassify.mqtt.messages import Message
from edgeclassify.mqtt.outbox import Outbox
from edgeclassify.mqtt.own_status import OwnStatus
from edgeclassify.mqtt.standing import Announcement, Standing
from edgeclassify.mqtt.store import Row
from edgeclassify.mqtt.subscriptions import Handler, Subscriptions
from edgeclassify.mqtt.topics import Topics
from edgeclassify.mqtt.trouble import Trouble
from edgeclassify.mqtt.waking import WakingQueue
from edgeclassify.mqtt.window import Window

_TICK_S = 1.0  # so often keepalive is looked after


class Courier:
    """`run` is the body of the network thread; every other public method may be called by any thread."""

    def __init__(self, topics: Topics, pace: Pace) -> None:
        self._topics = topics
        self._pace = pace
        self._work: WakingQueue[Callable[[], None]] = WakingQueue()
        self._standing = Standing()
        self._subscriptions = Subscriptions()
        self._own_status = OwnStatus(topics.node)
        self._window = Window()
        self._fitting = Fitting()
        self._may_connect, self._stopping = threading.Event(), threading.Event()
        self._dialer: Dialer
        self._next_dialer: Dialer | None = None
        self._live: Connection | None = None
        self._number, self.connected = 0, False

    def hand(self, connection: int, row: Row, snapshot: bytes | None) -> None:
        """Send an event over the connection of this number, if it lives."""
        self._work.put(lambda: self._offer(connection, row, snapshot))

    def retain(self, message: Message) -> None:
        """Send a state now and at every connect."""
        self._work.put(lambda: self._retain(message))

    def announce(self, announcement: Announcement) -> None:
        """Tell of our devices now and, before all states, at every connect."""
        self._work.put(lambda: self._announce(announcement))

    def send(self, message: Message) -> None:
        """Send what matters only now: dropped without a connection, or when the network is slow."""
        self._work.put(lambda: self._send(message))

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Call `handler` for what arrives on `topic`, in the network thread."""
        self._work.put(lambda: self._subscribe(topic, handler))

    def connect(self) -> None:
        """Let `run` dial."""
        self._may_connect.set()
        self._work.wake()

    def redial(self, dialer: Dialer) -> None:
        """Say goodbye to this broker, and go to another one, or come in another way."""
        self._work.put(lambda: setattr(self, "_next_dialer", dialer))

    def stop(self) -> None:
        """Let `run` say goodbye and return."""
        self._stopping.set()
        self._work.wake()

    def close(self) -> None:
        """Let go of what `run` used, after it returned."""
        self._work.close()

    def run(self, dialer: Dialer, outbox: Outbox, beat: Beat = no_beat) -> None:
        """Keep a connection, until `stop`."""
        self._dialer, self._outbox, self._beat = dialer, outbox, beat
        while not self._stopping.is_set():
            try:
                while not self._may_connect.is_set():
                    self.wait(None, _TICK_S)
                self._dialer.say(self._serve(self._dialer.connect(self._work.wake)))
                self._dialer.pause()
            except Stopped:
                self._dialer, self._next_dialer = self._next_dialer or self._dialer, None

    def wait(self, connection: Connection | None, timeout_s: float) -> None:
        """Do what others asked for, and what the connection wants; for the dialer.

        Raises:
            Stopped: `stop` or `redial` was called.
        """
        if self._leaving:
            raise Stopped
        self._attend(connection, timeout_s)

    @property
    def _leaving(self) -> bool:
        return self._stopping.is_set() or self._next_dialer is not None

    def _attend(self, connection: Connection | None, timeout_s: float) -> None:
        self._beat()
        if connection is None:
            self._work.wait(timeout_s)
        else:
            connection.pump(self._work.fileno(), timeout_s)
        for work in self._work.drain():
            work()

    def _serve(self, connection: Connection) -> Trouble:
        self._greet(connection)
        try:
            while True:
                self.wait(connection, _TICK_S)
                problem = self._attend_to_broker(connection)
                if problem is not None:
                    return problem
        except Stopped:
            self._say_goodbye(connection)
            raise
        finally:
            self.connected, self._live = False, None
            self._outbox.detach()
            connection.close()

    def _greet(self, connection: Connection) -> None:
        self._live, self._number = connection, self._number + 1
        self._window.begin(connection.receive_maximum)
        self._own_status.begin()
        with_health = connection.protocol == MQTT5  # under 3.1.1 our own would come back
        connection.subscribe([self._topics.status, *([self._topics.health] if with_health else [])], own=True)
        connection.subscribe(self._subscriptions.topics)
        self._fitting.publish(connection, self._standing)
        self._say_online(connection)

    def _say_online(self, connection: Connection) -> None:
        packet_id = connection.publish(messages.status(self._topics, online=True))
        self._own_status.said(packet_id, echoes=connection.protocol != MQTT5)

    def _attend_to_broker(self, connection: Connection) -> Trouble | None:
        while connection.incoming:
            self._take(connection, connection.incoming.popleft())
        problem = self._take_acks(connection)
        if problem is None and connection.lost is not None:
            problem = self._after_loss(connection)
        if problem is None:
            self._send_events(connection)
            problem = self._overdue()
        return problem

    def _take(self, connection: Connection, incoming: Incoming) -> None:
        if incoming.topic == self._topics.health:
            self._own_status.note_health(retained=incoming.retained)
        elif incoming.topic != self._topics.status:
            self._subscriptions.deliver(incoming)
        elif self._own_status.is_wrong(incoming.payload, retained=incoming.retained):
            self._say_online(connection)

    def _take_acks(self, connection: Connection) -> Trouble | None:
        while connection.acks:
            ack = connection.acks.popleft()
            if self._own_status.is_acknowledged(ack.packet_id):
                if ack.refused:
                    return trouble.of_write_refusal(ack.code, self._topics.status, self._dialer.config)
                self._standing.confirm()
                if not self.connected:
                    self.connected = True
                    self._dialer.say_connected(connection, self._outbox.counters.waiting)
                    self._outbox.attach(self._number)
            elif not self._standing.is_fence(ack.packet_id):
                self._take_event_ack(ack)
        return None

    def _take_event_ack(self, ack: Ack) -> None:
        row = self._window.acknowledged(ack.packet_id)
        if row is not None and ack.refused:
            self._outbox.refused(row, f"the broker refused it: {ack.code}")
        elif row is not None:
            self._outbox.delivered(row.seq)

    def _after_loss(self, connection: Connection) -> Trouble:
        is_idle = self._window.oldest_age_s() == 0
        if connection.was_closed_by_broker and (culprit := self._window.hung_up()) is not None:
            self._outbox.refused(culprit, "the broker closed the connection whenever it came")
        return self._dialer.after_loss(connection, is_idle=is_idle)

    def _overdue(self) -> Trouble | None:
        patience_s = max(self._dialer.config.keepalive_seconds, self._pace.acknowledge_s)
        if max(self._own_status.unanswered_s(), self._window.oldest_age_s()) > patience_s:
            return Trouble(f"connection given up, nothing was acknowledged for {patience_s:g} s")
        return None

    def _send_events(self, connection: Connection) -> None:
        while connection.lost is None and (item := self._window.next()):
            row, snapshot = item
            message = self._outbox.message(row)
            if not connection.fits(message):
                self._outbox.refused(row, f"larger than the broker takes ({connection.max_packet_bytes} bytes)")
                continue
            if snapshot is not None:
                self._retain(messages.snapshot(self._topics, row.topic.split("/")[-2], snapshot))
            self._window.sent(connection.publish(message), row)

    def _say_goodbye(self, connection: Connection) -> None:
        deadline_s = time.monotonic() + self._pace.goodbye_s
        offline = connection.publish(messages.status(self._topics, online=False))
        acknowledged = False
        while not acknowledged and connection.lost is None and time.monotonic() < deadline_s:
            self._attend(connection, max(0.0, deadline_s - time.monotonic()))
            while connection.acks:
                ack = connection.acks.popleft()
                acknowledged |= ack.packet_id == offline
                self._take_event_ack(ack)
        connection.disconnect()

    def _offer(self, connection: int, row: Row, snapshot: bytes | None) -> None:
        if self._live is not None and connection == self._number:
            self._window.offer(row, snapshot)
            self._send_events(self._live)  # at once: the state that follows from it is next in the line

    def _retain(self, message: Message) -> None:
        self._standing.retain(message)
        if self._live is not None:
            self._fitting.publish(self._live, [message])

    def _announce(self, announcement: Announcement) -> None:
        said = self._standing.announce(announcement)
        if self._live is not None and not self._leaving:
            self._fitting.publish(self._live, said)
            self._standing.fenced(self._live.fence())

    def _send(self, message: Message) -> None:
        if self._live is not None and not self._live.is_congested:
            self._fitting.publish(self._live, [message])

    def _subscribe(self, topic: str, handler: Handler) -> None:
        self._subscriptions.add(topic, handler)
        if self._live is not None:
            self._live.subscribe([topic])
