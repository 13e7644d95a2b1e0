"""What answers change: only what differs is written, nothing is lost, and a fragment that wins is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edgeclassify.config.reader import load_config
from edgeclassify.errors import ConfigError
from edgeclassify.tools.setup.draft import Answers, Draft, draft
from edgeclassify.tools.setup.target import read_existing

ANSWERS: Answers = {
    ("node",): "porch",
    ("model", "name"): "starter",
    ("cameras", "porch", "source"): "rtsp://ann:s3cret@h/1",
    ("mqtt", "host"): "nas",
    ("mqtt", "port"): 1883,
    ("mqtt", "tls", "enabled"): False,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def drafted(path: Path, answers: Answers = ANSWERS) -> Draft:
    return draft(read_existing(path), answers, "a header")


def test_only_what_differs_from_the_default_is_written(path: Path) -> None:
    assert yaml.safe_load(drafted(path).text) == {
        "node": "porch",
        "cameras": {"porch": {"source": "rtsp://ann:s3cret@h/1"}},
        "mqtt": {"host": "nas"},
    }


def test_a_camera_with_the_usual_source_is_written_all_the_same(path: Path) -> None:
    assert yaml.safe_load(drafted(path, {("cameras", "porch", "source"): "auto"}).text) == {
        "cameras": {"porch": {"source": "auto"}}
    }


def test_all_that_was_there_stays(path: Path) -> None:
    path.write_text(
        "node: old\ncameras: {porch: {source: test, rotate: 90}, yard: {}}\n"
        "events: {thresholds: {3: 0.4, cat: 0.5}}\nmqtt:\n"
    )
    data = yaml.safe_load(drafted(path).text)
    assert data["cameras"] == {"porch": {"source": "rtsp://ann:s3cret@h/1", "rotate": 90}, "yard": {}}
    assert (data["events"], data["mqtt"]) == ({"thresholds": {3: 0.4, "cat": 0.5}}, {"host": "nas"})


def test_changes_are_told_without_passwords(path: Path) -> None:
    path.write_text("mqtt: {host: old, username: ann}\ncameras: {porch: {source: 'rtsp://u:g3heim@h/1'}}\n")
    told = [str(change) for change in drafted(path, {**ANSWERS, ("mqtt", "username"): ""}).changes]
    assert told == [
        "node: nothing -> porch",
        "cameras.porch.source: rtsp://u:***@h/1 -> rtsp://ann:***@h/1",
        "mqtt.host: old -> nas",
        "mqtt.username: ann -> nothing",
    ]


def test_the_same_answers_again_change_nothing(path: Path) -> None:
    path.write_text(drafted(path).text)
    assert drafted(path).changes == ()


def test_what_a_fragment_says_already_is_not_written_again(path: Path, tmp_path: Path) -> None:
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/10-site.yaml").write_text("mqtt: {host: nas}\n")
    assert "mqtt" not in yaml.safe_load(drafted(path).text)


def test_a_fragment_that_would_win_is_an_error_that_names_its_line(path: Path, tmp_path: Path) -> None:
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/10-site.yaml").write_text("mqtt:\n  host: other\n")
    with pytest.raises(ConfigError) as caught:
        drafted(path)
    assert str(caught.value) == (
        f"{tmp_path}/config.d/10-site.yaml:2: mqtt.host: is other here, which wins over config.yaml; "
        "change it here to nas, or answer as it is"
    )


def test_a_broken_file_is_replaced_and_a_broken_fragment_is_not(path: Path, tmp_path: Path) -> None:
    path.write_text("mqtt: {hots: nas, username: ann}\n")
    existing = read_existing(path)
    assert "unknown key; did you mean 'host'?" in existing.mistakes[0]
    assert "username" not in draft(existing, ANSWERS, "").text
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/10-site.yaml").write_text("nude: x\n")
    with pytest.raises(ConfigError, match=r"config\.d/10-site\.yaml:1: nude"):
        read_existing(path)


def test_a_file_and_its_fragments_hold_as_the_draft_says(path: Path, tmp_path: Path) -> None:
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/10-site.yaml").write_text("events: {groups: home}\n")
    result = drafted(path)
    path.write_text(result.text)
    assert load_config(path).config == result.file.config
