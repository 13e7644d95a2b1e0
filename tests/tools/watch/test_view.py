"""From messages to the lines of a terminal, without one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.tools.watch.bars import ASCII, BLOCKS, Glyphs, glyphs_for
from edgeclassify.tools.watch.board import Board
from edgeclassify.tools.watch.reading import Reading
from edgeclassify.tools.watch.view import Line, View
from edgeclassify.tools.watch.widths import cells
from edgeclassify.tools.watch.words import duration, words


def answer(label: str, score: float, threshold: float | None = 0.60) -> dict[str, Any]:
    return {"index": None, "label": label, "score": score, "threshold": threshold}


def why(label: str = "cat", score: float = 0.54, outcome: str = "below_threshold", **fields: Any) -> dict[str, Any]:
    """A message as a node sends it."""
    message = {
        "time": "2026-11-23T09:00:00.120Z", "source": "", "label": label, "score": score, "outcome": outcome,
        "why": f"{label} {score:.2f} < 0.60: no event", "top": [{"index": 3, "label": "tabby", "score": score}],
        "answers": [answer(label, score), answer("dog", 0.12), answer("background", 0.05, None)],
        "margin": 0.10, "for_seconds": 1.24, "left_seconds": None, "present": [],
    }  # fmt: skip
    return message | fields


def older(**fields: Any) -> dict[str, Any]:
    """The same of a node that does not yet tell `answers`."""
    new = ("answers", "margin", "for_seconds", "left_seconds", "present")
    return {key: value for key, value in why(**fields).items() if key not in new}


def present(label: str, for_s: float, gone_in_s: float | None = None) -> dict[str, Any]:
    return {"index": 3, "label": label, "score": 0.5, "for_seconds": for_s, "gone_in_seconds": gone_in_s}


def plain(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def board_of(*cameras: str, now_s: float = 100.0) -> Board:
    board = Board()
    for camera in cameras:
        board.camera_status("hut", camera, "online")
        board.read("hut", camera, why(), now_s)
    return board


def draw(
    board: Board, width: int = 79, height: int = 20, now_s: float = 100.0, glyphs: Glyphs = BLOCKS, nodes: bool = False
) -> list[str]:
    return plain(View(glyphs, nodes=nodes).lines(board, now_s, width, height))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (why(), "below 0.60 for 1.2 s"),
        (why(for_seconds=0.3), "below 0.60"),
        (why(score=0.62, outcome="ambiguous", answers=[answer("cat", 0.62), answer("dog", 0.55)], for_seconds=45),
         "0.07 ahead of dog, needs 0.10 for 45 s"),
        (why(score=0.9, outcome="cooldown", left_seconds=12.2), "cooldown, 12 s left"),
        (why(score=0.9, outcome="answered", left_seconds=0.3), "appears in 0.3 s"),
        (why(score=0.9, outcome="answered", present=[present("cat", 3)]), "present for 3.0 s"),
        (why(score=0.9, outcome="cooldown", left_seconds=12, present=[present("cat", 3)]),
         "present for 3.0 s, no event for 12 s"),
        (why(present=[present("cat", 7200, 1.5)]), "present for 2 h, gone in 1.5 s"),
        (why(present=[present("dog", 300, 1.5)]), "dog present for 5 min, gone in 1.5 s; below 0.60 for 1.2 s"),
        (why("background", 0.9, "ignored"), "ignored, next dog 0.12"),
        (why("background", 0.9, "ignored", answers=[answer("background", 0.9, None)]), "ignored"),
        (why(outcome="of a later version"), "of a later version"),
        (older(), "< 0.60: no event"),
        (older(why="cat 0.54, gone just before: no event for 12 s more"), "gone just before: no event for 12 s more"),
        (older(why="quite other words"), "quite other words"),
    ],
)  # fmt: skip
def test_why_in_words(message: dict[str, Any], said: str) -> None:
    assert words(Reading.of(message)) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (99.4, "99 s"), (100, "2 min"), (5969, "99 min"), (86_400, "24 h")],
)
def test_durations_are_short(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_line_for_each_camera_and_the_best_of_one() -> None:
    board = board_of("porch", "yard")
    answers = [answer("cat", 0.80), answer("dog", 0.12), answer("background", 0.05, None)]
    board.read("hut", "porch", why(score=0.80, outcome="answered", answers=answers, present=[present("cat", 3)]), 101)
    board.camera_status("hut", "gate", "offline")
    assert draw(board, now_s=101) == [
        "── 2 of 3 cameras online ──────────────────────────────────────────────────────",
        "gate                                                   offline",
        "porch  cat                      0.80               ▅▇  present for 3.0 s",
        "yard   cat                      0.54                ▅  below 0.60 for 1.2 s",
        "── porch: cat 0.80 present for 3.0 s ──────────────────────────────────────────",
        "cat                             0.80  ███████████████████│█████▋······  ≥ 0.60",
        "dog                             0.12  ███▉···············│············  ≥ 0.60",
        "background                      0.05  █▋······························  ignored",
        "",
        "",
    ]


def test_forty_columns_without_block_characters() -> None:
    assert draw(board_of("porch"), 39, 9, glyphs=ASCII) == [
        "-- 1 of 1 cameras online --------------",
        "porch cat     0.54 below 0.60 for 1.2 s",
        "-- porch: cat 0.54 below 0.60 for 1.2 s",
        "cat           0.54  #####.|...  >= 0.60",
        "dog           0.12  #.....|...  >= 0.60",
        "background    0.05  ..........  ignored",
        "",
        "",
    ]


def test_where_there_is_no_room_the_panel_goes_first_and_then_the_dull_cameras() -> None:
    board = board_of(*(f"camera{number:02}" for number in range(30)))
    board.read("hut", "camera17", why(score=0.9, outcome="answered"), 101)
    board.notice("hut", "camera03", 102)
    lines = draw(board, height=7, now_s=102)
    assert len(lines) == 7
    assert lines[0].startswith("── 30 of 30 cameras online; 6 shown, one alone: --camera ID ──")
    assert {"camera03", "camera17"} <= {line.split()[0] for line in lines[1:]}
    assert draw(board, height=1) == []
    with_panel = draw(board, height=10, now_s=102)
    assert [line.split()[0] for line in with_panel[1:4]] == ["camera00", "camera03", "camera17"]
    assert with_panel[4].startswith("── camera03: ")


def test_the_panel_stays_with_a_camera_until_another_one_is_worth_a_look() -> None:
    board = board_of("porch", "yard")
    first = board.noticed()
    assert first is not None
    other = "yard" if first.camera == "porch" else "porch"
    board.read("hut", other, why(score=0.59), 101)
    assert board.noticed() is first, "a better score below the threshold is no news"
    board.read("hut", other, why(score=0.9, outcome="answered"), 102)
    assert (board.noticed() or first).camera == other
    board.notice("hut", first.camera, 103)
    assert board.noticed() is first
    board.camera_status("hut", first.camera, "offline")
    assert (board.noticed() or first).camera == other, "it has nothing to show"


def test_what_is_not_there_says_so_in_place_of_old_scores() -> None:
    board = board_of("porch")
    assert draw(board, now_s=104.9)[1].endswith("below 0.60 for 1.2 s")
    assert draw(board, now_s=106)[1].endswith("no frame for 6.0 s")
    assert draw(board, now_s=106)[2].startswith("── porch: cat 0.54 no frame for 6.0 s ──")
    board.broker_gone = True
    assert draw(board)[1].endswith("the broker is gone")
    board.broker_gone = False
    board.camera_enabled("hut", "porch", enabled=False)
    assert draw(board)[1].split() == ["porch", "disabled"]
    board.camera_enabled("hut", "porch", enabled=True)
    assert draw(board)[1].split() == ["porch", "waiting", "for", "a", "frame"]
    board.node_status("hut", "offline")
    assert draw(board)[:2] == ["── 0 of 1 cameras online " + "─" * 54, "porch" + " " * 50 + "offline"]
    board.node_status("hut", "online")
    board.read("hut", "porch", why(), 110)
    assert draw(board, now_s=110)[1].endswith("below 0.60 for 1.2 s")
    board.node_status("hut", "")
    assert draw(board) == [], "the node was forgotten"


def test_of_several_nodes_each_line_names_its_own() -> None:
    board = board_of("porch")
    board.read("barn", "porch", older(), 100)
    lines = draw(board, nodes=True)
    assert lines[1].startswith("barn/porch ")
    assert lines[1].endswith("< 0.60: no event")
    assert lines[2].startswith("hut/porch ")
    assert draw(board, 39, nodes=True)[1].startswith("…/porch "), "the end tells more"


def test_an_older_node_shows_its_labels_without_thresholds() -> None:
    board = Board()
    board.read("hut", "porch", older(), 100)
    lines = draw(board)
    assert lines[2].startswith("── porch: cat 0.54 < 0.60: no event ──")
    assert lines[3].split()[0] == "tabby"
    assert "│" not in lines[3]


def test_columns_do_not_jump_when_a_camera_goes() -> None:
    board, view = board_of("garden-behind", "porch"), View(BLOCKS)
    before = plain(view.lines(board, 100, 79, 20))[2]
    board.camera_status("hut", "garden-behind", "")
    assert plain(view.lines(board, 100, 79, 20))[1] == before


TEXT = st.text(max_size=300) | st.sampled_from(["标签" * 40, "\x1b[2J", "e\u0301" * 50, "\u202eabc", "👨‍👩‍👧"])
NUMBER = st.floats() | st.integers() | st.none() | st.booleans()


@given(
    node=TEXT, camera=TEXT, label=TEXT, score=st.floats(0, 1), threshold=st.floats(0, 1) | st.none(),
    seconds=st.floats(0, 1e8), width=st.integers(1, 200), height=st.integers(0, 30),
    glyphs=st.sampled_from([BLOCKS, ASCII]),
    outcome=st.sampled_from(["answered", "ambiguous", "ignored", "cooldown", "?"]),
)  # fmt: skip
def test_whatever_is_told_fits_and_does_no_harm(
    node: str, camera: str, label: str, score: float, threshold: float | None, seconds: float, width: int, height: int,
    glyphs: Glyphs, outcome: str,
) -> None:  # fmt: skip
    board = Board()
    answers = [answer(label, score, threshold), answer("dog", score / 2, threshold)]
    gone = present(label[:3], seconds, seconds)
    fields = {"answers": answers, "for_seconds": seconds, "left_seconds": seconds, "present": [gone]}
    board.read(node, camera, why(label, score, outcome, **fields), 100)
    lines = View(glyphs, nodes=True).lines(board, 100, width, height)
    assert len(lines) <= height
    for line in lines:
        text = "".join(piece for piece, _ in line)
        assert cells(text) <= width
        assert text.isprintable()


@given(st.dictionaries(st.sampled_from(list(why())), NUMBER | TEXT | st.lists(NUMBER | st.dictionaries(TEXT, NUMBER))))
def test_what_is_no_verdict_is_refused_and_nothing_else_is_raised(fields: dict[str, Any]) -> None:
    try:
        words(Reading.of(why() | fields))
    except (TypeError, ValueError):
        return


@pytest.mark.parametrize(
    "fields",
    [
        {"label": 3}, {"score": 1.5}, {"score": float("nan")}, {"score": True}, {"score": None}, {"answers": [3]},
        {"answers": {}}, {"present": None}, {"for_seconds": -1}, {"left_seconds": float("inf")}, {"margin": "0.1"},
        {"for_seconds": 10**400},
    ],
)  # fmt: skip
def test_a_verdict_out_of_its_ranges_is_none(fields: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Reading.of(why() | fields)


@pytest.mark.parametrize(
    ("environment", "glyphs"),
    [
        ({"LANG": "en_GB.UTF-8"}, BLOCKS),
        ({"LANG": "C.UTF-8"}, BLOCKS),
        ({"LANG": "zh_CN.utf8", "LC_CTYPE": "de_DE.utf8"}, BLOCKS),
        ({}, ASCII),
        ({"LANG": "C"}, ASCII),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, ASCII),  # as Python has it from LANG=C
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, ASCII),
        ({"LANG": "de_DE.ISO-8859-1"}, ASCII),
    ],
)
def test_blocks_are_drawn_where_the_language_has_them(environment: dict[str, str], glyphs: Glyphs) -> None:
    assert glyphs_for(environment, "utf-8") is glyphs
    assert glyphs_for(environment, "iso-8859-1") is ASCII
