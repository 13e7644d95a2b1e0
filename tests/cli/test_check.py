"""`edgeclassify check` as a user runs it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeclassify import cli


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], tuple]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("EDGECLASSIFY_CONFIG", "STATE_DIRECTORY", "XDG_STATE_HOME", "XDG_DATA_HOME", "EDGECLASSIFY_MODELS"):
        monkeypatch.delenv(name, raising=False)

    def run_check(text: str) -> tuple[int, str, str]:
        Path("config.yaml").write_text(text, encoding="utf-8")
        code = cli.run_command(["check", "-c", "config.yaml"])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run_check


Check = Callable[[str], tuple[int, str, str]]


def test_what_holds_is_told_with_the_line_that_says_so(check: Check, tmp_path: Path) -> None:
    code, output, errors = check("""\
node: porch
cameras:
  door:
    source: rtsp://ann:s3cret@door/1
    enabled: false
    events: {thresholds: {bird: 0.3}}
events:
  groups: {pet: [cat, dog]}
  thresholds: {pet: 0.4}
  ignore: [unicorn]
""")
    assert code == 0
    assert errors == ""
    assert (
        output
        == f"""\
file   config.yaml
node   porch
state  {tmp_path}/.local/state/edgeclassify
model  starter: 13 labels, input 64x64

camera door: rtsp://ann:***@door/1 (disabled)
   0.60  everything else                           default
   0.40  pet (group)                               events.thresholds.pet, line 9
   0.30  bird                                      cameras.door.events.thresholds.bird, line 6
warning: config.yaml:10: events.ignore item 1: the model has no label 'unicorn'; see: edgeclassify labels
ok
"""
    )


def test_every_problem_is_one_line_and_the_exit_code_is_78(check: Check) -> None:
    code, output, errors = check("nod: a\nmqtt: {port: 0}\n")
    assert (code, output) == (78, "")
    assert errors == (
        "edgeclassify: config.yaml:1: nod: unknown key; did you mean 'node'?\n"
        "config.yaml:2: mqtt.port: must be at least 1, got 0\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("events: {thresholds: {unicorn: 0.5}}", "config.yaml:1: events.thresholds.unicorn: the model has no label"),
        ("mqtt:\n  password_file: none.txt", "config.yaml:2: mqtt.password_file: "),
        ("mqtt:\n  tls:\n    enabled: true\n    ca: none.pem", "config.yaml:4: mqtt.tls.ca: "),
        ("model: {labels: none.txt}", "none.txt"),
        ("model: {name: ./}", "is a folder"),
        ("model: {name: none.tflite}", "there is no such file"),
        ("model: {name: unheard-of}", "unheard-of"),
    ],
)
def test_a_file_or_label_that_does_not_fit_is_78_too(check: Check, text: str, message: str) -> None:
    code, output, errors = check(text)
    assert (code, output) == (78, "")
    assert errors.startswith("edgeclassify: ")
    assert message in errors


def test_the_packaged_default_is_right(check: Check) -> None:
    code, output, _ = check((Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8"))
    assert code == 0
    assert "events.thresholds.'*', line" in output


def test_the_schema_is_all_that_is_printed() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "edgeclassify", "check", "--schema"], capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert result.stderr == ""


def test_groups_without_a_line_of_their_own_are_one_line(check: Check) -> None:
    _, output, _ = check("""\
events:
  groups: {pet: [cat, dog], vehicle: [car, train], food: [meal, fruit]}
  thresholds: {pet: 0.4}
""")
    assert "   0.40  pet (group)" in output
    assert "         among everything else: vehicle, food\n" in output


def test_a_password_that_others_can_read_is_a_warning(check: Check) -> None:
    Path("secret").write_text("Pa55word")
    Path("secret").chmod(0o644)
    mqtt = "mqtt: {host: 192.168.1.2, username: porch, password_file: secret}\n"
    code, output, _ = check(mqtt)
    assert code == 0
    assert "warning: mqtt.host 192.168.1.2: the password is sent unencrypted, whoever listens" in output
    assert "secret: every user of this machine can read it; run: chmod o-r" in output
    Path("secret").chmod(0o600)
    assert "warning" not in check(mqtt.replace("192.168.1.2", "localhost"))[1]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("name: birds", "config.yaml:3: model.name: there is no model 'birds'"),
        ("name: ./birds.tflite", "config.yaml:3: model.name: "),
        ("labels: birds.txt", "config.yaml:3: model.labels: "),
        ("labels: two.txt", "config.yaml:3: model.labels: starter.tflite has 13 outputs, but "),
        ("labels: ~nobody-of-that-name/x", "config.yaml:3: model.labels: "),
    ],
)
def test_a_model_or_label_file_that_is_missing_is_told_with_its_line(check: Check, model: str, said: str) -> None:
    Path("two.txt").write_text("cat\ndog\n")
    code, output, errors = check(f"node: porch\nmodel:\n  {model}\n")
    assert (code, output, errors.count("\n")) == (78, "", 1)
    assert errors.startswith(f"edgeclassify: {said}")


def test_labels_and_the_model_are_checked_also_when_something_else_is_wrong(check: Check) -> None:
    code, _, errors = check("""\
events:
  thresholds: {kitten: 0.5, cat: 60}
  margn: 0.1
mqtt: {port: 99999, password_file: nowhere.txt}
cameras: {door: {size: [640, wide]}}
""")
    assert code == 78
    for said in ("margn", "events.thresholds.cat", "mqtt.port", "door.size", "no label 'kitten'", "nowhere.txt"):
        assert said in errors
    code, _, errors = check("model: {name: birds}\nevents: {margn: 0.1}\n")
    assert "margn" in errors
    assert "config.yaml:1: model.name: there is no model 'birds'" in errors


def test_fragments_are_named_where_they_say_something(check: Check, tmp_path: Path) -> None:
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/10-site.yaml").write_text("events:\n  thresholds: {cat: 0.3}\n")
    (tmp_path / "config.d/20-door.yml").write_text("node: wrong\n")
    code, output, errors = check("node: porch\nevents: {thresholds: {dog: 0.4}}\n")
    assert (code, errors) == (0, "")
    assert "file   config.yaml + config.d/10-site.yaml\n" in output
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "0.30 cat events.thresholds.cat, config.d/10-site.yaml line 2" in lines
    assert "0.40 dog events.thresholds.dog, line 2" in lines
    assert "warning: config.d/20-door.yml: is not read; only names that end in .yaml count" in lines


def test_a_mistake_in_a_fragment_is_told_with_its_file_and_line(check: Check, tmp_path: Path) -> None:
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/10-site.yaml").write_text("\nmqtt: {hots: nas}\n")
    code, output, errors = check("events: {thresholds: {unicorn: 0.4}}\n")
    assert (code, output) == (78, "")
    assert "config.d/10-site.yaml:2: mqtt.hots: unknown key; did you mean 'host'?" in errors
    assert "config.yaml:1: events.thresholds.unicorn: the model has no label 'unicorn'" in errors
