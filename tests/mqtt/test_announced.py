"""What is remembered of what lies on the broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeclassify.mqtt.announced import Announced, read_announced, retractions, write_announced
from edgeclassify.mqtt.discovery import Device

PORCH = Device("homeassistant/device/porch/config", {"device": {}}, {"label": {"platform": "sensor", "name": "Label"}})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    announced = Announced.of([PORCH], {"edgeclassify/hut/status"})
    write_announced(tmp_path, announced)
    assert read_announced(tmp_path) == announced
    assert [path.name for path in tmp_path.iterdir()] == ["announced.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"devices": {}}', b'{"devices": [], "states": []}',
        b'{"devices": {}, "states": [1]}', b'{"devices": {"a": 1}, "states": []}',
        b'{"devices": {"a/#": {}}, "states": []}',
        b'{"devices": {}, "states": [""]}', b'{"devices": {"a": {"b": 2}}, "states": []}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_file_is_said_and_holds_nothing(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "announced.json").write_bytes(content)
    assert read_announced(tmp_path) == Announced()
    assert "announced.json: not used" in caplog.text
    write_announced(tmp_path, Announced())
    assert read_announced(tmp_path) == Announced()


def test_a_missing_file_is_the_first_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_announced(tmp_path) == Announced()
    assert not caplog.text


def test_what_is_no_more_is_retracted() -> None:
    before = Announced({PORCH.topic: {"label": "sensor", "present_cat": "binary_sensor"}, "ha/device/old/config": {}})
    cleared, shrunk = retractions(before, [PORCH])
    assert (cleared.topic, cleared.payload, cleared.retain) == ("ha/device/old/config", b"", True)
    assert json.loads(shrunk.payload)["components"]["present_cat"] == {"platform": "binary_sensor"}
    assert retractions(Announced.of([PORCH], ()), [PORCH]) == []


def test_while_one_takes_the_place_of_another_both_are_known() -> None:
    one, other = Announced({"a": {"x": "sensor"}}, frozenset("s")), Announced({"a": {"y": "event"}}, frozenset("t"))
    both = one.together(other)
    assert both == Announced({"a": {"x": "sensor", "y": "event"}}, frozenset("st"))
    assert both.without_devices_of(other) == Announced({"a": {"y": "event"}}, frozenset("st"))
