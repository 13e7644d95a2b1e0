"""`edgeclassify service`, as far as it goes without a systemd."""

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as set-password does")
def test_set_password_with_a_closed_standard_input_says_so() -> None:
    command = f"'{sys.executable}' -m edgeclassify service set-password <&-"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr.startswith("edgeclassify: service set-password: standard input is closed; ")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)


def test_a_mirror_and_no_network_at_once_is_wrong_usage() -> None:
    command = [sys.executable, "-m", "edgeclassify", "service", "install", "--offline", "--mirror", "/somewhere"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "exclude each other" in result.stderr
    assert result.returncode == 2
