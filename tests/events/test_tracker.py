from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeclassify.events.ranking import rank
from edgeclassify.records import Event
from tests.events.scenes import LABELS, WALL_S, Scene, brief, make_tracker, scores

CAT = (0.9, 0.05, 0.05, 0.0)
DOG = (0.05, 0.9, 0.05, 0.0)
NOTHING = (0.1, 0.1, 0.1, 0.7)


def test_a_label_appears_once_it_has_qualified_for_appear_after_seconds() -> None:
    scene = Scene(make_tracker(appear_after_seconds=0.5))
    assert scene.show(*CAT, seconds=0.5) == []
    (event,) = scene.show(*CAT)
    assert (event.event_type, event.label, event.index) == ("appeared", "cat", 0)
    assert event.reason == "0.90 >= 0.60 for 0.5 s, margin 0.85"
    assert event.time_s == pytest.approx(WALL_S + 0.5)
    assert scene.show(*CAT, seconds=60) == []


def test_with_appear_after_0_the_first_frame_is_enough() -> None:
    assert brief(Scene(make_tracker(appear_after_seconds=0)).show(*CAT)) == ["appeared cat"]


def test_a_frame_that_does_not_qualify_restarts_the_count_to_appear() -> None:
    scene = Scene(make_tracker(appear_after_seconds=0.5))
    scene.show(*CAT, seconds=0.4)
    scene.show(*NOTHING)
    assert scene.show(*CAT, seconds=0.5) == []
    assert brief(scene.show(*CAT)) == ["appeared cat"]


def test_another_candidate_restarts_the_count_to_appear() -> None:
    scene = Scene(make_tracker(appear_after_seconds=0.3))
    for _ in range(10):
        scene.show(*CAT, seconds=0.2)
        scene.show(*DOG, seconds=0.2)
    assert scene.events == []


def test_gone_comes_after_gone_after_seconds_below_the_stay_level() -> None:
    scene = Scene(make_tracker(appear_after_seconds=0, gone_after_seconds=5))
    scene.show(*CAT, seconds=2)
    assert scene.show(*NOTHING, seconds=4.9) == []
    (gone,) = scene.show(*NOTHING)
    assert (gone.event_type, gone.label, gone.index) == ("gone", "cat", 0)
    assert gone.reason == "below 0.50 for 5.0 s"
    assert gone.best_score == pytest.approx(0.9)
    assert gone.started_s == WALL_S
    assert gone.duration_seconds == pytest.approx(gone.time_s - gone.started_s)


@pytest.mark.parametrize(
    ("threshold", "hysteresis", "stays", "goes"),
    [(0.6, 0.1, 0.51, 0.49), (0.6, 0.5, 0.31, 0.29), (0.6, 0.0, 0.61, 0.59)],
    ids=["threshold - hysteresis", "at least half of the threshold", "no hysteresis"],
)
def test_hysteresis_keeps_a_label_that_falls_a_little(
    threshold: float, hysteresis: float, stays: float, goes: float
) -> None:
    settings_ = {"thresholds": {"*": threshold}, "hysteresis": hysteresis, "margin": 0.0}
    scene = Scene(make_tracker(appear_after_seconds=0, gone_after_seconds=1, **settings_))
    scene.show(*CAT)
    assert scene.show(stays, 0, 0, 0, seconds=10) == []
    assert brief(scene.show(goes, 0, 0, 0, seconds=2)) == ["gone cat"]


def test_presences_overlap_and_each_ends_by_itself() -> None:
    scene = Scene(make_tracker(thresholds={"*": 0.4}, margin=0.0, appear_after_seconds=0, gone_after_seconds=1))
    scene.show(0.6, 0.4, 0, 0, seconds=1)
    scene.show(0.45, 0.55, 0, 0, seconds=1)
    assert brief(scene.events) == ["appeared cat", "appeared dog"]
    scene.show(0.05, 0.95, 0, 0, seconds=2)
    assert brief(scene.events)[2:] == ["gone cat"]
    assert scene.states == ["cat", "dog"]


def test_the_state_names_the_present_label_with_the_highest_score() -> None:
    scene = Scene(make_tracker(appear_after_seconds=0, gone_after_seconds=1))
    scene.show(*NOTHING)
    scene.show(*CAT)
    scene.show(*DOG)
    scene.show(0.05, 0.1, 0.1, 0.7, seconds=3)
    assert scene.states == ["none", "cat", "dog", "none"]
    state = scene.decisions[1].state
    assert state is not None
    assert (state.label, state.score, state.since_s) == ("cat", pytest.approx(0.9), pytest.approx(WALL_S + 0.1))


