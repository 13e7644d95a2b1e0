"""What differs between two configurations, and how it is put to use."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.changes import Changes, masked, until_restart
from edgeclassify.config.sections import Config

_CAMERAS = st.dictionaries(
    st.sampled_from(["porch", "yard", "attic"]),
    st.fixed_dictionaries(
        {},
        optional={
            "source": st.sampled_from(["test", "a.mp4"]),
            "rotate": st.sampled_from([0, 90]),
            "enabled": st.booleans(),
            "frames_per_second": st.sampled_from([1, 5]),
            "events": st.sampled_from([{"margin": 0.2}, {"groups": {"pet": ["cat"]}}]),
        },
    ),
    min_size=1,
)
_CONFIGS = st.fixed_dictionaries(
    {"cameras": _CAMERAS},
    optional={
        "node": st.sampled_from(["hut", "barn"]),
        "state_dir": st.sampled_from(["a", "b"]),
        "mqtt": st.fixed_dictionaries(
            {},
            optional={
                "base_topic": st.sampled_from(["a", "b"]),
                "port": st.sampled_from([1883, 1884]),
                "health_seconds": st.sampled_from([1, 30]),
            },
        ),
    },
).map(Config.model_validate)


def config(**sections: Any) -> Config:
    return Config.model_validate({"cameras": {"porch": {}}} | sections)


@given(before=_CONFIGS, after=_CONFIGS)
def test_what_takes_a_restart_stays_and_everything_else_holds(before: Config, after: Config) -> None:
    held, later = until_restart(before, after)
    assert (held.node, held.state_dir, held.mqtt.base_topic) == (before.node, before.state_dir, before.mqtt.base_topic)
    assert (held.cameras, held.mqtt.port, held.mqtt.health_seconds) == (
        after.cameras,
        after.mqtt.port,
        after.mqtt.health_seconds,
    )
    assert (later == []) == (held == after)
    assert until_restart(before, held) == (held, [])


@given(before=_CONFIGS, after=_CONFIGS)
def test_every_difference_is_told_and_nothing_else(before: Config, after: Config) -> None:
    held, _ = until_restart(before, after)
    changes = Changes(before, held)
    assert (changes.lines("") == []) == (held == before)
    assert Changes(held, held).lines("") == []
    assert set(changes.added).isdisjoint(before.cameras)
    assert set(changes.removed).isdisjoint(held.cameras)
    assert {change.camera for change in changes.restarted} <= before.cameras.keys() & held.cameras.keys()
    assert changes.reconnects == (before.mqtt.port != held.mqtt.port)


@pytest.mark.parametrize(
    ("key", "value", "restarts", "another_view"),
    [
        ("source", "test", True, True),
        ("region", [0, 0, 0.5, 1], True, True),
        ("rotate", 90, True, True),
        ("flip", "both", True, True),
        ("fit", "squash", True, True),
        ("frames_per_second", 1, True, False),
        ("stale_seconds", 5, True, False),
        ("size", [320, 240], True, False),
        ("enabled", False, False, False),
        ("events", {"margin": 0.3}, False, False),
    ],
)
def test_a_camera_starts_anew_only_where_it_must(key: str, value: object, restarts: bool, another_view: bool) -> None:
    changes = Changes(config(), config(cameras={"porch": {key: value}}))
    assert [change.keys for change in changes.restarted] == [(key,)] * restarts
    assert [change.is_another_view for change in changes.restarted] == [another_view] * restarts


def test_groups_of_all_cameras_or_of_one_are_other_answers() -> None:
    before = config(cameras={"porch": {}, "yard": {"events": {"groups": {}}}})
    after = config(cameras=before.model_dump(exclude_unset=True)["cameras"], events={"groups": {"pet": ["cat"]}})
    assert Changes(before, after).other_groups == ["porch"], "the other one has groups of its own"


@pytest.mark.parametrize(
    ("before", "after", "held", "told"),
    [
        (0.6, 0.5, 0.9, True),
        (0.6, 0.6, 0.9, False),
        (0.6, 0.9, 0.9, False),
    ],
    ids=["written anew", "as before", "written as it was set"],
)
def test_what_is_written_anew_and_does_not_hold_is_told(before: float, after: float, held: float, told: bool) -> None:
    configs = (config(events={"thresholds": {"*": score}}) for score in (before, after, held))
    path = ("cameras", "porch", "events", "thresholds", "*")
    lines = masked(*configs, [path])
    assert [line.split(",")[0] for line in lines] == ["camera porch: threshold was set over MQTT"] * told


def test_what_was_set_of_a_camera_that_comes_back_is_told() -> None:
    after = config(cameras={"yard": {"enabled": True}})
    held = config(cameras={"yard": {"enabled": False}})
    (line,) = masked(config(), after, held, [("cameras", "yard", "enabled")])
    assert line.startswith("camera yard: enabled was set over MQTT")
