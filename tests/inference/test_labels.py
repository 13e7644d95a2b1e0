"""Label files in every usual form, and the 1000 / 1001 trap."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.errors import ModelError
from edgeclassify.inference.labels import find_labels, fit_labels, parse_labels
from tests.inference.tiny_models import classifier, with_zip

IMAGENET = [f"thing {n}" for n in range(1000)]


@pytest.mark.parametrize(
    "content",
    [
        b"cat\ndog\nowl\n",
        b"cat\ndog\nowl",
        b"cat\r\ndog\r\nowl\r\n",
        b"cat\rdog\rowl\r",
        b"\xef\xbb\xbfcat\ndog\nowl\n",
        b"  cat\t\n dog\nowl \n\n\n  \n",
        b"0 cat\n1 dog\n2 owl\n",
        b"0: cat\n1: dog\n2: owl\n",
        b"0:cat\n1:dog\n2:owl\n",
        b"0\tcat\n1\tdog\n2\towl\n",
        b"  0  cat\n  1  dog\n  2  owl\n",
        b"2 owl\n0 cat\n1 dog\n",
        b"c\0at\nd\x07og\nowl\n".replace(b"\x07", b"\0"),
    ],
)
def test_every_usual_form_is_read(content: bytes) -> None:
    assert parse_labels(content, "x.txt") == ("cat", "dog", "owl")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf\r\n", b"\0\n"])
def test_a_file_without_labels_is_an_error(content: bytes) -> None:
    with pytest.raises(ModelError, match="has no labels"):
        parse_labels(content, "x.txt")


@pytest.mark.parametrize(
    "content", ["cat\nkäfer\n".encode("latin-1"), "cat\nkäfer\n".encode("utf-16"), b"cat\n\x89PNG"]
)
def test_what_is_not_utf8_names_line_and_remedy(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"x.txt:[12]: is not UTF-8.*iconv"):
        parse_labels(content, "x.txt")


def test_gaps_keep_their_place() -> None:
    assert parse_labels(b"cat\n\nowl\n", "x.txt") == ("cat", "label_1", "owl")
    assert parse_labels(b"1 cat\n2 dog\n4 owl\n", "x.txt") == ("label_0", "cat", "dog", "label_3", "owl")


@pytest.mark.parametrize("lines", ["10 euro\n20 euro\n50 euro", "1 cat\n1 dog", "3 cats\nowl", "0\n1\n2"])
def test_labels_that_begin_with_numbers_are_not_numbered(lines: str) -> None:
    assert parse_labels(lines.encode(), "x.txt") == tuple(lines.split("\n"))


def test_labels_in_any_language_and_length_are_kept() -> None:
    labels = ("a/b", "#", "+", "🦊 fox", "兔子", "x" * 1000, "crane", "crane", "rail, train")
    assert parse_labels("\n".join(labels).encode(), "x.txt") == labels


@given(st.binary(max_size=300))
def test_any_bytes_are_labels_or_an_error(content: bytes) -> None:
    try:
        labels = parse_labels(content, "x.txt")
    except ModelError:
        return
    assert labels
    assert all((label == label.strip() and label and label.isprintable()) or not label.isascii() for label in labels)


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1), min_size=1))
def test_numbers_in_front_change_nothing(texts: list[str]) -> None:
    labels = [text.strip() or "x" for text in texts]
    numbered = "\n".join(f"{n}: {label}" for n, label in enumerate(labels))
    assert parse_labels(numbered.encode(), "x.txt") == tuple(labels)


def test_1000_labels_get_background_in_front_of_1001_outputs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert fit_labels(IMAGENET, 1001, "m", "x.txt") == ("background", *IMAGENET)
    assert "background is put in front" in caplog.text


def test_1001_labels_lose_background_for_1000_outputs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert fit_labels(["Background", *IMAGENET], 1000, "m", "x.txt") == tuple(IMAGENET)
    assert "background is left out" in caplog.text


@pytest.mark.parametrize(
    ("labels", "outputs"),
    [
        (["background", *IMAGENET[1:]], 1001),  # 1000 that have a background already
        ([*IMAGENET, "one more"], 1000),
        (IMAGENET[:964], 965),
        (IMAGENET[:1], 2),
        (IMAGENET, 999),
    ],
)
def test_other_counts_are_an_error_that_names_both(labels: list[str], outputs: int) -> None:
    with pytest.raises(ModelError, match=rf"m has {outputs} outputs, but x.txt has {len(labels)} labels"):
        fit_labels(labels, outputs, "m", "x.txt")


def test_named_labels_win_over_those_inside_and_these_over_a_file_beside(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    plain = classifier(3)
    packed = with_zip(plain, {"notes.txt": b"notes", "labels.txt": b"inside\n"})
    (tmp_path / "named.txt").write_text("named\n")
    (tmp_path / "m.txt").write_text("beside\n")
    assert find_labels("named.txt", tmp_path, model, packed)[0] == ("named",)
    assert find_labels("", tmp_path, model, packed) == (("inside",), "labels.txt inside m.tflite")
    assert find_labels("", tmp_path, model, plain)[0] == ("beside",)
    assert find_labels("", tmp_path, tmp_path / "m_edgetpu.tflite", plain)[0] == ("beside",)


def test_no_labels_at_all_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no labels inside and no m.txt beside it; set model.labels"):
        find_labels("", tmp_path, tmp_path / "m.tflite", classifier(3))


@pytest.mark.parametrize(
    ("name", "message"), [("none.txt", "no such label file"), (".", "is a folder"), ("a\0b", "read")]
)
def test_a_label_file_that_cannot_be_read_is_named(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        find_labels(name, tmp_path, tmp_path / "m.tflite", b"")


def test_a_huge_file_is_no_label_file(tmp_path: Path) -> None:
    with (tmp_path / "x.txt").open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(ModelError, match="larger than 10 MB"):
        find_labels("x.txt", tmp_path, tmp_path / "m.tflite", b"")


def test_damaged_labels_inside_are_an_error(tmp_path: Path) -> None:
    packed = bytearray(with_zip(classifier(3), {"labels.txt": b"inside\n"}))
    packed[packed.index(b"inside")] ^= 1
    with pytest.raises(ModelError, match=r"labels inside it are damaged.*CRC"):
        find_labels("", tmp_path, tmp_path / "m.tflite", bytes(packed))