def test_a_moved_score_is_told_again_but_not_with_every_frame() -> None:
    scene = Scene(make_tracker(appear_after_seconds=0), frames_per_second=30)
    for n in range(300):
        scene.show(0.75 + 0.1 * (n % 2), 0.05, 0, 0)
    told = [decision.state for decision in scene.decisions if decision.state]
    assert 5 <= len(told) <= 11


@pytest.mark.parametrize(
    ("values", "outcome", "why"),
    [
        ((0.1, 0.1, 0.1, 0.7), "ignored", "background 0.70 is ignored, next cat 0.10"),
        ((0.59, 0.1, 0.1, 0.2), "below_threshold", "cat 0.59 < 0.60: no event"),
        ((0.70, 0.65, 0.0, 0.0), "ambiguous", "cat 0.70, dog 0.65: less than 0.10 apart, no event"),
        ((0.70, 0.10, 0.1, 0.1), "answered", "cat 0.70 for 0.0 s of 0.5 s"),
    ],
)
def test_every_frame_says_what_it_came_to(values: tuple[float, ...], outcome: str, why: str) -> None:
    tracker = make_tracker()
    verdict = tracker.update(scores(0, *values)).verdict
    assert verdict is not None
    assert (verdict.outcome, verdict.why) == (outcome, why)
    assert tracker.counts == {outcome: 1}


def test_a_verdict_names_the_best_five_and_what_each_takes() -> None:
    labels = ("tabby", "tiger cat", "dog", "bird", "fox", "hare", "background")
    tracker = make_tracker(labels, {"cat": ["tabby", "tiger cat"]}, [{"cat": 0.4}])
    verdict = tracker.update(scores(0, 0.2, 0.15, 0.1, 0.05, 0.04, 0.03, 0.3)).verdict
    assert verdict is not None
    told = [(one.label, one.index, round(one.score, 2), one.threshold) for one in verdict.answers]
    assert told == [
        ("cat", None, 0.35, 0.4), ("background", 6, 0.3, None), ("dog", 2, 0.1, 0.6), ("bird", 3, 0.05, 0.6),
        ("fox", 4, 0.04, 0.6),
    ]  # fmt: skip
    assert verdict.answers[0].label == verdict.label
    assert verdict.top[0].label == "background"


def test_a_verdict_says_how_long_that_is_so_and_how_long_it_takes() -> None:
    scene = Scene(make_tracker(appear_after_seconds=0.5, gone_after_seconds=2, cooldown_seconds=30))

    def last() -> tuple[str, float, float | None, list[tuple[str, float, float | None]]]:
        verdict = scene.decisions[-1].verdict
        assert verdict is not None
        present = [(p.label, round(p.for_s, 1), p.gone_in_s and round(p.gone_in_s, 1)) for p in verdict.present]
        return verdict.outcome, round(verdict.for_s, 1), verdict.left_s and round(verdict.left_s, 1), present

    scene.show(0.5, 0.1, 0, 0, seconds=1.3)
    assert last() == ("below_threshold", 1.2, None, [])
    scene.show(*CAT, seconds=0.3)
    assert last() == ("answered", 0.2, 0.3, [])
    scene.show(*CAT, seconds=1.3)
    assert last() == ("answered", 1.5, None, [("cat", 1.0, None)])
    scene.show(0.1, 0.05, 0, 0, seconds=0.8)
    assert last() == ("below_threshold", 0.7, None, [("cat", 1.8, 1.2)])
    scene.show(0.1, 0.05, 0, 0, seconds=2)
    scene.show(*CAT)
    assert last()[0] == "cooldown"
    assert 28 < (last()[2] or 0) < 30
    scene.end("camera offline")
    scene.show(0.5, 0.1, 0, 0)
    assert last() == ("below_threshold", 0.0, None, [])


def test_what_nobody_wants_to_know_is_not_put_into_words() -> None:
    tracker = make_tracker(appear_after_seconds=0)
    decision = tracker.update(scores(0, *CAT), explain=False)
    assert decision.verdict is None
    assert brief(decision.events) == ["appeared cat"]
    assert decision.events[0].top[0].label == "cat"


def test_an_ignored_label_takes_part_in_the_margin() -> None:
    scene = Scene(make_tracker(appear_after_seconds=0, thresholds={"*": 0.4}))
    scene.show(0.5, 0, 0, 0.45, seconds=1)
    assert scene.tracker.counts == {"ambiguous": 10}


