"""`edgeclassify evaluate`, as a user runs it."""

import builtins
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from edgeclassify import resources
from edgeclassify.cli import run_command

MODEL = "models/mobilenet_v2_1.0_224_quant.tflite"
OF_EACH = 6
CLASSES = {  # the first ones in the archive
    "n01443537": "goldfish",
    "n01629819": "European fire salamander",
    "n01641577": "bullfrog",
    "n01644900": "tailed frog",
    "n01698640": "American alligator",
    "n01742172": "boa constrictor",
    "n01768244": "trilobite",
    "n01770393": "scorpion",
    "n01774384": "black widow",
    "n01774750": "tarantula",
    "n01784675": "centipede",
    "n01855672": "goose",
    "n01882714": "koala",
    "n01910747": "jellyfish",
}


@pytest.fixture(autouse=True)
def _default_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGECLASSIFY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def photographs(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small pictures of ImageNet's classes in folders of their names, and the few large ones there are."""
    root = tmp_path_factory.mktemp("photographs")
    taken = dict.fromkeys(CLASSES, 0)
    with tarfile.open(shared / "tiny-imagenet.tar.gz") as archive:
        for member in archive:
            wnid, name = member.name.split("/")[1:]
            if wnid not in taken:
                break
            file = archive.extractfile(member)
            if taken[wnid] < OF_EACH and file is not None:
                taken[wnid] += 1
                (root / CLASSES[wnid]).mkdir(exist_ok=True)
                (root / CLASSES[wnid] / name).write_bytes(file.read())
    for picture, label in {"cat.bmp": "Egyptian cat", "parrot.jpg": "macaw", "sunflower.bmp": "daisy"}.items():
        (root / label).mkdir()
        (root / label / picture).write_bytes((shared / "images" / picture).read_bytes())
    return root


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run_command(["evaluate", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def document(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code, out, err = evaluate(capsys, *arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def bare_ranks(model: Path, pictures: Iterator[Path]) -> dict[Path, list[int]]:
    """The labels of each picture by the bare interpreter, best first, of its middle as Pillow cuts it."""
    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, _ = given["shape"]
    ranks = {}
    for picture in pictures:
        with Image.open(picture) as image:
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            middle = image.convert("RGB").crop((left, top, left + side, top + side))
        pixels = np.asarray(middle.resize((width, height), Image.Resampling.BILINEAR))
        interpreter.set_tensor(given["index"], pixels[np.newaxis])
        interpreter.invoke()
        scores = interpreter.get_tensor(answer["index"])[0].astype(int)
        ranks[picture] = np.argsort(-scores, kind="stable").tolist()
    return ranks


def test_the_accuracy_is_the_bare_interpreters_to_the_picture(
    shared: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = (shared / "models/imagenet_labels.txt").read_text().splitlines()
    of_name = {name: index for index, label in enumerate(labels) for name in [label, *label.split(", ")]}
    ranks = bare_ranks(
        shared / MODEL, (picture for folder in sorted(photographs.iterdir()) for picture in folder.iterdir())
    )
    assert len(ranks) > 70
    truth = {picture: of_name[picture.parent.name] for picture in ranks}
    top1 = sum(order[0] == truth[picture] for picture, order in ranks.items())
    top5 = sum(truth[picture] in order[:5] for picture, order in ranks.items())
    assert 3 < top1 < top5 < len(ranks)

    found = document(capsys, photographs, "-m", shared / MODEL)
    assert found["images"] == len(ranks)
    assert (found["top1"], found["top5"]) == pytest.approx((top1 / len(ranks), top5 / len(ranks)), abs=1e-8)
    mistakes = {(pair["label"], pair["answer"]): pair["images"] for pair in found["confusions"]}
    expected: dict[tuple[str, str], int] = {}
    for picture, order in ranks.items():
        if order[0] != truth[picture]:
            pair = labels[truth[picture]], labels[order[0]]
            expected[pair] = expected.get(pair, 0) + 1
    assert mistakes == expected

    # The same as a CSV, by index; then with groups.
    table = tmp_path / "pictures.csv"
    table.write_text("".join(f"{picture};{index}\n" for picture, index in truth.items()))
    again = document(capsys, table, "-m", shared / MODEL)
    assert [again[key] for key in ("images", "top1", "top5", "confusions")] == [
        found[key] for key in ("images", "top1", "top5", "confusions")
    ]
    grouped = document(capsys, table, "-m", shared / MODEL, "--groups", "home")
    assert grouped["top1"] == found["top1"]
    assert grouped["best_answer"] > found["top1"]
    assert grouped["decisions"]["right"] > found["decisions"]["right"]
    assert (grouped["groups"], found["groups"]) == ("home", "")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder of the starter's labels and one more."""
    root = tmp_path / "photos"
    for number, name in enumerate(["cat", "cat", "dog", "background", "moose"]):
        (root / name).mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(noise).save(root / name / f"{number}.png")
    return root


def test_labels_that_the_model_does_not_have_are_an_error_or_something_else(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = evaluate(capsys, folders)
    assert (code, out) == (1, "")
    assert f"edgeclassify: {folders}/moose: the model has no label 'moose'" in err
    assert "--others" in err
    found = document(capsys, folders, "--others")
    assert (found["images"], found["others"], found["other_labels"]) == (4, 1, ["moose"])
    assert found["decisions"]["expected"] == 3  # background is not to be answered
    unanswered = found["decisions"]["unanswered"]
    assert found["decisions"]["answered"] + sum(unanswered.values()) == 5
    assert [row["label"] for row in found["labels"]] == ["cat", "dog", "background"]
    assert [row["threshold"] for row in found["thresholds"]][:3] == [0.05, 0.1, 0.15]


def test_groups_that_would_know_the_labels_are_named(
    shared: Path, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = evaluate(capsys, folders, "-m", shared / MODEL)
    assert code == 1
    assert "--groups home has cat, dog" in err


def test_the_configurations_groups_and_thresholds_hold(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configuration = tmp_path / "own.yaml"
    configuration.write_text("events: {groups: {pet: [cat, dog]}, thresholds: {'*': 0.01, pet: 1.0}, margin: 0}\n")
    (folders / "dog").rename(folders / "pet")
    found = document(capsys, folders, "-c", configuration, "--others")
    assert found["groups"] == "configuration"
    assert [row["label"] for row in found["labels"]] == ["background", "pet"]
    assert found["decisions"]["margin"] == 0
    assert found["decisions"]["right"] == 0
    assert (
        evaluate(capsys, folders, "-c", configuration, "--others", "--groups", "none")[0] == 78
    )  # pet has a threshold


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("events: {groups: garden}\n", "own.yaml:1: events.groups: there is no preset 'garden'"),
        ("events: {thresholds: {wombat: 0.5}}\n", "own.yaml:1: events.thresholds: the model has no label 'wombat'"),
    ],
)
def test_a_configuration_that_does_not_fit_the_model_names_its_line(
    content: str, message: str, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.yaml").write_text(content)
    code, _, err = evaluate(capsys, folders, "-c", "own.yaml", "--others")
    assert code == 78
    assert message in err


def test_pictures_that_cannot_be_read_are_listed_and_counted(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (folders / "dog/2.png").read_bytes()
    (folders / "dog/torn.png").write_bytes(whole[:60])
    (folders / "cat/none.jpg").write_bytes(b"")
    code, out, err = evaluate(capsys, folders, "--others", "--json")
    assert code == 1
    found = json.loads(out)
    assert (found["images"], found["unreadable"]) == (4, 2)
    assert [Path(entry["image"]).name for entry in found["unreadable_images"]] == ["none.jpg", "torn.png"]
    assert f"edgeclassify: {folders}/dog/torn.png: a damaged picture" in err
    assert "2 picture(s) could not be read" in err


def test_a_picture_of_a_hundred_megapixels_is_one_like_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos/cat").mkdir(parents=True)
    Image.new("L", (10_000, 10_000)).save(tmp_path / "photos/cat/large.jpg")
    assert document(capsys, "photos")["images"] == 1


@pytest.fixture
def _nobody() -> Iterator[None]:
    """Not root, who may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_folder_that_may_not_be_read_is_listed(
    folders: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    for folder in (folders, *folders.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path(folder.anchor):
            folder.chmod(folder.stat().st_mode | 0o055)
    evaluate(capsys, folders, "--others", "--json")  # this Python may be one that nobody else can import from
    (folders / "dog").chmod(0)
    request.getfixturevalue("_nobody")
    code, out, err = evaluate(capsys, folders, "--others", "--json")
    assert code == 1
    assert json.loads(out)["unreadable"] == 1
    assert f"{folders}/dog: the folder cannot be read (Permission denied)" in err


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text("a.jpg,cat\nb.jpg,dog\n")
    code, out, err = evaluate(capsys, "t.csv")
    assert (code, out) == (1, "")
    assert "edgeclassify: t.csv: none of 2 picture(s) could be read" in err


def test_people_get_tables(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = evaluate(capsys, folders, "--others", "--top", 2)
    assert (code, err) == (0, "")
    for text in ("starter on the CPU: 4 pictures of 3 labels", "top-1  ", "threshold  answered", "(the 2 worst of 3)"):
        assert text in out


@pytest.mark.parametrize("name", ["plot.png", "plot.svg"])
def test_a_plot_is_a_picture(name: str, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folders / "bird").mkdir()
    (folders / "cat/0.png").rename(folders / "bird/0.png")
    labels = (resources.models() / "starter.txt").read_text().replace("bird", "鳥 $x^ bird, bird")
    (tmp_path / "own.txt").write_text(labels)
    code, _, _ = evaluate(capsys, folders, "--others", "--plot", name, "--labels", "own.txt")
    assert code == 0
    if name.endswith(".png"):
        with Image.open(name) as image:
            assert image.width > 800
            assert len(set(image.convert("L").resize((64, 64)).tobytes())) > 10
    else:
        assert "<svg" in Path(name).read_text()


@pytest.mark.parametrize(
    ("plot", "code", "message"),
    [("plot.txt", 2, "end it with .png"), ("none/plot.png", 1, "no such folder")],
)
def test_a_plot_that_cannot_be_saved_is_said_before_the_work(
    plot: str, code: int, message: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = evaluate(capsys, folders, "--others", "--plot", plot)
    assert (found, out) == (code, "")
    assert message in err


def test_without_matplotlib_a_plot_says_what_to_install(
    folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeclassify.tools.plots.find_spec", lambda _: None)
    code, _, err = evaluate(capsys, folders, "--plot", "plot.png")
    assert code == 69
    assert "pip install 'edgeclassify[plot]'" in err


def test_matplotlib_is_not_needed_without_a_plot(
    folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        assert not name.startswith("matplotlib")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert evaluate(capsys, folders, "--others")[0] == 0
