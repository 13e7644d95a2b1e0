"""The real picamera2 on libcamera's virtual cameras, in a root file system of its own; see rigs/virtual-camera."""

import os
import subprocess
from pathlib import Path

import pytest

RIG = Path(__file__).resolve().parents[1] / "rigs/virtual-camera"


@pytest.mark.rig
@pytest.mark.timeout(1200)  # it is built once
def test_the_pi_camera_keeps_its_promises_with_the_real_picamera2():
    if os.geteuid() != 0:
        pytest.skip("cannot run here: the virtual camera's root file system needs root")
    built = subprocess.run([RIG / "build"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if built.returncode:
        pytest.skip(f"cannot run here: the virtual camera could not be built: {built.stdout[-500:].strip()}")
    checks = "tests/rigs/virtual-camera/checks.py"
    ran = subprocess.run(
        [RIG / "run", "-m", "pytest", "-q", "-p", "no:cacheprovider", checks],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
