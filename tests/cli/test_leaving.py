"""A command ends with its code, also while a thread hangs in native code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import edgeclassify

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


@pytest.mark.parametrize("arguments", [["--help"], ["labels"], ["check", "--schema"]])
def test_output_to_a_full_disk_is_one_message(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(edgeclassify(*arguments), stdout=full, stderr=subprocess.PIPE, text=True, timeout=15)
    assert done.returncode == 69
    assert done.stderr == (
        "edgeclassify: standard output: No space left on device; free some space, or send it elsewhere\n"
    )


def test_a_reader_that_has_gone_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(edgeclassify("check", "--schema"), stdout=writer, stderr=subprocess.PIPE, timeout=15)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["labels"], ["check", "--schema"]])
def test_a_closed_output_is_no_fault(arguments: list[str]) -> None:
    script = ["sh", "-c", 'exec "$@" >&-', "sh", *edgeclassify(*arguments)]
    done = subprocess.run(script, stderr=subprocess.PIPE, timeout=15)
    assert (done.returncode, done.stderr) == (0, b"")
