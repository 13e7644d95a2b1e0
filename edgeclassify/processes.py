"""Native code that may hang or crash, in a child process: calls with a deadline, shared memory, a sure end."""

from __future__ import annotations

import contextlib
import json
import logging
import mmap
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any, Self

from edgeclassify.child_main import receive, send
from edgeclassify.errors import ChildDiedError, ChildError, ChildTimeoutError, EdgeClassifyError

log = logging.getLogger(__name__)

_CLOSE_TIMEOUT_S = 1.0
_KILL_TIMEOUT_S = 2.0
_LAST_WORDS_S = 0.5
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # colours: journalctl shows a line with such a sign as a blob
# -P and the parent's own path: the child imports what the parent would, wherever each was started.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); from edgeclassify.child_main import main; main()"
)


_running: set[Child] = set()


def kill_children(thread: str) -> None:
    """Kill the children that the thread of this name has entered, from another one: what it waits for fails at once."""
    for child in list(_running):
        if child.thread == thread:
            child.kill()


class Child:
    """One object in a child process, from `__enter__` to `__exit__`; used by one thread at a time.

    The child is killed by the kernel when the *thread* that entered ends, so that it never outlives its parent:
    enter it in a thread that lives as long as the child is needed.
    """

    memory: memoryview
    """What both sides can read and write, `memory_bytes` long; copy out of it what must last."""
    thread: str
    """The name of the thread that entered it."""

    def __init__(
        self,
        name: str,
        target: str,
        arguments: dict[str, Any],
        *,
        memory_bytes: int = 0,
        start_timeout_s: float = 30.0,
    ) -> None:
        """Describe the child.

        Args:
            name: for errors and logs: `camera door`.
            target: `package.module:Class`; made in the child as `Class(memory, **arguments)`. Its public methods
                answer calls, its `close()` is called at the end. Arguments and answers are pickled.
            arguments: keyword arguments for it.
            memory_bytes: size of the memory that both sides share; what is never touched costs nothing.
            start_timeout_s: how long its imports and its constructor may take.
        """
        self._name = name
        self._target = target
        self._arguments = arguments
        self._memory_bytes = memory_bytes
        self._start_timeout_s = start_timeout_s

    @property
    def pid(self) -> int:
        """The process id, also after its end."""
        return self._process.pid

    def __enter__(self) -> Self:
        """Start the process and make the object.

        Raises:
            ChildTimeoutError: it was not ready in time.
            ChildDiedError: it crashed.
            ChildError: the object could not be made.
            EdgeClassifyError: of any class, as the object's constructor raised it.
        """
        self._spawn()
        self._exchange("start", (self._target, self._memory_bytes, self._arguments), self._start_timeout_s)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, method: str, *arguments: object, timeout_s: float) -> Any:  # noqa: ANN401 - whatever the method returns
        """Call a method of the object and return its answer.

        Raises:
            ChildTimeoutError: no answer in time; the process was killed.
            ChildDiedError: the process crashed, or has ended before.
            ChildError: the method raised an error, which the message names.
            EdgeClassifyError: of any class, as the method raised it.
        """
        return self._exchange(method, (method, arguments), timeout_s)

    def kill(self) -> None:
        """End the process at once, from any thread: who waits for its answer gets ChildDiedError."""
        if process := getattr(self, "_process", None):  # none before it was started
            process.kill()

    def close(self) -> None:
        """End the process: it is asked to, and soon killed. Never raises, never hangs, may be repeated."""
        deadline_s = time.monotonic() + _CLOSE_TIMEOUT_S
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                send(self._control, None, deadline_s)
            self._wait(deadline_s - time.monotonic())
        self._end()

    def _spawn(self) -> None:
        with contextlib.ExitStack() as held:
            with os.fdopen(os.memfd_create(f"edgeclassify {self._name}"), "rb+") as memory_file:
                memory_file.truncate(max(self._memory_bytes, 1))  # nothing cannot be mapped
                self._mapping = mmap.mmap(memory_file.fileno(), 0)
                self.memory = memoryview(self._mapping)[: self._memory_bytes]
                held.callback(self._free_memory)
                self._control, control = map(held.enter_context, socket.socketpair())
                # A socket, not a pipe: its reader can be woken although a grandchild still holds the other end.
                self._output, output = map(held.enter_context, socket.socketpair())
                with control, output:
                    self._process = self._popen(control, output, memory_file.fileno())
            self._held = held.pop_all()
        self._last_lines: deque[str] = deque(maxlen=60)
        self._reader = threading.Thread(target=self._read_output, name=f"output of {self._name}", daemon=True)
        self._reader.start()
        self.thread = threading.current_thread().name
        _running.add(self)
        log.debug("%s: process %d started", self._name, self._process.pid)

    def _popen(self, control: socket.socket, output: socket.socket, memory_fd: int) -> subprocess.Popen[bytes]:
        fds = (control.fileno(), memory_fd)
        printed = output.fileno()
        command = [sys.executable, "-P", "-u", "-X", "faulthandler", "-c", _PROGRAM]
        command += [*map(str, fds), str(os.getpid()), self._name, json.dumps(sys.path)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed, pass_fds=fds)

    def _exchange(self, doing: str, message: object, timeout_s: float) -> Any:  # noqa: ANN401
        deadline_s = time.monotonic() + timeout_s
        try:
            send(self._control, message, deadline_s)
            done, answer = receive(self._control, deadline_s)
        except TimeoutError:
            self._abort()
            raise ChildTimeoutError(
                f"{self._name}: no answer to {doing} within {timeout_s:g} s; its process was killed{self._last_words()}"
            ) from None
        except (EOFError, OSError):
            died = ChildDiedError(self._post_mortem(doing))
            died.was_killed = self._process.returncode == -signal.SIGKILL
            raise died from None
        except BaseException:  # Ctrl-C, or an argument that cannot be pickled: the next answer would be this one's
            self._abort()
            raise
        if done:
            return answer
        if doing == "start":
            self.close()
        if type(answer) is ChildError:
            raise ChildError(f"{self._name}: {doing} failed: {answer}")
        assert isinstance(answer, EdgeClassifyError)
        raise answer

    def _post_mortem(self, doing: str) -> str:
        self._wait(_LAST_WORDS_S)
        self._end()
        code = self._process.returncode
        how = f"ended with exit code {code}" if code is None or code >= 0 else f"was killed by {_signal_name(-code)}"
        return f"{self._name}: its process {how} during {doing}{self._last_words()}"

    def _last_words(self) -> str:
        """Return where it crashed or hung, as faulthandler tells it, or else the last it said."""
        lines = [line.strip() for line in self._last_lines if line.strip()]
        crash = [line for line in lines if line.startswith("Fatal Python error")][-1:]
        stack = [n for n, line in enumerate(lines) if line.startswith("Current thread 0x")][-1:]
        words = crash + lines[stack[0] + 1 : stack[0] + 4] if stack else lines[-3:]
        return f"; its last words: {' | '.join(words)}" if words else ""

    def _abort(self) -> None:
        """End it at once; its faulthandler may say where it hangs, even if it holds the interpreter's lock."""
        self._process.send_signal(signal.SIGABRT)
        self._wait(_LAST_WORDS_S)
        self._end()

    def _wait(self, timeout_s: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)

    def _end(self) -> None:
        """Make sure that it is gone, and give back everything that was held for it."""
        if self._process.poll() is None:
            self._process.kill()
            self._wait(_KILL_TIMEOUT_S)
            if self._process.poll() is None:
                log.error("%s: process %d cannot be killed: it hangs in the kernel", self._name, self._process.pid)
        self._reader.join(_LAST_WORDS_S)
        with contextlib.suppress(OSError):
            self._output.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._held.close()
        _running.discard(self)

    def _free_memory(self) -> None:
        with contextlib.suppress(BufferError):  # an array of it is still in use: freed with the last one
            self.memory.release()
            self._mapping.close()

    def _read_output(self) -> None:
        """Log what the child prints, and keep the end of it."""
        with self._output.makefile("rb") as lines:
            while line := lines.readline(500):
                text = _ESCAPES.sub("", line.decode(errors="replace")).rstrip()
                self._last_lines.append(text)
                log.debug("%s: %s", self._name, text)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
