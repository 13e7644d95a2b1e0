"""The child's side of `processes`: makes one object, calls its methods as it is told, sends back what they give.

It runs as a program of its own, and imports nothing of the parent but `errors` and the module it is told.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import mmap
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import time
import traceback
from typing import Any

from edgeclassify.errors import ChildError, EdgeClassifyError

_LENGTH = struct.Struct("!Q")
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def main() -> None:
    """Serve the calls that come over the socket named in sys.argv until it is closed, or the parent is gone."""
    control_fd, memory_fd, parent_pid = map(int, sys.argv[1:4])
    _die_with(parent_pid)
    ctypes.CDLL(None).prctl(_PR_SET_NAME, sys.argv[4].encode()[:15])  # what `top` shows
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us in order
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is told by faulthandler, not by a file on the SD card
    os.set_inheritable(control_fd, False)  # noqa: FBT003 - positional-only
    memory = mmap.mmap(memory_fd, 0)
    os.close(memory_fd)
    # A parent that is gone is no error: there is nobody left to tell.
    with socket.socket(fileno=control_fd) as control, contextlib.suppress(EOFError, ConnectionError):
        _serve(control, memory)


def send(control: socket.socket, message: object, deadline_s: float | None = None) -> None:
    """Send one pickled message; `deadline_s` is `time.monotonic()` seconds.

    Raises:
        TimeoutError: the other side did not take it in time.
        ConnectionError: the other side is gone.
    """
    data = pickle.dumps(message)
    control.settimeout(_seconds_left(deadline_s))
    control.sendall(_LENGTH.pack(len(data)) + data)


def receive(control: socket.socket, deadline_s: float | None = None) -> Any:  # noqa: ANN401 - whatever was sent
    """Return the next message; raises TimeoutError, and EOFError or ConnectionError when the other side is gone."""
    (length,) = _LENGTH.unpack(_read(control, _LENGTH.size, deadline_s))
    return pickle.loads(_read(control, length, deadline_s))


def _read(control: socket.socket, length: int, deadline_s: float | None) -> bytearray:
    data = bytearray(length)
    missing = memoryview(data)
    while missing:
        control.settimeout(_seconds_left(deadline_s))
        count = control.recv_into(missing)
        if not count:
            raise EOFError
        missing = missing[count:]
    return data


def _seconds_left(deadline_s: float | None) -> float | None:
    # Not 0: that would mean "do not block", and be another error than TimeoutError.
    return None if deadline_s is None else max(deadline_s - time.monotonic(), 1e-6)


def _die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends, even while it hangs in native code."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it ended before that was set
        os._exit(0)


def _serve(control: socket.socket, memory: mmap.mmap) -> None:
    target, size, arguments = receive(control)
    try:
        module, _, name = target.partition(":")
        served = getattr(importlib.import_module(module), name)(memoryview(memory)[:size], **arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent is told
        send(control, (False, _portable(error)))
        return
    try:
        send(control, (True, None))
        while (call := receive(control)) is not None:
            method, positional = call
            try:
                answer = (True, getattr(served, method)(*positional))
            except Exception as error:  # noqa: BLE001 - whatever it is, the parent is told
                answer = (False, _portable(error))
            send(control, answer)
    finally:
        served.close()


def _portable(error: Exception) -> Exception:
    """Return our own errors as they are, and any other as a ChildError that names it and its causes."""
    if isinstance(error, EdgeClassifyError):
        return error
    traceback.print_exception(error)
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__)
        cause = cause.__cause__
    return ChildError(", caused by ".join(texts))
