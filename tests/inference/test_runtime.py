"""The runtime's own words stay off the terminal; everybody else's stay."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeclassify.inference import runtime

LOAD = """
import os, sys
from edgeclassify.config.sections import ModelConfig
from edgeclassify.inference import open_classifier
from pathlib import Path
with open_classifier(ModelConfig(), Path()):
    print("loaded")
"""


def test_loading_a_model_writes_nothing_to_the_terminal() -> None:
    run = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, timeout=60)
    assert (run.stdout, run.stderr) == ("loaded\n", "")


def test_a_model_is_loaded_without_any_standard_error() -> None:
    code = "import os; os.close(2)\n" + LOAD
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout == "loaded\n"


def test_lines_of_others_are_only_late(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), runtime._native_lines_to_log():
        os.write(2, b"INFO: Created a delegate.\nsomebody's last words\nWARNING: hm\n")
    assert capfd.readouterr().err == "somebody's last words\n"
    assert "runtime: INFO: Created a delegate." in caplog.text
    assert "runtime: WARNING: hm" in caplog.text


def test_the_path_is_only_for_messages() -> None:
    with pytest.raises(runtime.ModelError, match=r"^bird.tflite: the runtime cannot use it"):
        runtime.build(b"\x1c\0\0\0TFL3" + bytes(100), 1, Path("/nowhere/bird.tflite"))