@pytest.mark.parametrize(
    ("values", "answer"), [((0.07, 0.02, 0.91), "狗"), ((0.31, 0.35, 0.34), None)], ids=["an answer", "ambiguous"]
)
def test_a_third_each_is_no_answer(values: tuple[float, ...], answer: str | None) -> None:
    scene = Scene(make_tracker(labels=("兔子", "仓鼠", "狗"), thresholds={"*": 0.3}, appear_after_seconds=0))
    assert [event.label for event in scene.show(*values)] == ([answer] if answer else [])
    assert scene.tracker.counts == ({"answered": 1} if answer else {"ambiguous": 1})


def test_margins_and_thresholds_are_met_by_equality_as_a_person_reckons() -> None:
    rules = make_tracker(thresholds={"*": 0.7}, margin=0.1)._rules
    assert 0.7 - 0.6 < 0.1
    assert rank(np.array([0.7, 0.6, 0.0, 0.0]), rules, lambda _: 0.0).outcome == "answered"


def test_a_model_with_one_label_is_never_ambiguous() -> None:
    scene = Scene(make_tracker(labels=("parcel",), thresholds={"*": 0.05}, margin=0.5, appear_after_seconds=0))
    assert brief(scene.show(0.1)) == ["appeared parcel"]


class TestCooldown:
    def start(self, **events: float) -> Scene:
        scene = Scene(make_tracker(appear_after_seconds=0, gone_after_seconds=1, cooldown_seconds=30, **events))
        scene.show(*CAT, seconds=1)
        scene.show(*NOTHING, seconds=2)
        assert brief(scene.events) == ["appeared cat", "gone cat"]
        return scene

    def test_it_silences_events_but_neither_state_nor_presence(self) -> None:
        scene = self.start()
        scene.show(*CAT, seconds=2)
        scene.show(*NOTHING, seconds=3)
        assert brief(scene.events) == ["appeared cat", "gone cat"]
        assert scene.presences == [("cat", True), ("cat", False)] * 2
        assert scene.states[-3:] == ["none", "cat", "none"]
        assert scene.tracker.counts["cooldown"] == 20

    def test_what_is_still_there_when_it_ends_is_told(self) -> None:
        scene = self.start()
        scene.show(*CAT, seconds=28)
        assert len(scene.events) == 2
        scene.show(*CAT, seconds=2)
        assert brief(scene.events)[2:] == ["appeared cat"]

    def test_it_is_per_label(self) -> None:
        scene = self.start()
        assert brief(scene.show(*DOG)) == ["appeared dog"]

    def test_a_silent_visit_does_not_prolong_it(self) -> None:
        scene = self.start()
        scene.show(*CAT, seconds=20)
        scene.show(*NOTHING, seconds=10)
        assert brief(scene.show(*CAT)) == ["appeared cat"]


class TestEnd:
    def test_it_closes_every_presence_with_its_reason(self) -> None:
        scene = Scene(make_tracker(thresholds={"*": 0.4}, margin=0.0, appear_after_seconds=0))
        scene.show(0.6, 0.4, 0, 0)
        scene.show(0.4, 0.6, 0, 0)
        gone = scene.end("camera offline")
        assert brief(gone) == ["gone cat", "gone dog"]
        assert {event.reason for event in gone} == {"camera offline"}
        assert scene.presences[-2:] == [("cat", False), ("dog", False)]
        assert scene.states[-1] == "none"

    def test_it_forgets_the_running_mean_and_the_count_to_appear(self) -> None:
        scene = Scene(make_tracker(smoothing_seconds=10, appear_after_seconds=0.5, gone_after_seconds=0))
        scene.show(*CAT, seconds=0.4)
        scene.end("camera offline")
        scene.now_s += 0.1
        assert scene.show(*CAT, seconds=0.5) == []
        decision = scene.tracker.update(scores(scene.now_s, *CAT))
        assert brief(decision.events) == ["appeared cat"]

    def test_before_the_first_frame_it_only_tells_that_nothing_is_there(self) -> None:
        decision = make_tracker().end("camera offline", 0)
        assert decision.events == ()
        assert decision.state is not None
        assert decision.state.label == "none"


