"""Pictures to examples: each is looked at once, and what contradicts itself is left out and told."""

import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import InputError
from edgeclassify.tools.labelled_folders import LabelFolders
from edgeclassify.tools.learn.cache import cache_file, open_cache
from edgeclassify.tools.learn.collecting import Collected, class_name, collect
from edgeclassify.tools.learn.learning import open_eye
from tests.learned import write_backbone, write_class


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def collected(folder: Path, pictures: Path) -> Collected:
    path = write_backbone(folder)
    with open_eye(str(path), folder, ModelConfig(accelerator="cpu")) as eye, open_cache(eye.backbone.sha256) as cache:
        return collect(LabelFolders(pictures), eye.classifier, cache, lambda: None, lambda _: None)


def test_a_second_look_comes_from_the_cache_and_says_the_same(tmp_path: Path) -> None:
    for name in ("red", "green"):
        write_class(tmp_path / "pictures", name, 4)
    first, second = (collected(tmp_path, tmp_path / "pictures") for _ in range(2))
    assert (first.from_cache, second.from_cache) == (0, 8)
    assert first.features == second.features


@pytest.mark.parametrize("damage", [b"", b"no database at all, but long enough to be taken for one" * 40])
def test_a_damaged_cache_does_not_matter(tmp_path: Path, damage: bytes) -> None:
    write_class(tmp_path / "pictures", "red", 3)
    file = tmp_path / "cache/edgeclassify/features.sqlite"
    file.parent.mkdir(parents=True)
    file.write_bytes(damage)
    assert len(collected(tmp_path, tmp_path / "pictures").labels) == 3


def test_a_cache_that_cannot_be_made_does_not_matter(tmp_path: Path) -> None:
    write_class(tmp_path / "pictures", "red", 3)
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert len(collected(tmp_path, tmp_path / "pictures").labels) == 3


def test_a_picture_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    folder = write_class(tmp_path / "pictures", "red", 3)
    Image.open(folder / "0.png").save(folder / "again.bmp")  # another file, the same picture
    found = collected(tmp_path, tmp_path / "pictures")
    assert (len(found.labels), found.duplicates, found.problems) == (3, 1, [])


def test_the_same_picture_in_two_classes_is_learned_from_in_neither(tmp_path: Path) -> None:
    red, green = (write_class(tmp_path / "pictures", name, 3) for name in ("red", "green"))
    (green / "9.png").write_bytes((red / "0.png").read_bytes())
    found = collected(tmp_path, tmp_path / "pictures")
    assert found.examples().counts == [3, 2]
    assert len(found.problems) == 1
    assert "red/0.png" in found.problems[0]
    assert "green/9.png" in found.problems[0]


def test_what_is_no_picture_is_told_and_left_out(tmp_path: Path) -> None:
    folder = write_class(tmp_path / "pictures", "red", 3)
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    found = collected(tmp_path, tmp_path / "pictures")
    assert len(found.labels) == 3
    assert [("text.jpg" in p, "empty.png" in p) for p in sorted(found.problems)] == [(False, True), (True, False)]


def test_no_picture_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pictures/red").mkdir(parents=True)
    (tmp_path / "pictures/red/0.jpg").write_text("no picture")
    with pytest.raises(InputError, match="none of the pictures"):
        collected(tmp_path, tmp_path / "pictures").examples()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0", "bell\a", "\udcff", "x" * 101, "line\u2028end"])
def test_odd_names_of_classes_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="rename it"):
        class_name(name)


@pytest.mark.parametrize("name", ["our cat", "兔子", "Tür, offen", "10 euro", "c++", "😀", "'; drop table"])
def test_names_of_every_language_are_kept(name: str) -> None:
    assert class_name(f" {name} ") == name


def test_a_file_that_is_as_it_was_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_class(tmp_path, "red", 1) / "0.png"
    with open_cache("x") as cache:
        right = cache.sha256_of(path)
    with sqlite3.connect(cache_file()) as database:
        assert not database.execute("SELECT * FROM files").fetchall()  # it may change again without a newer time
    monkeypatch.setattr("edgeclassify.tools.learn.cache._SETTLED_NS", -1)
    with open_cache("x") as cache:
        assert cache.sha256_of(path) == right
    with sqlite3.connect(cache_file()) as database:
        database.execute("UPDATE files SET sha256 = 'as remembered'")
    database.close()
    with open_cache("x") as cache:
        assert cache.sha256_of(path) == "as remembered"
        path.write_bytes(path.read_bytes())
        assert cache.sha256_of(path) == right
