"""Labelled pictures: folders and CSVs as people and spreadsheets make them."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from edgeclassify.errors import InputError
from edgeclassify.tools.evaluate import open_labelled
from edgeclassify.tools.labelled_csv import LabelCsv
from edgeclassify.tools.labelled_folders import LabelFolders
from edgeclassify.tools.labelled_pictures import Survey, survey
from edgeclassify.tools.truths import OTHER, Truth, TruthTable, truths
from edgeclassify.vocabulary import Vocabulary

LABELS = ["background", "tabby, tabby cat", "tiger cat", "crane", "crane", "hotdog, hot dog", "7"]
VOCABULARY = Vocabulary(LABELS, {"cat": [1, 2]})


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)
    return path


def written(tmp_path: Path, content: str | bytes) -> LabelCsv:
    path = tmp_path / "pictures.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return LabelCsv(path)


def rows(tmp_path: Path, content: str | bytes) -> list[tuple[str, str]]:
    return [
        (str(picture.path.relative_to(tmp_path)), picture.label)
        for picture in written(tmp_path, content)
        if not picture.problem
    ]


@pytest.mark.parametrize(
    "content",
    [
        "a.jpg,cat\nb.jpg,tabby\n",
        "a.jpg,cat\r\nb.jpg,tabby",
        "a.jpg;cat\nb.jpg;tabby\n",
        "a.jpg\tcat\nb.jpg\ttabby\n",
        "file,label\na.jpg,cat\nb.jpg,tabby\n",
        "Label;File\ncat;a.jpg\ntabby;b.jpg\n",
        "id,image,split,class\n1,a.jpg,val,cat\n2,b.jpg,val,tabby\n",
        "\ufefffile;label\r\na.jpg;cat\r\nb.jpg;tabby\r\n",
        '"a.jpg","cat"\n"b.jpg","tabby"\n',
        "\n\n a.jpg , cat \n,\nb.jpg,tabby\n\n",
        "a.jpg,cat\nb.jpg,tabby\na.jpg,cat\n",
    ],
)
def test_every_usual_form_of_csv_is_read(content: str, tmp_path: Path) -> None:
    assert rows(tmp_path, content) == [("a.jpg", "cat"), ("b.jpg", "tabby")]


@pytest.mark.parametrize(
    "content",
    [
        'a.jpg,"tabby, tabby cat"\nb.jpg,x\n',
        "a.jpg,tabby, tabby cat\nb.jpg,x\n",
        "file,label\na.jpg,tabby, tabby cat\nb.jpg,x\n",
        "a.jpg;tabby, tabby cat\nb.jpg;x\n",
    ],
)
def test_a_label_may_hold_commas_with_quotes_or_without(content: str, tmp_path: Path) -> None:
    assert rows(tmp_path, content) == [("a.jpg", "tabby, tabby cat"), ("b.jpg", "x")]


def test_files_are_relative_to_the_csv_or_absolute(tmp_path: Path) -> None:
    pictures = list(written(tmp_path, "in/a.jpg,cat\n/x/b.jpg,cat\n"))
    assert [picture.path for picture in pictures] == [tmp_path / "in/a.jpg", Path("/x/b.jpg")]
    assert [picture.where for picture in pictures] == [f"{tmp_path}/pictures.csv:1", f"{tmp_path}/pictures.csv:2"]


def test_rows_that_are_there_twice_count_once_and_contradictions_are_named(tmp_path: Path) -> None:
    table = written(tmp_path, "a.jpg,cat\na.jpg,cat\n\na.jpg,crane\nb.jpg,cat\n")
    problems = [picture.problem for picture in table]
    assert problems == ["", f"{tmp_path}/pictures.csv:4: a.jpg has another label above; keep one of the rows", ""]
    assert table.notes() == [f"1 row(s) of {tmp_path}/pictures.csv are there twice and count once"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [("c.jpg,", "has no label"), (",cat", "has no file"), ("c.jpg", "has no label"), ("c\0.jpg,cat", "is not text")],
)
def test_a_row_that_says_too_little_is_a_problem_of_that_row(row: str, problem: str, tmp_path: Path) -> None:
    pictures = list(written(tmp_path, f"a.jpg,cat\nb.jpg,cat\n{row}\n"))
    assert [bool(picture.problem) for picture in pictures] == [False, False, True]
    assert f"pictures.csv:3: {problem}" in pictures[2].problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; write a line file,label"),
        (b"\n\r\n , \n", "is empty"),
        (b"a.jpg\nb.jpg\n", "has one column only"),
        ("a.jpg,Käfer\n".encode("latin-1"), "is not UTF-8; .*iconv"),
        ("a.jpg,cat\n".encode("utf-16"), "is not UTF-8"),
        (b'a.jpg,cat\nb.jpg,"cat', r"pictures.csv:2: unexpected end of data; is a quote not closed"),
        (b"a.jpg,cat\nb.jpg," + b"x" * 200_000, r"pictures.csv:2: field larger than field limit"),
    ],
)
def test_what_is_no_such_table_says_so(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        survey(written(tmp_path, content))


@example(b";")
@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        survey(LabelCsv(path))
    except InputError as error:
        assert str(path) in str(error)


def test_folders_are_labels_and_folders_in_them_belong_to_them(tmp_path: Path) -> None:
    for name in ("cat/b.png", "cat/a.png", "cat/more/c.png", "crane/.hidden.png", "crane/odd-name", ".git/x.png"):
        picture = save((tmp_path / name).with_suffix(".png"))
        picture.rename(tmp_path / name)
    (tmp_path / "cat/notes.txt").write_text("no picture")
    (tmp_path / "cat/damaged.jpg").write_text("no picture either, but its name says so")
    (tmp_path / "empty").mkdir()
    save(tmp_path / "outside.png")
    (tmp_path / "cat/loop").symlink_to(tmp_path)
    folders = LabelFolders(tmp_path)
    found = [(str(picture.path.relative_to(tmp_path)), picture.label) for picture in folders]
    assert found == [
        ("cat/a.png", "cat"),
        ("cat/b.png", "cat"),
        ("cat/damaged.jpg", "cat"),
        ("cat/more/c.png", "cat"),
        ("crane/odd-name", "crane"),
    ]
    assert folders.notes() == [
        f"1 picture(s) in {tmp_path} itself have no label and are left out",
        "no pictures in: empty",
    ]


def test_nothing_to_look_at_says_what_is_expected(tmp_path: Path) -> None:
    picture = save(tmp_path / "dir/x.png")
    for path, message in [
        (tmp_path / "none", "no such folder or CSV"),
        (tmp_path / "dir", "has no pictures in folders"),
        (picture, "is a picture; name a folder"),
        (Path("/dev/null"), "is no folder and no file"),
    ]:
        with pytest.raises(InputError, match=message):
            survey(open_labelled(path))


@pytest.mark.parametrize(
    ("name", "indexes", "answers"),
    [
        ("tabby", {1}, ["cat"]),
        ("TABBY, tabby cat", {1}, ["cat"]),
        ("cat", {1, 2}, ["cat"]),
        ("2", {2}, ["cat"]),
        ("hot_dog", {5}, ["hotdog, hot dog"]),
        ("crane", {3, 4}, ["crane", "crane"]),
        ("7", {6}, ["7"]),
        ("0", {0}, ["background"]),
    ],
)
def test_a_label_is_text_synonym_index_or_group(name: str, indexes: set[int], answers: list[str]) -> None:
    truth = TruthTable(VOCABULARY).find(name)
    assert truth is not None
    assert truth.indexes == indexes
    assert [VOCABULARY.answers[number].label for number in truth.answers] == answers


@pytest.mark.parametrize("name", ["owl", "8", "-1", "1.0", "", "9" * 5000, "²"])
def test_other_names_are_not_known(name: str) -> None:
    table = TruthTable(VOCABULARY)
    assert table.find(name) is None
    assert table.why_not(name)


def test_all_unknown_labels_are_named_unless_they_are_something_else() -> None:
    names = {"tabby": "t.csv:1", "tabyb": "t.csv:2", "99": "t.csv:3"} | {f"x{n}": f"t.csv:{n}" for n in range(50)}
    with pytest.raises(InputError) as error:
        truths(Survey(where=names), VOCABULARY, others=False, hint="; or so")
    lines = str(error.value).splitlines()
    assert lines[0] == "t.csv:2: the model has no label 'tabyb'; did you mean 'tabby'?"
    assert lines[1] == "t.csv:3: there is no label 99; the model has 0 to 6"
    assert lines[-2] == "and 32 more labels that the model does not have"
    assert lines[-1].endswith("with --others; or so")
    assert len(lines) == 22
    meaning = truths(Survey(where=names), VOCABULARY, others=True, hint="")
    assert meaning["tabyb"] == OTHER
    assert meaning["tabby"] == Truth(frozenset({1}), VOCABULARY.find("cat"))
