"""`edgeclassify models`, as a user runs it; pulls in processes of their own."""

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from edgeclassify.cli import run_command
from tests.catalogue.conftest import model_bytes, sha256
from tests.catalogue.server import Page, Server, serving
from tests.inference.tiny_models import classifier
from tests.running import Background, edgeclassify, run_to_end
from tests.waiting import wait_until

NAME = "mobilenet_v1_0.25_128_quant"
GOOD = "mobilenet_v2_1.0_224_quant"
MODEL = model_bytes()


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where models are pulled to."""
    monkeypatch.delenv("EDGECLASSIFY_MIRROR", raising=False)
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def models(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = run_command(["models", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def names(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    code, out, _ = models(capsys, "list", "--json", *arguments)
    assert code == 0
    return [row["name"] for row in json.loads(out)["models"]]


def test_the_list_shows_what_is_here_first_and_what_suits(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = models(capsys, "list")
    assert code == 0
    assert out.splitlines()[1].split()[:3] == ["starter", "2.1", "64x64"]
    assert "  53.4" in next(line for line in out.splitlines() if line.startswith(GOOD))
    assert "Pixel 2, one thread" in out
    assert "For this machine (" in out
    assert "The rule: " in out


def test_the_list_is_filtered_and_sorted(capsys: pytest.CaptureFixture[str]) -> None:
    assert names(capsys, "--max-size", 2, "--min-top1", 39, "--sort", "top1") == ["mobilenet_v1_0.5_160_quant", NAME]
    assert names(capsys, "--sort", "latency")[:2] == [NAME, "mobilenet_v1_0.5_160_quant"]
    assert "starter" not in names(capsys, "--edgetpu")
    assert names(capsys, "--max-size", 0) == []


def test_the_list_knows_what_is_here(shared: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models(capsys, "pull", NAME, "--mirror", shared / "models")
    (folder / "own.tflite").write_bytes(classifier(30))
    (folder / "bad.tflite").write_bytes(b"not a model at all")
    code, out, err = models(capsys, "list", "--json")
    rows = {row["name"]: row for row in json.loads(out)["models"]}
    assert (code, len(rows)) == (0, 24)
    assert rows[NAME]["here"] == str(folder / f"{NAME}.tflite")
    assert rows[NAME]["edgetpu_here"] == str(folder / f"{NAME}_edgetpu.tflite")
    assert rows["own"]["input_pixels"] == [10, 1]
    assert rows["bad"]["input_pixels"] is None
    assert "bad.tflite: is not a TensorFlow Lite model" in err


def test_info_tells_what_the_catalogue_knows_of_a_model_that_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = models(capsys, "info", GOOD)
    assert code == 0
    assert "top-1 70.8 %, top-5 89.9 % (published)" in out
    assert f"edgeclassify models pull {GOOD}" in out
    code, out, _ = models(capsys, "info", GOOD, "--json")
    facts = json.loads(out)
    assert facts["file"] is None
    assert facts["catalogue"]["model"]["size_bytes"] == 3610798


def test_info_opens_any_model(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = models(capsys, "info", shared / f"models/{NAME}.tflite")
    assert code == 0
    assert "uint8 1 x 128 x 128 x 3, scale 0.0078125, zero point 128" in out
    assert "DEPTHWISE_CONV_2D 13" in out
    assert "1001 from imagenet_labels.txt inside" in out
    assert "yes, on the CPU" in out
    code, out, _ = models(capsys, "info", "--json", shared / f"models/{NAME}_edgetpu.tflite")
    file = json.loads(out)["file"]
    assert (file["edgetpu"], file["operations"]) == (True, {"edgetpu-custom-op": 1})
    assert "yes, on an Edge TPU" in models(capsys, "info", shared / f"models/{NAME}_edgetpu.tflite")[1]
    code, out, _ = models(capsys, "info", shared / "models/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite")
    assert code == 0
    assert "no: " in out
    assert "embedding extractor" in out


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"x" * 100, "is not a TensorFlow Lite model"), (MODEL[:5000], "damaged")]
)
def test_info_of_a_broken_model_is_one_clear_line(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.tflite").write_bytes(content)
    code, out, err = models(capsys, "info", "broken.tflite")
    assert (code, out, err.count("\n")) == (78, "", 1)
    assert said in err


def test_info_of_what_is_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert models(capsys, "info", "nothing.tflite")[0] == 78
    code, _, err = models(capsys, "info", "birds")
    assert code == 78
    assert "there is no model 'birds'" in err


def test_pull_says_where_it_is_and_what_to_write(
    shared: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = models(capsys, "pull", NAME, "--mirror", shared / "models")
    assert code == 0
    assert f"{folder}/{NAME}.tflite\n" in out
    assert f"name: {NAME}" in out
    assert f"{NAME}.tflite: 0.5 of 0.5 MB" in err
    assert "is here already" in models(capsys, "pull", NAME)[1]
    assert models(capsys, "verify")[0] == 0


def test_wrong_usage_ends_with_2(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.pages["/birds.tflite"] = Page(MODEL)
    birds = server.address("/birds.tflite")
    for arguments in (
        ["mobilenet"],
        ["..evil"],
        [birds, "--sha256", sha256(MODEL), "--name", "../evil"],
        [GOOD, "--sha256", "0" * 64],
        [birds],
    ):
        code, out, err = models(capsys, "pull", *arguments)
        assert (code, out) == (2, ""), arguments
        assert "Traceback" not in err
    assert f"has sha256 {sha256(MODEL)}" in err


def test_verify_ends_with_1_when_something_is_wrong(
    shared: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models(capsys, "verify") == (0, f"{folder}: nothing was pulled\n", "")
    models(capsys, "pull", NAME, "--no-edgetpu", "--mirror", shared / "models")
    (folder / f"{NAME}.txt").write_text("background\n")
    code, out, _ = models(capsys, "verify")
    assert code == 1
    assert f"wrong  {NAME}.txt: is damaged or was changed" in out
    code, out, _ = models(capsys, "verify", "--json")
    assert code == 1
    assert [file["ok"] for file in json.loads(out)["files"]] == [True, False]


def test_without_a_network_it_fails_at_once_with_69(tmp_path: Path) -> None:
    result = run_to_end(
        tmp_path, "models", "pull", GOOD, "--mirror", "http://there-is-no-such-host.invalid", timeout_s=20
    )
    assert result.returncode == 69
    assert "cannot be resolved; is this device connected?" in result.stderr
    assert result.stderr.count("\n") == 1


def pull(tmp_path: Path, server: Server, name: str) -> Background:
    """A pull of /birds.tflite as a process, to tmp_path/models."""
    address = server.address("/birds.tflite")
    process = Background(tmp_path, "models", "pull", address, "--sha256", sha256(MODEL), name=name)
    process.variables["EDGECLASSIFY_MODELS"] = str(tmp_path / "models")
    return process


def test_two_pulls_at_once_bring_it_once(server: Server, tmp_path: Path) -> None:
    gate = threading.Event()
    server.pages["/birds.tflite"] = Page(MODEL, gate=gate)
    with pull(tmp_path, server, "first") as first:
        wait_until(lambda: server.requests)
        with pull(tmp_path, server, "second") as second:
            second.wait_for("another pull is busy")
            gate.set()
            assert (first.end(), second.end()) == (0, 0)
            assert "pulled and verified" in first.said()
            assert "is here already, and whole" in second.said()
    assert len(server.requests) == 1
    assert (tmp_path / "models/birds.tflite").read_bytes() == MODEL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_pull_that_is_broken_off_is_gone_on_with(server: Server, tmp_path: Path, number: int) -> None:
    gate = threading.Event()
    server.pages["/birds.tflite"] = Page(MODEL, gate=gate)
    part = tmp_path / f"models/.birds.tflite.{sha256(MODEL)[:12]}.part"
    with pull(tmp_path, server, "first") as first:
        wait_until(lambda: part.exists() and part.stat().st_size > 1_000_000)
        code = first.stop(number)
        assert code == (0 if number == signal.SIGINT else -number)
        assert ("are kept in" in first.said()) == (number == signal.SIGINT)
    gate.set()
    assert not (tmp_path / "models/birds.tflite").exists()
    kept = part.stat().st_size
    with pull(tmp_path, server, "second") as second:
        assert second.end() == 0
    assert server.requests[-1].start == kept > 1_000_000
    assert (tmp_path / "models/birds.tflite").read_bytes() == MODEL
    assert not part.exists()


def test_what_will_not_be_gone_on_with_is_said(server: Server, tmp_path: Path) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, gate=threading.Event())
    with Background(tmp_path, "models", "pull", server.address("/birds.tflite")) as process:
        process.wait_for(" of 4.0 MB")
        assert process.stop(signal.SIGINT) == 0
        assert "without --sha256 the next pull begins anew" in process.said()


def test_a_user_who_may_not_write_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("cannot run here: root may write everywhere, and there is no setpriv to be somebody else")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    somebody = ["setpriv", "--reuid=65534", "--clear-groups", "--"] if os.geteuid() == 0 else []
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/") and parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    result = subprocess.run(
        [*somebody, *edgeclassify("models", "pull", GOOD, "--mirror", "/nowhere")],
        env={**os.environ, "EDGECLASSIFY_MODELS": str(locked / "models")},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if "No module named" in result.stderr or "can't open file" in result.stderr:
        pytest.skip("cannot run here: another user cannot read this Python environment")
    assert result.returncode == 69, result.stderr
    assert f"{locked}/models: may not be written (Permission denied)" in result.stderr


class Crash:
    """An inspector as a bad file would end it."""

    def __init__(self, memory: memoryview, path: Path) -> None: ...

    def inspect(self) -> NoReturn:
        os.abort()

    input_size = inspect

    def close(self) -> None: ...


def test_a_file_that_crashes_the_runtime_is_a_message(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edgeclassify.inference.inspection._INSPECTOR", f"{__name__}:Crash")
    folder.mkdir()
    (folder / "bad.tflite").write_bytes(classifier(3))
    code, out, err = models(capsys, "info", "bad")
    assert (code, out, err.count("\n")) == (78, "", 1)
    assert "bad.tflite: its process was killed by SIGABRT" in err
    code, out, err = models(capsys, "list")
    assert code == 0
    assert out.splitlines()[2].startswith("bad ")
    assert "SIGABRT" in err


def test_the_choice_is_one_of_those_listed(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--max-size", 2], ["--max-size", 1], ["--min-top1", 99]):
        _, out, _ = models(capsys, "list", "--json", *arguments)
        document = json.loads(out)
        chosen = document["choice"]["name"]
        assert chosen in [row["name"] for row in document["models"]] or not document["models"]
        assert (chosen is None) == (not document["models"])
        if chosen:
            assert f": {chosen}, of those listed" in models(capsys, "list", *arguments)[1]
    assert "none of those listed" in models(capsys, "list", "--min-top1", 99)[1]


def test_an_edge_tpu_that_is_plugged_in_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    device = tmp_path / "root/sys/bus/usb/devices/1-2"
    device.mkdir(parents=True)
    (device / "idVendor").write_text("18d1\n")
    (device / "idProduct").write_text("9302\n")
    monkeypatch.setenv("EDGECLASSIFY_SYSFS_ROOT", str(tmp_path / "root"))
    _, out, _ = models(capsys, "list")
    assert "its twin runs on the Edge TPU usb:0" in out
    assert json.loads(models(capsys, "list", "--json")[1])["choice"]["machine"]["edgetpus"] == ["usb:0"]
