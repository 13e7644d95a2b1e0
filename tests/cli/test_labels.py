"""`edgeclassify labels`, as a user runs it."""

from pathlib import Path

import pytest

from edgeclassify.cli import run_command


@pytest.fixture(autouse=True)
def _default_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGECLASSIFY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home.yaml"
    path.write_text("events: {groups: home}\n")
    return path


def labels(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[list[str]], str]:
    """Exit code, the cells of each line but the titles, standard error."""
    code = run_command(["labels", *map(str, arguments)])
    said = capsys.readouterr()
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in said.out.splitlines()[1:]]
    return code, rows, said.err


def test_all_labels_are_shown_with_index_and_name_in_topics(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, err = labels(capsys)
    assert (code, err, len(rows)) == (0, "", 13)
    assert ["6", "van or bus", "van_or_bus"] in rows


def test_a_search_does_not_mind_upper_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert labels(capsys, "BUS")[1] == [["6", "van or bus", "van_or_bus"]]


def test_groups_are_searched_too(shared: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = shared / "models/mobilenet_v1_0.25_128_quant.tflite"
    code, rows, _ = labels(capsys, "squirrel", "-m", model, "-c", home)
    assert code == 0
    assert rows == [
        ["336", "fox squirrel, eastern fox squirrel, Sciurus niger", "squirrel", "squirrel"],
        ["383", "squirrel monkey, Saimiri sciureus", "monkey", "monkey"],
    ]
    assert len(labels(capsys, "dog", "-m", model, "-c", home)[1]) >= 118


def test_labels_of_equal_text_have_names_of_their_own(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = labels(capsys, "crane", "-m", shared / "models/mobilenet_v1_0.25_128_quant.tflite")[1]
    assert rows == [["135", "crane", "crane"], ["518", "crane", "crane_518"]]


def test_what_is_not_there_brings_suggestions(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, err = labels(capsys, "buterfly")
    assert (code, rows) == (1, [])
    assert err == "edgeclassify: no label or group of starter has 'buterfly' in it; did you mean 'butterfly'?\n"
    code, _, err = labels(capsys, "qqqq")
    assert code == 1
    assert "all: edgeclassify labels" in err


def test_groups_that_do_not_fit_are_said_and_the_labels_shown(
    tmp_path: Path, shared: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("events:\n  groups: {pet: [cat, wombat], thing: [car]}\n")
    code, rows, err = labels(capsys, "pet", "-c", wrong)
    assert (code, rows) == (0, [["0", "cat", "pet", "pet"]])
    assert "wrong.yaml:2: events.groups" in err
    assert "wombat" in err
    own = tmp_path / "own.txt"
    own.write_text("\n".join(f"thing {n}" for n in range(13)))
    home.write_text("model: {labels: own.txt}\nevents: {groups: home}\n")
    code, rows, err = labels(capsys, "thing 7", "-c", home)
    assert (code, rows) == (0, [["7", "thing 7", "thing_7"]])
    assert "preset 'home' has nothing for the labels of this model" in err


def test_a_model_that_is_not_here_ends_with_78(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, err = labels(capsys, "-m", "inception_v9")
    assert (code, rows) == (78, [])
    assert "edgeclassify models pull inception_v9" in err
