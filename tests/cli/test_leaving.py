"""A command ends with its code, also while a thread hangs in native code."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A thread that sleeps in native code and comes back while the interpreter is being taken down.
COMMAND = """
import ctypes, sys, threading
from edgeclassify import cli
hanging = threading.Event()
def hang():
    hanging.set()
    ctypes.CDLL(None).sleep({seconds})
threading.Thread(target=hang, daemon=True).start()
hanging.wait()
print("said before")
cli.main({arguments})
"""


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["no-such-command"], 2)])
def test_it_ends_at_once_with_its_own_code(arguments: list[str], code: int) -> None:
    script = COMMAND.format(seconds=30, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=15)
    assert done.returncode == code
    assert done.stdout.startswith("said before\n"), "what was buffered is not lost"
