"""What one-shot commands hear from the broker."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgeclassify.config.sections import MqttConfig
from edgeclassify.errors import UnavailableError
from edgeclassify.mqtt import trouble
from edgeclassify.mqtt.credentials import read_password, tls_context

_CONNECT_S = 5.0
_POLL_S = 0.25
_QUIET_S = 0.75
"""A broker sends what it keeps in one go; after a pause of so long there is no more of it."""
_RETAINED_S = 20.0
CONNECTED = b"connected"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message; with an empty topic a change of the connection, told in `payload`."""

    topic: str
    payload: bytes
    retained: bool = False
    """The broker had kept it."""


class Subscription:
    """Topics of a broker from `__enter__` to `__exit__`, subscribed again after each loss of the connection.

    Args:
        config: where the broker is.
        base: the folder that relative paths of the configuration are relative to.
        topics: what to subscribe to, if anything.
        kept_session: a client id, for which the broker keeps what comes while this is away.
    """

    def __init__(self, config: MqttConfig, base: Path, topics: list[str], kept_session: str = "") -> None:
        self._config = config
        self._where = f"broker {config.host}:{config.port}"
        self._topics = topics
        self._arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[ReasonCode] = queue.SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, kept_session, clean_session=not kept_session)
        self._client.connect_timeout = _CONNECT_S
        self._client.reconnect_delay_set(1, 4)
        if (context := tls_context(config.tls, base)) is not None:
            self._client.tls_set_context(context)
        if config.username:
            self._client.username_pw_set(config.username, read_password(config, base))
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            UnavailableError: there is no broker, or it refuses.
        """
        try:
            self._client.connect(self._config.host, self._config.port, keepalive=self._config.keepalive_seconds)
        except (OSError, ValueError) as error:
            raise UnavailableError(f"{self._where}: {trouble.of_dialling(error, self._config).text}") from error
        self._client.loop_start()
        try:
            answer = self._answers.get(timeout=_CONNECT_S)
        except queue.Empty:
            self.__exit__()
            raise UnavailableError(f"{self._where}: {trouble.of_silence(_CONNECT_S).text}") from None
        if answer.is_failure:
            self.__exit__()
            raise UnavailableError(f"{self._where}: {trouble.of_refusal(answer, self._config).text}")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def next(self) -> Arrival | None:
        """Return what arrived next; None when nothing came for a moment."""
        try:
            return self._arrivals.get(timeout=_POLL_S)
        except queue.Empty:
            return None

    def retained(self, wanted: Callable[[str], bool] = bool) -> dict[str, bytes]:
        """Return what the broker keeps of the wanted topics, once no more of it comes.

        Raises:
            UnavailableError: the connection was lost meanwhile.
        """
        kept: dict[str, bytes] = {}
        deadline_s = time.monotonic() + _RETAINED_S
        quiet_until_s = time.monotonic() + _QUIET_S
        while time.monotonic() < min(deadline_s, quiet_until_s):
            arrival = self.next()
            if arrival is None:
                continue
            if not arrival.topic and arrival.payload != CONNECTED:
                raise UnavailableError(f"{self._where}: the connection was lost; try again")
            if arrival.retained:
                quiet_until_s = time.monotonic() + _QUIET_S
                if arrival.payload and wanted(arrival.topic):
                    kept[arrival.topic] = arrival.payload
        return kept

    def publish(self, topic: str, payload: str) -> None:
        """Publish at QoS 0."""
        self._client.publish(topic, payload)

    def clear(self, topics: Iterable[str]) -> None:
        """Make the broker forget retained messages, and wait until it has read that.

        Raises:
            UnavailableError: it did not acknowledge in time.
        """
        sent = [self._client.publish(topic, b"", qos=1, retain=True) for topic in topics]
        deadline_s = time.monotonic() + _RETAINED_S
        for message in sent:
            message.wait_for_publish(max(0.0, deadline_s - time.monotonic()))
            if not message.is_published():
                raise UnavailableError(f"{self._where}: it acknowledges nothing; look into its log")

    def _on_connect(
        self, client: paho.Client, _: object, __: object, answer: ReasonCode, ___: Properties | None
    ) -> None:
        self._answers.put(answer)
        if not answer.is_failure:
            if self._topics:
                client.subscribe([(topic, 1) for topic in self._topics])
            self._arrivals.put(Arrival("", CONNECTED))

    def _on_disconnect(self, *_: object) -> None:
        self._arrivals.put(Arrival("", b"the broker is gone; waiting for it"))

    def _on_message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        self._arrivals.put(Arrival(message.topic, bytes(message.payload), message.retain))
