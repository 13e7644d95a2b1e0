"""The lines that `watch` and `demo` show."""

from __future__ import annotations

from typing import Any

import pytest

from edgeclassify.tools.watching import Lines, parse

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


def told(line: str | None) -> str | None:
    """A line without its time, which depends on where this machine is."""
    return line and line[10:]


def test_events() -> None:
    lines = Lines()
    assert told(lines.event("hut", "porch", APPEARED)) == (
        "porch       appeared  tabby, tabby cat, a ver…   0.87  0.87 >= 0.60 for 0.6 s, margin 0.79"
    )
    assert told(lines.event("hut", "porch", GONE | {"label": "cat", "late": True})) == (
        "porch       gone      cat                        12 s  below 0.50 for 5.0 s  (late)"
    )


def test_of_several_nodes_each_line_names_its_own() -> None:
    line = Lines(nodes=True).event("hut", "porch", APPEARED)
    assert told(line) is not None
    assert "hut/porch   appeared" in line


def test_status_of_node_and_camera() -> None:
    lines = Lines()
    assert told(lines.status("hut", "", "online")) == "hut         is online"
    assert told(lines.status("hut", "porch", "offline")) == "porch       is offline"


def test_a_live_cameras_verdict_is_told_when_it_lasts_and_once() -> None:
    lines = Lines()
    assert lines.verdict("hut", "porch", verdict()) is None
    assert told(lines.verdict("hut", "porch", verdict())) == "porch       -         cat below_threshold"
    assert lines.verdict("hut", "porch", verdict()) is None
    assert lines.verdict("hut", "porch", verdict(label="dog")) is None, "flickering says nothing"
    assert lines.verdict("hut", "porch", verdict()) is None
    assert lines.verdict("hut", "porch", verdict(outcome="ambiguous")) is None
    assert told(lines.verdict("hut", "porch", verdict(outcome="ambiguous"))) == "porch       -         cat ambiguous"


def test_a_slide_is_told_when_it_is_over_and_had_no_answer() -> None:
    lines = Lines()
    for _ in range(3):
        assert lines.verdict("hut", "porch", verdict("a.png")) is None
    assert told(lines.verdict("hut", "porch", verdict("b.png", "answered"))) == (
        "porch       -         a.png  cat below_threshold"
    )
    assert lines.verdict("hut", "porch", verdict("b.png")) is None
    assert lines.verdict("hut", "porch", verdict("c.png")) is None, "b.png had its answer"


def test_answers_are_not_explained_where_only_near_misses_are_wanted() -> None:
    lines = Lines(answered=False)
    for _ in range(3):
        assert lines.verdict("hut", "porch", verdict(outcome="answered")) is None


def test_an_event_names_the_slide_on_show() -> None:
    lines = Lines()
    lines.verdict("hut", "porch", verdict("a.png", "answered"))
    assert lines.event("hut", "porch", APPEARED).endswith("  [a.png]")
    assert not lines.event("hut", "yard", APPEARED).endswith("]")


@pytest.mark.parametrize("payload", [b"", b"\xff", b"null", b"[]", b"3", b'"a"', b"{", b"[" * 100_000])
def test_what_is_no_json_object_is_nothing(payload: bytes) -> None:
    assert parse(payload) is None


def test_a_json_object_is_itself() -> None:
    assert parse('{"label": "兔子"}'.encode()) == {"label": "兔子"}
