"""The folder of what survives a restart: one daemon has it at a time, and it names the MQTT client."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeclassify.errors import UnavailableError

log = logging.getLogger(__name__)

_CLIENT_ID = re.compile(r"[0-9a-f]{8}\Z")


@contextmanager
def lock_state_dir(path: Path) -> Iterator[None]:
    """Make the folder if it is missing and keep it for this process.

    Raises:
        UnavailableError: another process has it.
        OSError: it cannot be made or written.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
            raise UnavailableError(
                f"state_dir {path}: another edgeclassify uses it (pid {owner}); stop that one, "
                "or set state_dir: to a folder of its own"
            ) from None
        with suppress(OSError):  # a full disk: only the message to the next one suffers
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def lock_holder(path: Path) -> int | None:
    """Return the process id of the daemon that has the folder, 0 if it is not known; None when none has.

    Raises:
        PermissionError: this user may not look into the folder.
    """
    try:
        lock = os.open(path / "lock", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(lock, 20).decode(errors="replace").strip()
        return int(text) if text.isdecimal() else 0
    except OSError:  # a file system without locks
        return None
    finally:
        os.close(lock)
    return None


class Identity:
    """The name of this client at the broker, `edgeclassify-<node>-<8 hex>`, the same at every start.

    Two devices with the same node name must not throw each other out for ever.
    """

    def __init__(self, folder: Path | None, node: str) -> None:
        self._folder = folder
        self._node = node
        self._unique = self._kept()
        if not self._unique:
            self.renew()

    @property
    def client_id(self) -> str:
        """The name as the broker sees it."""
        return f"edgeclassify-{self._node}-{self._unique}"

    def renew(self) -> None:
        """Take another name, and keep it if the folder can be written."""
        self._unique = secrets.token_hex(4)
        if self._folder is None:
            return
        fresh = self._folder / "client_id.new"
        try:
            fresh.write_text(self._unique + "\n", encoding="ascii")
            fresh.replace(self._folder / "client_id")
        except OSError as error:
            log.debug("state_dir %s: client_id is not kept (%s)", self._folder, error)

    def _kept(self) -> str:
        if self._folder is None:
            return ""
        try:
            text = (self._folder / "client_id").read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return ""
        return text if _CLIENT_ID.match(text) else ""
