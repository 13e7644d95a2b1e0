"""`edgeclassify classify`, as a user runs it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from edgeclassify.cli import run_command


@pytest.fixture(autouse=True)
def _default_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGECLASSIFY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "grün.png"
    Image.new("RGB", (80, 60), (40, 160, 60)).save(path)
    return path


def classify(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run_command(["classify", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_json_is_one_object_a_line_with_what_is_promised(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = classify(capsys, picture, picture, "--json", "--top", 3)
    assert (code, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 2
    assert list(lines[0]) == ["image", "model", "accelerator", "inference_ms", "results"]
    assert (lines[0]["image"], lines[0]["model"], lines[0]["accelerator"]) == (str(picture), "starter", "cpu")
    assert [list(result) for result in lines[0]["results"]] == [["index", "label", "score"]] * 3
    scores = [result["score"] for result in lines[0]["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(score * 256 == int(score * 256) for score in scores)


def test_known_pictures_get_their_label(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = shared / "models/mobilenet_v2_1.0_224_quant.tflite"
    images = [shared / "images" / name for name in ("cat.bmp", "parrot.jpg", "sunflower.bmp")]
    code, out, _ = classify(capsys, *images, "-m", model, "--json", "--top", 1)
    assert code == 0
    best = [json.loads(line)["results"][0]["label"] for line in out.splitlines()]
    assert best == ["Egyptian cat", "macaw", "daisy"]


def test_people_get_a_line_for_each_label(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = classify(capsys, picture, "--top", 2)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "starter on the CPU, XNNPACK"
    assert lines[2].startswith(f"{picture}  (")
    assert len(lines) == 5


def test_a_folder_is_all_pictures_in_it(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (picture.parent / "notes.txt").write_text("no picture")
    Image.new("L", (9, 9)).save(picture.parent / "a.gif")
    code, out, err = classify(capsys, picture.parent, "--json")
    assert (code, err) == (0, "")
    assert [Path(json.loads(line)["image"]).name for line in out.splitlines()] == ["a.gif", "grün.png"]


def test_a_huge_top_is_all_labels(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = classify(capsys, picture, "--json", "--top", 10**12)
    assert sorted(result["index"] for result in json.loads(out)["results"]) == list(range(13))


@pytest.mark.parametrize("top", [0, -1, "x", 1.5])
def test_a_top_that_makes_no_sense_is_wrong_usage(
    top: object, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = classify(capsys, picture, "--top", top)
    assert (code, out) == (2, "")
    assert err.startswith("edgeclassify: ")


def test_pictures_that_cannot_be_read_are_named_and_the_rest_is_done(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = picture.parent / "broken.png"
    broken.write_bytes(picture.read_bytes()[:60])
    empty = picture.parent / "empty"
    empty.mkdir()
    code, out, err = classify(capsys, "missing.jpg", broken, empty, picture, "--json")
    assert code == 1
    assert [json.loads(line)["image"] for line in out.splitlines()] == [str(picture)]
    lines = err.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, ("missing.jpg", "broken.png", "empty"), strict=True):
        assert line.startswith("edgeclassify: ")
        assert name in line


def test_a_name_that_is_not_utf8_can_be_shown(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = picture.rename(picture.with_name("b\udcff.png"))
    code, out, _ = classify(capsys, odd, "--json")
    assert code == 0
    assert "b\ufffd.png" in json.loads(out)["image"]


def test_a_model_and_its_labels_are_relative_to_the_current_folder(
    shared: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "mobilenet_v1_0.25_128_quant.tflite"
    (picture.parent / name).symlink_to(shared / "models" / name)
    (picture.parent / "own.txt").write_text("\n".join(f"own {n}" for n in range(1000)))
    configuration = picture.parent / "etc/config.yaml"
    configuration.parent.mkdir()
    configuration.write_text("model: {name: starter, scores: logits, labels: none.txt}\n")
    code, out, _ = classify(
        capsys, picture, "-m", name, "--labels", "own.txt", "-c", configuration, "--json", "--top", 1001
    )
    assert code == 0
    results = {result["index"]: result for result in json.loads(out)["results"]}
    assert (results[0]["label"], results[1]["label"]) == ("background", "own 0")
    # Were they taken for logits, all would be near 1/1001.
    assert max(result["score"] for result in results.values()) > 0.01


def test_labels_of_the_configurations_model_can_be_replaced(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (picture.parent / "own.txt").write_text("\n".join(f"{n}: own {n}" for n in range(13)))
    code, out, _ = classify(capsys, picture, "--labels", "own.txt", "--json", "--top", 1)
    assert code == 0
    assert json.loads(out)["results"][0]["label"].startswith("own ")


@pytest.mark.parametrize("model", ["nothing", "./nothing.tflite", "."])
def test_a_model_that_cannot_be_used_ends_with_78(
    model: str, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = classify(capsys, picture, "-m", model)
    assert (code, out) == (78, "")
    assert err.startswith("edgeclassify: ")
