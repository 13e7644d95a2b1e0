"""What systemd is told over $NOTIFY_SOCKET; without systemd, nothing."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

_MAX_STATUS_LENGTH = 500
_SEND_TIMEOUT_S = 1.0


class Systemd:
    """The service manager that started this process, if one did and wants to know. May be used by any thread.

    Args:
        environment: $NOTIFY_SOCKET (a path, or an abstract name with @), $WATCHDOG_USEC and $WATCHDOG_PID.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environment) if self._address else None
        """How long it waits for `feed_watchdog` before it ends this process; None: for ever."""
        self._said = False

    def starting(self, text: str, most_s: float) -> bool:
        """Say how the start goes, and that it may take so long from now before it counts as failed."""
        return self._tell(f"EXTEND_TIMEOUT_USEC={round(most_s * 1e6)}", f"STATUS=starting: {_one_line(text)}")

    def ready(self, status: str) -> bool:
        """Say that the start, or a reload, is over; False if that could not be said."""
        return self._tell("READY=1", f"STATUS={_one_line(status)}")

    def status(self, text: str) -> bool:
        """Say how things are, for `systemctl status`."""
        return self._tell(f"STATUS={_one_line(text)}")

    def reloading(self) -> bool:
        """Say that a reload begins; `ready` ends it."""
        # In one datagram: the time is what tells systemd which of its signals this answers.
        return self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, why: str) -> bool:
        """Say that this process is about to end."""
        return self._tell("STOPPING=1", f"STATUS=stopping: {_one_line(why)}")

    def feed_watchdog(self) -> bool:
        """Say that all is well; to be repeated within `watchdog_s`."""
        return self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> bool:
        if self._address is None:
            return True
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_SEND_TIMEOUT_S)  # whoever reads may hang, we must not
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._said:
                log.warning("systemd: cannot be told anything at $NOTIFY_SOCKET (%s)", error)
            self._said = True
            return False
        return True


def _address(name: str) -> str | None:
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else None


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # it is another process that is watched
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) else None


def _one_line(text: str) -> str:
    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    return line if len(line) <= _MAX_STATUS_LENGTH else line[: _MAX_STATUS_LENGTH - 3] + "..."
