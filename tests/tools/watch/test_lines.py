"""The lines that `watch` and `demo` show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgeclassify.tools.watch.heard import Heard
from edgeclassify.tools.watch.lines import Lines, RawLines

APPEARED = {
    "event_type": "appeared", "time": "2026-11-23T09:00:00.120Z", "label": "tabby, tabby cat, a very long label",
    "score": 0.871, "reason": "0.87 >= 0.60 for 0.6 s, margin 0.79", "late": False,
}  # fmt: skip
GONE = APPEARED | {"event_type": "gone", "duration_seconds": 12.4, "reason": "below 0.50 for 5.0 s"}


def verdict(source: str = "", outcome: str = "below_threshold", label: str = "cat") -> dict[str, Any]:
    return {
        "time": "2026-11-23T09:00:00.120Z", "source": source, "label": label, "outcome": outcome,
        "why": f"{label} {outcome}",
    }  # fmt: skip


class Shown:
    """Lines and what they show."""

    def __init__(self, **options: bool) -> None:
        self.lines: list[str] = []
        self.display = Lines(self.lines.append, **options)

    def event(self, camera: str, message: dict[str, Any]) -> str | None:
        return self._show(Heard("hut", camera, "event", b"", message))

    def verdict(self, camera: str, message: dict[str, Any]) -> str | None:
        return self._show(Heard("hut", camera, "why", b"", message))

    def status(self, camera: str, status: str) -> str | None:
        return self._show(Heard("hut", camera, "status", status.encode()))

    def _show(self, heard: Heard) -> str | None:
        """The line, without its time, which depends on where this machine is."""
        before = len(self.lines)
        self.display.show(heard)
        assert len(self.lines) <= before + 1
        return self.lines[before][10:] if len(self.lines) > before else None


def test_events() -> None:
    lines = Shown()
    assert lines.event("porch", APPEARED) == (
        "porch       appeared  tabby, tabby cat, a ver…   0.87  0.87 >= 0.60 for 0.6 s, margin 0.79"
    )
    assert lines.event("porch", GONE | {"label": "cat", "late": True}) == (
        "porch       gone      cat                        12 s  below 0.50 for 5.0 s  (late)"
    )


def test_wide_characters_keep_the_columns() -> None:
    assert Shown().event("porch", APPEARED | {"label": "标签" * 9}) == (
        "porch       appeared  标签标签标签标签标签标 …   0.87  0.87 >= 0.60 for 0.6 s, margin 0.79"
    )


def test_of_several_nodes_each_line_names_its_own() -> None:
    lines = Shown(nodes=True)
    assert str(lines.event("porch", APPEARED)).startswith("hut/porch   appeared")
    assert lines.status("", "online") == "hut         is online"


def test_status_of_node_and_camera() -> None:
    lines = Shown()
    assert lines.status("", "online") == "hut         is online"
    assert lines.status("porch", "offline") is None, "it is only about to start"
    assert lines.status("porch", "online") == "porch       is online"
    assert lines.status("porch", "offline") == "porch       is offline"
    assert lines.status("porch", "") is None


def test_a_live_cameras_verdict_is_told_when_it_lasts_and_once() -> None:
    lines = Shown()
    assert lines.verdict("porch", verdict()) is None
    assert lines.verdict("porch", verdict()) == "porch       -         cat below_threshold"
    assert lines.verdict("porch", verdict()) is None
    assert lines.verdict("porch", verdict(label="dog")) is None, "flickering says nothing"
    assert lines.verdict("porch", verdict()) is None
    assert lines.verdict("porch", verdict(outcome="ambiguous")) is None
    assert lines.verdict("porch", verdict(outcome="ambiguous")) == "porch       -         cat ambiguous"


@pytest.mark.parametrize("missing", ["time", "label", "outcome", "why"])
def test_a_verdict_that_is_none_does_not_silence_those_that_follow(missing: str) -> None:
    lines = Shown()
    foreign = {key: value for key, value in verdict().items() if key != missing}
    assert lines.verdict("porch", foreign) is None
    assert lines.verdict("porch", verdict()) is None
    assert lines.verdict("porch", verdict()) == "porch       -         cat below_threshold"


def test_a_slide_is_told_when_it_is_over_and_had_no_answer() -> None:
    lines = Shown()
    for _ in range(3):
        assert lines.verdict("porch", verdict("a.png")) is None
    assert lines.verdict("porch", verdict("b.png", "answered")) == ("porch       -         a.png  cat below_threshold")
    assert lines.verdict("porch", verdict("b.png")) is None
    assert lines.verdict("porch", verdict("c.png")) is None, "b.png had its answer"


def test_answers_are_not_explained_where_only_near_misses_are_wanted() -> None:
    lines = Shown(answered=False)
    for _ in range(3):
        assert lines.verdict("porch", verdict(outcome="answered")) is None


def test_an_event_names_the_slide_on_show() -> None:
    lines = Shown()
    lines.verdict("porch", verdict("a.png", "answered"))
    assert str(lines.event("porch", APPEARED)).endswith("  [a.png]")
    assert not str(lines.event("yard", APPEARED)).endswith("]")


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "\x1b[2Jcat"}, {"label": "cat\x9b2J"}, {"reason": "because\r\n\x1b]0;owned\x07"},
        {"label": "cat\u202egod"}, {"event_type": "appeared\x08\x08"}, {"label": "a\u2028b"},
    ],
)  # fmt: skip
def test_nothing_moves_the_cursor(fields: dict[str, str]) -> None:
    lines = Shown(nodes=True)
    lines.event("por\x1bch", GONE | fields)
    lines.status("", "online\x1b[2J")
    for _ in range(2):
        lines.verdict("porch\x07", verdict(label="\x1b[2J"))
    assert len(lines.lines) == 3
    assert all(line.isprintable() for line in lines.lines)


@pytest.mark.parametrize(
    "fields",
    [
        {"time": "0001-01-01T00:00:00+14:00"}, {"time": 7}, {"label": None, "score": None}, {"score": 10**400},
        {"event_type": "gone", "duration_seconds": "long"}, {"event_type": ["gone"]},
    ],
)  # fmt: skip
def test_what_is_no_event_is_nothing(fields: dict[str, Any]) -> None:
    assert Shown().event("porch", APPEARED | fields) is None


def test_a_number_however_long_keeps_the_line_short() -> None:
    line = Shown().event("porch", GONE | {"duration_seconds": 1e308})
    assert line is not None
    assert len(line) < 100


def test_raw_lines_are_what_came_in_one_line_each() -> None:
    lines: list[str] = []
    display = RawLines(lines.append)
    display.show(Heard("hut", "porch", "event", b'{"label":\n "\xc2\x9b\x7f"}', {"label": "\x9b\x7f"}))
    display.show(Heard("hut", "porch", "event", b"nonsense"))
    display.note("the broker is gone")
    assert lines == ['{"label":  "\\u009b\\u007f"}']
    assert json.loads(lines[0]) == {"label": "\x9b\x7f"}
