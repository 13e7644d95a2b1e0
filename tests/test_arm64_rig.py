"""The wheels for 64-bit ARM on emulated processors of Pis: scores as on this machine, and the whole daemon."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Inbox
from tests.running import ROOT, Daemon, colour_of, run_to_end, slides, write_pictures
from tests.waiting import wait_until

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]  # the root file system is built once

PROJECT = Path(__file__).parents[1]
RIG = PROJECT / "tests/rigs/arm64"
STEPS = {"pi3": 17, "pi4": 1, "pi5": 1}
"""By how many quantization steps scores may differ: XNNPACK has a Pi 3 round in another way, as the runtime's
reference does, and what the model is not sure of differs more (an owl, which it does not know)."""


@pytest.fixture(scope="module", autouse=True)
def rig() -> None:
    if os.geteuid() != 0:
        pytest.skip("cannot run here: needs root")
    built = subprocess.run([RIG / "build"], capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"cannot run here: it could not be built: {(built.stdout + built.stderr)[-500:].strip()}")


def emulated(cpu: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, on such a processor."""
    return subprocess.run(
        [RIG / "python", "-m", "edgeclassify", *map(str, arguments)],
        env=os.environ | {"RIG_CPU": cpu},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def scores_in(line: str) -> dict[str, float]:
    return {result["label"]: result["score"] for result in json.loads(line)["results"]}


def assert_scores_agree(cpu: str, folder: Path, *arguments: object) -> None:
    here = run_to_end(folder, "classify", *arguments, "--json", "--top", 10)
    there = emulated(cpu, "classify", *arguments, "--json", "--top", 10)
    assert (here.returncode, there.returncode) == (0, 0), there.stderr
    assert here.stdout
    for ours, theirs in zip(
        map(scores_in, here.stdout.splitlines()), map(scores_in, there.stdout.splitlines()), strict=True
    ):
        assert next(iter(ours)) == next(iter(theirs))
        # Where ten are told, the last ones may be others.
        for label in ours.keys() & theirs.keys():
            assert theirs[label] == pytest.approx(ours[label], abs=STEPS[cpu] / 256 + 0.0011), label


@pytest.mark.parametrize("cpu", STEPS)
def test_the_starter_model_scores_as_on_this_machine(cpu: str, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", *(colour_of(n) for n in range(3)), size=(64, 64))
    assert_scores_agree(cpu, tmp_path, PROJECT / "models/golden.png", *sorted(pictures.iterdir()), "-m", "starter")


@pytest.mark.parametrize("cpu", STEPS)
def test_a_model_of_the_catalogue_scores_as_on_this_machine(cpu: str, shared: Path, tmp_path: Path) -> None:
    model = "mobilenet_v2_1.0_224_quant"
    pictures = [shared / "images" / name for name in ("cat.bmp", "owl.jpg", "parrot.jpg", "sunflower.bmp")]
    (tmp_path / f"{model}.txt").symlink_to(shared / "models/imagenet_labels.txt")
    path = tmp_path / f"{model}.tflite"
    path.symlink_to(shared / "models" / path.name)
    assert_scores_agree(cpu, tmp_path, *pictures, "-m", path)


def test_the_daemon_runs_there(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), colour_of(1))
    daemon = Daemon(tmp_path, broker.port, {"porch": slides(pictures)})
    daemon.python = RIG / "python"
    with daemon:
        wait_until(lambda: {"red", "green"} <= {event["label"] for event in events(inbox)}, 120)
        info = json.loads(inbox.last(f"{ROOT}/info") or "{}")
        assert info["accelerator"] == "cpu"
        daemon.process.terminate()
        assert daemon.end(60) == 0
        assert inbox.last(f"{ROOT}/status") == "offline"


def events(inbox: Inbox) -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(f"{ROOT}/porch/event")]


def test_a_processor_that_tells_nothing_of_itself_is_an_error_instead_of_a_crash() -> None:
    result = emulated("none", "classify", PROJECT / "models/golden.png", "-m", "starter")
    assert result.returncode == 78
    assert result.stderr.startswith("edgeclassify: starter.tflite: /proc/cpuinfo tells nothing of an ARM processor")


def test_the_benchmark_runs_there() -> None:
    result = emulated("pi5", "benchmark", "-m", "starter", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)