def test_a_group_is_summed_and_replaces_its_labels() -> None:
    labels = ("tabby, tabby cat", "tiger cat", "Egyptian cat", "dog")
    tracker = make_tracker(labels=labels, groups={"cat": ["tabby", "tiger cat", 2]}, appear_after_seconds=0)
    (event,) = tracker.update(scores(0, 0.35, 0.15, 0.3, 0.2)).events
    assert (event.label, event.index) == ("cat", None)
    assert event.score == pytest.approx(0.8)
    assert [top.label for top in event.top] == ["tabby, tabby cat", "Egyptian cat", "dog", "tiger cat"]


def test_labels_of_equal_text_are_told_apart_by_their_index() -> None:
    scene = Scene(make_tracker(labels=("crane", "crane"), thresholds={"*": 0.4}, margin=0, appear_after_seconds=0))
    scene.show(0.6, 0.4)
    scene.show(0.4, 0.6)
    assert [(event.label, event.index) for event in scene.events] == [("crane", 0), ("crane", 1)]


def test_smoothed_scores_are_what_events_carry() -> None:
    scene = Scene(make_tracker(smoothing_seconds=0.5, appear_after_seconds=0, thresholds={"*": 0.5}), 10)
    scene.show(0, 0, 0, 1.0)
    while not scene.events:
        scene.show(1.0, 0, 0, 0)
    (event,) = scene.events
    # From 0 to 1 with a half-life of 0.5 s: 0.55 (margin 0.10 over background) is reached after 0.5759 s.
    assert event.time_s - WALL_S == pytest.approx(0.6)
    assert event.score == pytest.approx(1 - 2 ** (-0.6 / 0.5))


score_rows = st.lists(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4).map(tuple), min_size=1, max_size=60)
times = st.sampled_from([0.0, 0.05, 0.3, 1.0])


@settings(max_examples=300)
@given(
    rows=score_rows,
    ends=st.sets(st.integers(0, 59)),
    smoothing=times,
    appear=times,
    gone=times,
    cooldown=times,
    margin=st.floats(0, 0.5),
    threshold=st.floats(0.05, 1),
)
def test_whatever_comes_events_alternate_and_frames_are_counted_once(
    rows: list[tuple[float, ...]],
    ends: set[int],
    smoothing: float,
    appear: float,
    gone: float,
    cooldown: float,
    margin: float,
    threshold: float,
) -> None:
    tracker = make_tracker(
        smoothing_seconds=smoothing,
        appear_after_seconds=appear,
        gone_after_seconds=gone,
        cooldown_seconds=cooldown,
        margin=margin,
        thresholds={"*": threshold},
    )
    scene = Scene(tracker)
    for number, row in enumerate(rows):
        scene.show(*row)
        if number in ends:
            scene.end("camera offline")
    scene.end("stopped")

    assert tracker.counts.total() == len(rows)
    by_label: dict[str, list[Event]] = {}
    for event in scene.events:
        by_label.setdefault(event.label, []).append(event)
    assert "background" not in by_label
    for events in by_label.values():
        assert [event.event_type for event in events] == ["appeared", "gone"] * (len(events) // 2)
        for appeared, ended in pairwise(events):
            if ended.event_type == "gone":
                assert ended.started_s == appeared.time_s
            else:
                assert ended.time_s - appeared.time_s >= cooldown - 1e-6
    presence = Counter(scene.presences)
    assert all(presence[label, True] == presence[label, False] for label in LABELS)
    last = [decision.state for decision in scene.decisions if decision.state][-1]
    assert last.label == "none"


@settings(max_examples=60)
@given(plan=st.lists(st.tuples(st.sampled_from([CAT, DOG, NOTHING]), st.integers(1, 8)), min_size=1, max_size=8))
def test_the_same_scene_gives_the_same_events_at_any_frame_rate(plan: list[tuple[tuple[float, ...], int]]) -> None:
    def play(frames_per_second: int) -> list[Event]:
        scene = Scene(
            make_tracker(smoothing_seconds=0.5, cooldown_seconds=3.2, gone_after_seconds=1.2), frames_per_second
        )
        for values, half_seconds in plan:
            scene.show(*values, seconds=0.5 * half_seconds)
        return scene.events

    slow, fast = play(20), play(200)
    # At the very end of a scene one frame more or less may decide.
    shorter = min(len(slow), len(fast))
    assert abs(len(slow) - len(fast)) <= 1
    for one, other in zip(slow[:shorter], fast[:shorter], strict=True):
        assert (one.event_type, one.label) == (other.event_type, other.label)
        assert abs(one.time_s - other.time_s) <= 0.16
