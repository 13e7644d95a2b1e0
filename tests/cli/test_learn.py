"""`edgeclassify learn`, as a user runs it."""

import hashlib
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgeclassify.cli import run_command
from edgeclassify.inference.bundle import is_bundle, read_bundle
from tests.learned import write_backbone, write_class
from tests.running import Background
from tests.waiting import wait_until

EXTRACTOR = "mobilenet_v1_1.0_224_quant_embedding_extractor"


@pytest.fixture(autouse=True)
def _a_user_of_his_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGECLASSIFY_CONFIG", raising=False)
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Three classes of ten pictures, and the backbone that tells them apart among the models."""
    write_backbone(tmp_path / "models")
    for name in ("red", "green", "blue"):
        write_class(tmp_path / "colours-of-things", name, 10)
    return tmp_path / "colours-of-things"


def learn(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run_command(["learn", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def scores(capsys: pytest.CaptureFixture[str], picture: Path, model: str) -> dict[str, float]:
    assert run_command(["classify", str(picture), "-m", model, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {result["label"]: result["score"] for result in found["results"]}


@pytest.mark.parametrize("head", ["softmax", "imprinting"])
def test_corals_pictures_are_told_rightly_and_surely(
    capsys: pytest.CaptureFixture[str], shared: Path, tmp_path: Path, head: str
) -> None:
    pictures = shared / "images/imprinting"
    for picture in pictures.glob("*_train_*.bmp"):
        target = tmp_path / "things" / picture.name.split("_")[0]
        target.mkdir(parents=True, exist_ok=True)
        (target / picture.name).write_bytes(picture.read_bytes())
    (tmp_path / f"models/{EXTRACTOR}.tflite").write_bytes((shared / f"models/{EXTRACTOR}.tflite").read_bytes())
    code, _, err = learn(capsys, "things", "--head", head)
    assert code == 0, err
    for name in ("cat", "dog", "hotdog"):
        found = scores(capsys, pictures / f"{name}_test_0.bmp", "things")
        assert max(found, key=lambda label: found[label]) == name
        assert found[name] >= 0.90
        assert sum(found.values()) == pytest.approx(1, abs=1e-3)


def test_the_starter_learns_without_anything_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("red", "green"):
        write_class(tmp_path / "things", name, 6)
    code, out, err = learn(capsys, "things")
    assert code == 0, err
    assert "with starter; a better one" in err
    assert "12 of 12, 100%" in out
    found = scores(capsys, tmp_path / "things/red/0.png", "things")
    assert found["red"] > 0.8


def test_a_learned_model_is_used_wherever_a_name_is(
    capsys: pytest.CaptureFixture[str], colours: Path, tmp_path: Path
) -> None:
    assert learn(capsys, colours, "--name", "tints", "--backbone", "colours")[0] == 0
    assert run_command(["models", "list", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert "blue, green, red, none" in listed["tints"]["knows"]
    assert listed["tints"]["input_pixels"] == [8, 8]
    assert run_command(["models", "info", "tints"]) == 0
    assert "usable here: yes" in capsys.readouterr().out
    assert run_command(["evaluate", str(colours), "-m", "tints", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["top1"] >= 0.95  # one of thirty may fall to none
    assert run_command(["labels", "-m", "tints"]) == 0
    assert "green" in capsys.readouterr().out
    assert run_command(["benchmark", "-m", "tints", "--seconds", "1", "--json"]) == 0
    assert "tints" in capsys.readouterr().out
    (tmp_path / "config.yaml").write_text("model: {name: tints}\nevents: {thresholds: {red: 0.5}}\n")
    assert run_command(["check"]) == 0


def test_the_report_is_a_document_too(capsys: pytest.CaptureFixture[str], colours: Path) -> None:
    (colours / "blue/wrong.png").write_bytes(
        (write_class(colours.parent / "more", "red", 1, seed=9) / "0.png").read_bytes()
    )
    code, out, _ = learn(capsys, colours, "--name", "tints", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["pictures"] == {"blue": 11, "green": 10, "red": 10}
    assert told["accuracy"]["of"] == 31
    assert told["accuracy"]["low"] < told["accuracy"]["accuracy"] <= told["accuracy"]["high"]
    assert [one["picture"] for one in told["suspects"]] == ["wrong.png"]
    assert told["threshold"]["precision"] >= 0.95
    assert told["accuracy_with_half"] is not None


def test_a_class_is_added_and_removed(capsys: pytest.CaptureFixture[str], colours: Path, tmp_path: Path) -> None:
    assert learn(capsys, colours, "--name", "tints", "--head", "imprinting")[0] == 0
    before = read_bundle(tmp_path / "models/tints")
    new = write_class(tmp_path / "new", "yellow", 5)
    code, _, err = learn(capsys, "add", "yellow", new)
    assert code == 0, err
    after = read_bundle(tmp_path / "models/tints")
    assert after.labels == ("blue", "green", "red", "yellow", "none")
    assert (after.head.weights[:3] == before.head.weights).all()
    assert max(found := scores(capsys, new / "0.png", "tints"), key=lambda label: found[label]) == "yellow"
    (tmp_path / "nothing").mkdir()
    assert "nothing: the folder has no pictures" in learn(capsys, "add", "yellow", "nothing")[2]
    assert "did you mean 'yellow'?" in learn(capsys, "remove", "yelow")[2]
    assert learn(capsys, "remove", "yellow", "-m", "tints")[0] == 0
    assert (read_bundle(tmp_path / "models/tints").head.weights == before.head.weights).all()


def test_a_worse_model_does_not_replace_a_better_one_unless_told(
    capsys: pytest.CaptureFixture[str], colours: Path, tmp_path: Path
) -> None:
    assert learn(capsys, colours, "--name", "tints")[0] == 0
    before = read_bundle(tmp_path / "models/tints").sha256
    for name, other in (("red", "green"), ("green", "blue"), ("blue", "red")):  # as many wrong ones as right ones
        for picture in write_class(tmp_path / "wrong" / name, other, 14, seed=5).iterdir():
            (colours / name / f"wrong-{picture.name}").write_bytes(picture.read_bytes())
    code, _, err = learn(capsys, colours, "--name", "tints")
    assert code == 1
    assert "it is kept; to replace it all the same: --force" in err
    assert read_bundle(tmp_path / "models/tints").sha256 == before
    assert learn(capsys, colours, "--name", "tints", "--force")[0] == 0
    assert read_bundle(tmp_path / "models/tints").sha256 != before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 1, "there is no such folder"),
        (["one-class"], 1, "one class only (red); two are needed"),
        (["empty"], 1, "has no pictures in folders"),
        (["one-class/red/0.png"], 1, "is no folder"),
        (["colours-of-things", "--name", "starter"], 2, "is the name of another model"),
        (["colours-of-things", "--name", EXTRACTOR], 2, "is the name of another model"),
        (["colours-of-things", "--name", "a b"], 2, "is no name for a model"),
        (["colours-of-things", "--name", "./one-class"], 2, "is there and no learned model"),
        (["colours-of-things", "--backbone", "nothing"], 78, "there is no model 'nothing'"),
        (["capitals"], 1, "differ in capitals only"),
        (["nothing-in-capitals"], 1, "classes 'none' and 'None' differ in capitals only"),
        (["remove", "red"], 2, "it is not clear which learned model is meant; make one"),
        (["add", "red", "x.png", "-m", "starter"], 2, "is no learned model"),
        (["capture", "a/b"], 2, "is no name for a folder"),
        (["capture", "cat", "--camera", "nowhere"], 2, "there is no camera 'nowhere'"),
    ],
)
def test_what_cannot_be_learned_is_told(
    capsys: pytest.CaptureFixture[str], colours: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    write_class(tmp_path / "one-class", "red", 3)
    (tmp_path / "empty/red").mkdir(parents=True)
    for name in ("None", "red"):
        write_class(tmp_path / "nothing-in-capitals", name, 2)
    for name in ("cat", "Cat"):
        write_class(tmp_path / "capitals", name, 2)
    found, _, err = learn(capsys, *arguments)
    assert message in err
    assert found == code


def test_the_same_again_changes_nothing(capsys: pytest.CaptureFixture[str], colours: Path, tmp_path: Path) -> None:
    arguments = (colours, "--name", "tints", "--backbone", "colours")
    assert learn(capsys, *arguments)[0] == 0
    index = tmp_path / "models/tints/bundle.json"
    before = index.stat().st_mtime_ns
    code, out, _ = learn(capsys, *arguments)
    assert (code, index.stat().st_mtime_ns) == (0, before)
    assert "Nothing has changed since" in out
    assert "blue" in out  # the report is there all the same
    code, out, _ = learn(capsys, *arguments, "--json")
    assert json.loads(out)["unchanged"] is True
    assert "Nothing has changed" not in learn(capsys, *arguments, "--precision", "0.9")[1]
    write_class(colours, "yellow", 10)
    code, out, _ = learn(capsys, *arguments)
    assert code == 0
    assert "Nothing has changed" not in out


def test_a_learned_model_and_a_pulled_one_never_share_a_name(
    capsys: pytest.CaptureFixture[str], colours: Path, tmp_path: Path
) -> None:
    assert learn(capsys, colours, "--name", "tints", "--backbone", "colours")[0] == 0
    other = write_backbone(tmp_path / "elsewhere", "other")
    sha256 = hashlib.sha256(other.read_bytes()).hexdigest()
    assert run_command(["models", "pull", str(other), "--sha256", sha256, "--name", "tints"]) == 2
    assert "tints: a learned model has that name" in capsys.readouterr().err
    (tmp_path / "models/tints").rename(tmp_path / f"models/{EXTRACTOR}")
    assert run_command(["models", "pull", EXTRACTOR, "--mirror", str(tmp_path)]) == 2
    assert "a learned model has that name" in capsys.readouterr().err
    assert learn(capsys, colours, "--name", "colours")[0] == 2
    (tmp_path / f"models/{EXTRACTOR}").rename(tmp_path / "models/colours")  # by hand
    assert run_command(["models", "list", "--json"]) == 0
    rows = [row for row in json.loads(capsys.readouterr().out)["models"] if row["name"] == "colours"]
    assert len(rows) == 2
    assert "hidden by the model file of the same name" in rows[1]["knows"]


def test_verify_looks_at_learned_models(capsys: pytest.CaptureFixture[str], colours: Path, tmp_path: Path) -> None:
    assert learn(capsys, colours, "--name", "tints", "--backbone", "colours")[0] == 0
    assert run_command(["models", "verify"]) == 0
    assert "ok     tints: learned" in capsys.readouterr().out
    next((tmp_path / "models/tints").glob("examples-*")).write_bytes(b"")
    assert run_command(["models", "verify"]) == 1
    assert "its examples are damaged" in capsys.readouterr().out
    (tmp_path / "models/colours.tflite").write_bytes(b"....TFL3 another one")
    assert run_command(["models", "verify"]) == 1
    assert "is not the one that it was learned with" in capsys.readouterr().out


@pytest.mark.timeout(300)
def test_ctrl_c_leaves_nothing_half_written_and_the_next_run_goes_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    for name in ("red", "green"):
        folder = tmp_path / "many" / name
        folder.mkdir(parents=True)
        for number in range(100):
            Image.new("RGB", (1200, 1200), (number, 255 - number, 99 if name == "red" else 20)).save(
                folder / f"{number}.png"
            )
    with Background(home, "learn", tmp_path / "many") as running:
        cache = home / ".cache/edgeclassify/features.sqlite"
        wait_until(lambda: cache.exists() and cache.stat().st_size > 50_000, 90)
        assert running.stop(signal.SIGINT) == 0
    models = home / ".local/share/edgeclassify/models"
    assert not models.exists() or not [path for path in models.iterdir() if is_bundle(path)]
    with Background(home, "learn", tmp_path / "many", name="again") as running:
        assert running.end(90) == 0
        assert "200 pictures of 2 classes" in running.said()
    assert is_bundle(models / "many")


def test_pictures_are_captured_from_a_camera_and_learned(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("red", "green"):
        write_class(tmp_path / "shown", name, 4, spread=60)
    for path in (tmp_path / "shown").rglob("*.png"):  # something sharp in each
        image = Image.open(path).convert("RGB").resize((64, 64))
        image.paste((255, 255, 255), (20, 20, 40, 40))
        image.save(path)
    (tmp_path / "config.yaml").write_text(
        "model: {name: starter}\n"
        "cameras:\n"
        "  a: {source: shown/red, picture_seconds: 0.1, frames_per_second: 30}\n"
        "  b: {source: shown/green, picture_seconds: 0.1, frames_per_second: 30}\n"
    )
    for name, camera in (("red", "a"), ("green", "b")):
        code, out, err = learn(capsys, "capture", name, "--camera", camera, "--count", 3, "--patience", 5)
        assert code == 0, err
        assert "3 of 3 picture(s) in pictures/" in out
    started_s = time.monotonic()
    code, _, err = learn(capsys, "capture", "red", "--camera", "a", "--count", 100, "--patience", 1)
    assert code == 1
    assert "showed nothing new for 1 s" in err
    assert time.monotonic() - started_s < 15
    code, out, err = learn(capsys, "pictures")
    assert code == 0, err
    assert "pictures of 2 classes" in out
    assert len(list((tmp_path / "pictures/red").iterdir())) <= 4  # nothing is taken again by the next run
