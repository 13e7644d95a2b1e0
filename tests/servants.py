"""What the tests of child processes run in them: obedient, failing, crashing, hanging."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from edgeclassify.processes import Child


class Servant:
    def __init__(self, memory, greeting="", closed_file=""):
        self.memory = memory
        self.greeting = greeting
        self.closed_file = closed_file

    def echo(self, value):
        return value

    def greet(self, what):
        return f"{self.greeting} {what}"

    def sum_and_fill(self, value):
        import numpy as np  # here, so that the others start quickly

        theirs = np.frombuffer(self.memory, np.uint8)
        total = int(theirs.sum())
        theirs[:] = value
        return total

    def throw(self, error):
        raise error

    def throw_caused(self):
        raise RuntimeError("not opened") from OSError(16, "busy")

    def unsendable(self):
        return threading.Lock()

    def crash(self):
        ctypes.string_at(0)

    def abort(self):
        os.abort()

    def leave(self):
        print("goodbye")
        sys.exit(3)

    def sleep_long(self):
        time.sleep(1000)

    def hang_with_lock(self, hanging=None):
        if hanging:
            Path(hanging).write_text(str(os.getpid()))
        ctypes.PyDLL(None).pause()

    def spin(self):
        while True:
            pass

    def start_grandchild(self):
        return subprocess.Popen(["sleep", "100"]).pid

    def chatter(self, lines):
        for number in range(lines):
            print("line", number)

    def say(self, text):
        print(text)

    def close(self):
        if self.closed_file:
            Path(self.closed_file).touch()


class Unwilling:
    def __init__(self, _memory):
        1 / 0  # noqa: B018


class CrashesAtStart:
    def __init__(self, _memory):
        ctypes.string_at(0)


class HangsAtStart:
    def __init__(self, _memory):
        ctypes.PyDLL(None).pause()


class HangsAtEnd(Servant):
    def close(self):
        ctypes.PyDLL(None).pause()


def hang_in_child():
    """Be a parent whose child hangs; sys.argv names the file that says when."""
    with Child("camera door", "tests.servants:Servant", {}) as servant:
        servant.call("hang_with_lock", sys.argv[1], timeout_s=100)
