"""`edgeclassify benchmark`, as a user runs it."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeclassify import resources
from edgeclassify.cli import run_command
from edgeclassify.tools.benchmark_report import in_words
from tests.waiting import wait_until

SMALL = "models/mobilenet_v1_0.25_128_quant.tflite"


@pytest.fixture(autouse=True)
def _default_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGECLASSIFY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def benchmark(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run_command(["benchmark", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def found(shared: Path) -> dict[str, Any]:
    """The document of one run over two models."""
    models = ["starter", "starter", str(shared / SMALL)]  # the second is the first
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        named = [argument for model in models for argument in ("-m", model)]
        arguments = [*named, "--seconds", "1", "--json", "-c", str(resources.default_config())]
        assert run_command(["benchmark", *arguments]) == 0
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def test_json_has_every_figure_and_they_fit_together(found: dict[str, Any]) -> None:
    assert list(found) == ["machine", "before", "after", "clip", "models"]
    assert found["machine"]["cores"] == len(os.sched_getaffinity(0))
    assert {"load", "cpu_celsius", "throttled", "memory_mb"} == set(found["after"])
    assert [one["model"] for one in found["models"]] == ["starter", "mobilenet_v1_0.25_128_quant"]
    assert found["models"][0]["input"] == [64, 64]
    for one in found["models"]:
        assert (one["accelerator"], one["xnnpack"]) == ("cpu", True)
        assert str(one["threads"]) in one["interpreter"]
        for times in (*one["interpreter"].values(), one["classify"]):
            assert 0 < times["median_ms"] <= times["p95_ms"] <= times["p99_ms"]
            assert times["frames_per_second"] > 1
        assert one["load_ms"] > 0
        assert one["first_ms"] > 0
        assert list(one["stages_ms"]) == ["decode", "scale", "encode", "scores", "decide"]
        assert all(ms >= 0 for ms in one["stages_ms"].values())
        pipeline = one["pipeline"]
        assert pipeline["frames"] > 10
        assert pipeline["ms_per_frame"] == pytest.approx(1000 / pipeline["frames_per_second"], rel=0.01)
        assert pipeline["of_interpreter"] > 0


def test_one_model_is_told_in_detail_with_the_rates_it_can_do(found: dict[str, Any]) -> None:
    pipeline = {**found["models"][0]["pipeline"], "ms_per_frame": 33.4}
    lines = list(in_words({**found, "models": [{**found["models"][0], "pipeline": pipeline}]}))
    assert lines[-5:] == [
        "5 frames/s (200 ms): yes, 33.4 ms",
        "10 frames/s (100 ms): yes, 33.4 ms",
        "15 frames/s (67 ms): yes, 33.4 ms",
        "30 frames/s (33 ms): no, 33.4 ms",
        "60 frames/s (17 ms): no, 33.4 ms",
    ]
    for start in (
        "starter: 64 x 64",
        "  load ",
        "  bare, 1 thread(s)",
        "  classify",
        "  whole pipeline",
        "  one frame",
    ):
        assert any(line.startswith(start) for line in lines), start


def test_several_models_are_in_one_table(found: dict[str, Any]) -> None:
    table = list(in_words(found))[-3:]
    assert table[0].startswith("model ")
    assert [line.split()[0] for line in table[1:]] == ["starter", "mobilenet_v1_0.25_128_quant"]


def test_heat_throttling_and_other_work_are_said(found: dict[str, Any]) -> None:
    before = {"load": 0.1, "cpu_celsius": 55.1, "throttled": False, "memory_mb": 90.0}
    after = {**before, "cpu_celsius": 81.5, "throttled": True}
    text = "\n".join(in_words({**found, "before": before, "after": after}))
    assert "55.1 °C before, 81.5 °C after, throttled" in text
    assert "it is throttled (heat, or a weak power supply)" in text
    assert "it was busy" not in text
    assert "it was busy before (load 9.0)" in "\n".join(in_words({**found, "before": {**before, "load": 9.0}}))


def test_a_model_that_cannot_be_used_is_said_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    code, out, err = benchmark(capsys, "--seconds", 3600, "-m", "starter", "-m", "broken.tflite")
    assert (code, out) == (78, "")
    assert err.startswith("edgeclassify: broken.tflite: ")


@pytest.mark.parametrize("seconds", ["0", "x", "-1", "1e9"])
def test_a_time_that_makes_no_sense_is_wrong_usage(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark(capsys, "--seconds", seconds)[0] == 2


def test_ctrl_c_ends_it_cleanly_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgeclassify", "benchmark", "--seconds", "600"]
    root = Path(__file__).parents[2]
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(root)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            wait_until(lambda: any(clip.stat().st_size > 100_000 for clip in tmp_path.glob("*/clip.mp4")), timeout_s=30)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to its children too
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    assert "edgeclassify: " not in out
