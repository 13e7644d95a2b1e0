"""Getting a connection: MQTT 5 or 3.1.1, pauses that grow, and one line in the log for each thing that is wrong."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.reasoncodes import ReasonCode

from edgeclassify.config.sections import MqttConfig
from edgeclassify.mqtt import trouble
from edgeclassify.mqtt.connection import MQTT5, MQTT311, Connection, Route
from edgeclassify.mqtt.credentials import read_password, tls_context
from edgeclassify.mqtt.messages import Message
from edgeclassify.mqtt.state_dir import Identity
from edgeclassify.mqtt.trouble import Trouble

log = logging.getLogger(__name__)


_SHORT_LIFE_S = 10.0
_MAX_SHORT_LIVES = 3


class Stopped(Exception):  # noqa: N818 (not an error)
    """The program is to stop: leave everything."""


Wait = Callable[[Connection | None, float], None]
"""Waits at most so many seconds, serving a connection if there is one; raises Stopped."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long what may take; tests are in a hurry."""

    answer_s: float = 5.0
    """For TCP and TLS, and again for the CONNACK."""
    acknowledge_s: float = 10.0
    """For a PUBACK, or keepalive_seconds if that is more."""
    first_pause_s: float = 1.0
    longest_pause_s: float = 4.0
    goodbye_s: float = 1.0
    """For what is under way when the program stops, and again for `offline`."""


class Dialer:
    """Makes connections one after the other. `wait` is called while something takes time."""

    def __init__(
        self, config: MqttConfig, base: Path, identity: Identity, will: Message, pace: Pace, wait: Wait
    ) -> None:
        self.config = config
        self._base = base
        self._identity = identity
        self._will = will
        self._pace = pace
        self._wait = wait
        self._pause_s = pace.first_pause_s
        self._protocol = MQTT5
        self._hang_ups = 0
        self._short_lives = 0
        self._connected_at_s = 0.0
        self._said: Trouble | None = None

    @property
    def broker(self) -> str:
        """The broker's name in the log."""
        return f"broker {self.config.host}:{self.config.port}"

    @property
    def problem(self) -> str:
        """Why there is no connection, as it was said last; empty while there is one. May be read by any thread."""
        said = self._said
        return said.text if said else ""

    def connect(self, wake: Callable[[], None]) -> Connection:
        """Try until the broker lets us in.

        Args:
            wake: lets `wait` return, from another thread.

        Raises:
            Stopped: the program is to stop.
        """
        while True:
            connection = Connection(self._route(), self._protocol, self._pace.answer_s)
            problem = self._attempt(connection, wake)
            if problem is None:
                self._hang_ups = 0
                return connection
            connection.close()
            self.say(problem)
            self.pause()

    def pause(self) -> None:
        """Wait before the next try, each time longer until one works."""
        deadline_s = time.monotonic() + self._pause_s * random.uniform(0.8, 1.2)  # noqa: S311 (not a secret)
        self._pause_s = min(self._pause_s * 2, self._pace.longest_pause_s)
        while (left_s := deadline_s - time.monotonic()) > 0:
            self._wait(None, left_s)

    def after_loss(self, connection: Connection, *, is_idle: bool) -> Trouble:
        """Explain the end of a connection, and come under another name if ours seems to be taken.

        MQTT 5 can say that somebody else came with our client id, but not every broker does. Another name costs
        nothing: no session is kept. With events under way (not `is_idle`), one of them may be the reason instead.
        """
        is_short = is_idle and self._said is None and time.monotonic() - self._connected_at_s < _SHORT_LIFE_S
        self._short_lives = self._short_lives + 1 if is_short and connection.was_closed_by_broker else 0
        is_taken = connection.lost is not None and connection.lost.value == trouble.SESSION_TAKEN_OVER
        if is_taken or self._short_lives >= _MAX_SHORT_LIVES:
            self._short_lives = 0
            before = self._identity.client_id
            self._identity.renew()
            log.warning(
                "%s: it closes the connection again and again; another device may use the client id %s "
                "(a copied SD card?), going on as %s",
                self.broker, before, self._identity.client_id,
            )  # fmt: skip
        return trouble.of_loss(connection.lost)

    def say(self, problem: Trouble) -> None:
        """Log a problem, unless it was the last thing said."""
        if problem != self._said:
            log.log(problem.level, "%s: %s", self.broker, problem.text)
        self._said = problem

    def say_connected(self, connection: Connection, waiting: int) -> None:
        """Log that all is well."""
        version = "5" if connection.protocol == MQTT5 else "3.1.1"
        log.info("%s: connected (MQTT %s), %d events waited", self.broker, version, waiting)
        self._said = None
        self._pause_s = self._pace.first_pause_s
        self._connected_at_s = time.monotonic()

    def _attempt(self, connection: Connection, wake: Callable[[], None]) -> Trouble | None:
        try:
            failure = self._dial(connection, wake)
            if failure is not None:
                return trouble.of_dialling(failure, self.config)
            deadline_s = time.monotonic() + self._pace.answer_s
            while connection.answer is None and connection.lost is None:
                if time.monotonic() >= deadline_s:
                    return trouble.of_silence(self._pace.answer_s)
                self._wait(connection, deadline_s - time.monotonic())
        except Stopped:
            connection.close()
            raise
        if connection.answer is None:
            return self._after_hang_up(connection)
        return self._after_refusal(connection.answer) if connection.answer.is_failure else None

    def _after_hang_up(self, connection: Connection) -> Trouble:
        # Some old brokers just hang up on MQTT 5; so does one that is being restarted: try twice before changing.
        self._hang_ups += 1
        if self._hang_ups >= 2 or self._protocol == MQTT311:
            self._protocol = MQTT311 if self._protocol == MQTT5 else MQTT5
            self._hang_ups = 0
        return trouble.of_hang_up(connection.first_byte, self.config)

    def _after_refusal(self, answer: ReasonCode) -> Trouble:
        if answer.value == trouble.UNSUPPORTED_VERSION and self._protocol == MQTT5:
            self._protocol = MQTT311
            return Trouble("it does not speak MQTT 5, going on with 3.1.1", logging.INFO)
        return trouble.of_refusal(answer, self.config)

    def _dial(self, connection: Connection, wake: Callable[[], None]) -> Exception | None:
        """Dial in a thread that can be left behind: a name look-up cannot be interrupted."""
        failure: list[Exception] = []
        done = threading.Event()

        def body() -> None:
            try:
                connection.dial(read_password(self.config, self._base), tls_context(self.config.tls, self._base))
            except (OSError, ValueError) as error:  # ConfigError and all errors of ssl and socket are among them
                failure.append(error)
            finally:
                done.set()
                wake()

        threading.Thread(target=body, name="mqtt-dial", daemon=True).start()
        while not done.is_set():
            self._wait(None, 1.0)
        return failure[0] if failure else None

    def _route(self) -> Route:
        config = self.config
        # A ping after half of it, and as long again for its answer: silence is noticed after about all of it.
        keepalive_seconds = max(1, config.keepalive_seconds // 2)
        return Route(config.host, config.port, keepalive_seconds, self._identity.client_id, config.username, self._will)
