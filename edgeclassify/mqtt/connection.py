"""One connection to the broker, from the first byte to the last.

Each has a paho client of its own, so that paho re-sends nothing by itself; its callbacks only note what happened.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from paho.mqtt import MQTTException
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edgeclassify.mqtt.arrivals import Ack, Incoming
from edgeclassify.mqtt.messages import Message

MQTT5, MQTT311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
_CONNACK_BYTE = b"\x20"
_MAX_INCOMING_BYTES = 65_536
"""Commands are small; a broker of MQTT 5 keeps the rest to itself."""
_LATE_AFTER_S = 5.0
_NOWHERE = "edgeclassify/nowhere"
_MAX_EXPIRY_S = 2**32 - 1
# Reasons that no message of ours can have caused: busy, shutting down, keepalive (also paho's word for a ping without
# an answer), taken over, administrative action, use another server, server moved.
_NOT_OUR_FAULT = {137, 139, 141, 142, 152, 156, 157}
# What paho raises, depending on its version, when what comes in is not MQTT.
_MALFORMED = (struct.error, IndexError, KeyError, ValueError, MQTTException)


@dataclass(frozen=True, slots=True)
class Route:
    """Where the broker is and as whom we come."""

    host: str
    port: int
    keepalive_seconds: int
    client_id: str
    username: str
    will: Message


class Connection:
    """Used by one thread, after `dial` has returned."""

    def __init__(self, route: Route, protocol: MQTTProtocolVersion, timeout_s: float) -> None:
        self._route = route
        self.protocol = protocol
        self.answer: ReasonCode | None = None
        """The CONNACK, once it came."""
        self.first_byte = b""
        """What came in its place."""
        self.lost: ReasonCode | None = None
        """Why it ended."""
        self.was_closed_by_broker = False
        """Ended by the broker or by what it said, perhaps because of what we sent."""
        self.max_packet_bytes: int | None = None
        self.receive_maximum = 65_535
        self._looked_s = time.clock_gettime(time.CLOCK_BOOTTIME)  # counts on while the machine sleeps
        self._is_behind = False
        self.acks: deque[Ack] = deque()
        self.incoming: deque[Incoming] = deque()
        self._client = self._new_client(timeout_s)

    def dial(self, password: str | None, tls: ssl.SSLContext | None) -> None:
        """Connect and send CONNECT; blocks for as long as name look-up, TCP and TLS take.

        Raises:
            OSError (ssl.SSLError and socket.gaierror among them), ValueError: it did not work.
        """
        route, properties = self._route, None
        if route.username:
            self._client.username_pw_set(route.username, password)
        if tls is not None:
            self._client.tls_set_context(tls)
        if self.protocol == MQTT5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own gap
            properties.MaximumPacketSize = _MAX_INCOMING_BYTES
        self._client.connect(route.host, route.port, keepalive=route.keepalive_seconds, properties=properties)
        connected = self._client.socket()
        if isinstance(connected, socket.socket):
            # An event behind a state must not wait 40 ms for the acknowledgement of the state's packet.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def pump(self, wake: int, timeout_s: float) -> None:
        """Wait for the broker or for the descriptor `wake`, and do what is due."""
        connected = self._client.socket()
        if connected is None:
            self._note_loss(ReasonCode(PacketTypes.DISCONNECT, "Unspecified error"))
            return
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(connected.fileno(), select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        # What TLS has already read is not seen by poll.
        decrypted = isinstance(connected, ssl.SSLSocket) and connected.pending() > 0
        ready = {descriptor for descriptor, _ in poll.poll(0 if decrypted else timeout_s * 1000)}
        self._note_pause(timeout_s, anything_to_read=connected.fileno() in ready or decrypted)
        if (connected.fileno() in ready or decrypted) and self._is_mqtt(connected):
            try:
                self._client.loop_read()
            except _MALFORMED:
                # Also what mosquitto 2.0 answers to a message above its limit, with a code that a PUBACK cannot have.
                self.was_closed_by_broker = self.lost is None
                self._note_loss(ReasonCode(PacketTypes.DISCONNECT, "Malformed packet"))
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def publish(self, message: Message) -> int:
        """Send a message, at once if the network takes it; return its packet id."""
        properties = None
        if message.expires_after_s is not None and self.protocol == MQTT5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own gap
            properties.MessageExpiryInterval = max(1, min(math.ceil(message.expires_after_s), _MAX_EXPIRY_S))
        return self._client.publish(message.topic, message.payload, message.qos, message.retain, properties).mid

    def fits(self, message: Message) -> bool:
        """Return whether the broker takes packets of this size; only MQTT 5 tells."""
        largest_header = 20  # with an expiry
        size = len(message.payload) + len(message.topic.encode()) + largest_header
        return self.max_packet_bytes is None or size <= self.max_packet_bytes

    def subscribe(self, topics: Iterable[str], *, own: bool = False) -> None:
        """Subscribe; with `own`, what we publish there ourselves is not wanted (3.1.1 cannot leave it out)."""
        for topic in topics:
            if self.protocol == MQTT5:
                self._client.subscribe(topic, options=SubscribeOptions(qos=1, noLocal=own))
            else:
                self._client.subscribe(topic, qos=1)

    def fence(self) -> int:
        """Ask for an acknowledgement of all that was sent so far, heard by nobody else; return its packet id.

        The broker answers in order, here to the end of a subscription that never was.
        """
        packet_id = self._client.unsubscribe(_NOWHERE)[1]
        return 0 if packet_id is None else packet_id

    @property
    def is_congested(self) -> bool:
        """Whether the network is slower than what we have to say."""
        return self._client.want_write()

    def disconnect(self) -> None:
        """Say goodbye: no last will."""
        self._client.disconnect()

    def close(self) -> None:
        """Let go of the socket; to the broker, without `disconnect`, we have vanished."""
        connected = self._client.socket()
        self._forget_callbacks()
        if connected is not None:
            connected.close()

    def _new_client(self, timeout_s: float) -> Client:
        route = self._route
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=route.client_id,
            clean_session=None if self.protocol == MQTT5 else True,
            protocol=self.protocol,
            reconnect_on_failure=False,
        )
        client.connect_timeout = timeout_s
        client.max_inflight_messages_set(0)  # the window is the outbox's
        client.will_set(route.will.topic, route.will.payload, route.will.qos, route.will.retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_unsubscribe = self._on_unsubscribe
        client.on_message = self._on_message
        return client

    def _is_mqtt(self, connected: object) -> bool:
        if self.answer is not None or not isinstance(connected, socket.socket) or isinstance(connected, ssl.SSLSocket):
            return True
        try:
            self.first_byte = connected.recv(1, socket.MSG_PEEK)
        except OSError:
            return True  # paho meets the same error and tells
        if self.first_byte in (b"", _CONNACK_BYTE):
            self.first_byte = b""
            return True
        self._note_loss(ReasonCode(PacketTypes.DISCONNECT, "Protocol error"))
        return False

    def _note_pause(self, timeout_s: float, *, anything_to_read: bool) -> None:
        """Notice that this process did not run for long: what is read then, until nothing is left, is old."""
        now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        if now_s - self._looked_s > timeout_s + _LATE_AFTER_S:
            self._is_behind = True
        elif not anything_to_read:
            self._is_behind = False
        self._looked_s = now_s

    def _note_loss(self, reason: ReasonCode) -> None:
        if self.lost is None:
            self.lost = reason

    def _forget_callbacks(self) -> None:
        self._client.on_connect = self._client.on_disconnect = None
        self._client.on_publish = self._client.on_message = self._client.on_unsubscribe = None

    def _on_connect(
        self, _c: Client, _u: object, _f: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
        self.receive_maximum = getattr(properties, "ReceiveMaximum", self.receive_maximum)
        self.answer = code

    def _on_disconnect(
        self, _c: Client, _u: object, _f: DisconnectFlags, code: ReasonCode, _p: Properties | None
    ) -> None:
        self.was_closed_by_broker = self.lost is None and code.value not in _NOT_OUR_FAULT
        self._note_loss(code)

    def _on_publish(self, _c: Client, _u: object, packet_id: int, code: ReasonCode, _p: Properties) -> None:
        self.acks.append(Ack(packet_id, code))

    def _on_unsubscribe(self, _c: Client, _u: object, packet_id: int, _codes: object, _p: Properties | None) -> None:
        self.acks.append(Ack(packet_id, ReasonCode(PacketTypes.UNSUBACK, "Success")))

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        since_looked_s = time.clock_gettime(time.CLOCK_BOOTTIME) - self._looked_s  # it may stand still in between
        is_late = self._is_behind or since_looked_s > _LATE_AFTER_S
        self.incoming.append(Incoming(topic, bytes(message.payload), message.retain, is_late))
