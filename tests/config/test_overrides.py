"""What was set over MQTT: kept whole, held over the file, and a damaged file never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.config.document import Place
from edgeclassify.config.overrides import (
    FILE_NAME,
    CameraOverrides,
    KeptOverrides,
    Overrides,
    alone,
    overridden,
    read_overrides,
    write_overrides,
)
from edgeclassify.config.reader import ConfigFile, load_config
from edgeclassify.errors import ConfigError

CONFIG = """\
cameras:
  porch:
    events: {thresholds: {"*": 0.7, cat: 0.4}}
  yard:
    enabled: false
"""


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return load_config(path)


def test_what_was_set_holds_over_the_file_and_a_labels_own_line_over_that(file: ConfigFile) -> None:
    overrides = Overrides().changed("porch", threshold=0.5).changed("yard", enabled=True, threshold=0.9)
    config = overridden(file, overrides).config
    assert config.threshold_of_others("porch") == 0.5
    assert config.cameras["porch"].events.thresholds["cat"] == 0.4
    assert (config.cameras["yard"].enabled, config.threshold_of_others("yard")) == (True, 0.9)
    assert file.config.threshold_of_others("porch") == 0.7, "the file as it was read stays as it is"


def test_of_what_was_set_no_line_of_the_file_is_told(file: ConfigFile) -> None:
    path = ("cameras", "porch", "events", "thresholds", "*")
    held = overridden(file, Overrides().changed("porch", threshold=0.5))
    assert (file.place(path), held.place(path)) == (Place(file.path, 3, "0.7"), None)
    assert held.overridden == {path}


def test_cameras_that_the_file_does_not_have_change_nothing_and_are_kept(file: ConfigFile) -> None:
    overrides = Overrides().changed("gone", enabled=False)
    assert overridden(file, overrides).config == file.config
    assert overrides.without(["porch"]).cameras == {"gone": CameraOverrides(enabled=False)}


@given(
    st.dictionaries(
        st.from_regex(r"\A[a-z0-9_-]{1,64}\Z"),
        st.builds(CameraOverrides, threshold=st.none() | st.floats(0.01, 1), enabled=st.none() | st.booleans()),
        max_size=5,
    )
)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, cameras) -> None:
    folder = tmp_path_factory.mktemp("state")
    write_overrides(folder, Overrides(cameras=cameras))
    assert read_overrides(folder) == Overrides(cameras=cameras)
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]


DAMAGED = [
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"cameras": {"porch": {"threshold": 0}}}',
    b'{"cameras": {"porch": {"threshold": "0.5"}}}',
    b'{"cameras": {"porch": {"threshold": NaN}}}',
    b'{"cameras": {"P/": {}}}',
    b'{"cameras": {"porch": {"volume": 3}}}',
    b'{"cameras": ' + b"[" * 100_000,
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_said_set_aside_and_not_in_the_way(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged; clear it: edgeclassify overrides clear"):
        read_overrides(tmp_path)
    kept = KeptOverrides(tmp_path)
    assert kept.now == Overrides()
    assert "going on as config.yaml says" in caplog.text
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith("overrides.corrupt-")
    assert aside.read_bytes() == content
    assert kept.change("porch", threshold=0.5) is None
    assert read_overrides(tmp_path).cameras["porch"].threshold == 0.5


def test_what_cannot_be_written_holds_until_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "state"
    kept = KeptOverrides(folder)  # a folder that is not there cannot be written by root either
    lost = kept.change("porch", enabled=False)
    assert isinstance(lost, OSError)
    assert "holds until a restart" in caplog.text
    kept.read()
    assert kept.now.cameras["porch"].enabled is False
    folder.mkdir()
    assert kept.change("yard", threshold=0.5) is None
    assert kept.now.cameras["porch"].enabled is False
    assert read_overrides(folder) == kept.now


def test_what_was_cleared_meanwhile_does_not_come_back_with_the_next_change(tmp_path: Path) -> None:
    kept = KeptOverrides(tmp_path)
    kept.change("porch", threshold=0.5)
    (tmp_path / FILE_NAME).unlink()
    assert kept.change("yard", enabled=False) is None
    assert kept.now == read_overrides(tmp_path) == Overrides().changed("yard", enabled=False)


def test_what_could_not_be_written_is_cleared_with_the_file(tmp_path: Path) -> None:
    kept = KeptOverrides(tmp_path)
    kept.change("porch", threshold=0.5)
    (tmp_path / f"{FILE_NAME}.new").mkdir()  # like a full disk: nothing can be written
    assert kept.change("yard", enabled=False) is not None
    kept.read()
    assert set(kept.now.cameras) == {"porch", "yard"}
    (tmp_path / FILE_NAME).unlink()
    kept.read()
    assert kept.now == Overrides()


def test_two_processes_that_change_it_lose_nothing_of_each_other(tmp_path: Path) -> None:
    change = (
        "import sys, pathlib; from edgeclassify.config.overrides import KeptOverrides\n"
        "kept = KeptOverrides(pathlib.Path(sys.argv[1]))\n"
        "for number in range(40): kept.change(f'{sys.argv[2]}-{number}', threshold=0.5)"
    )
    others = [subprocess.Popen([sys.executable, "-c", change, tmp_path, name]) for name in ("one", "two")]
    assert [other.wait(60) for other in others] == [0, 0]
    assert len(read_overrides(tmp_path).cameras) == 80


def test_a_process_that_keeps_the_folder_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeclassify.config.overrides._OTHERS_S", 0.1)
    with alone(tmp_path):
        lost = KeptOverrides(tmp_path).change("porch", enabled=False)
    assert lost is not None
    assert "does not finish" in str(lost)


def test_what_root_writes_can_be_read_by_the_daemon_and_follows_no_link(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / f"{FILE_NAME}.new").symlink_to(other)
    before = os.umask(0o077)
    try:
        write_overrides(tmp_path, Overrides().changed("porch", threshold=0.5))
    finally:
        os.umask(before)
    assert other.read_text() == "mine"
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o644


def test_a_file_that_is_damaged_while_the_daemon_runs_takes_nothing_from_it(tmp_path: Path) -> None:
    kept = KeptOverrides(tmp_path)
    kept.change("porch", threshold=0.5)
    (tmp_path / FILE_NAME).write_text("{")
    kept.read()
    kept.read()
    assert kept.change("yard", enabled=False) is None
    assert set(read_overrides(tmp_path).cameras) == {"porch", "yard"}
