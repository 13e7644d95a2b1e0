import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.mqtt.topics import Topics, label_topics

keys = st.lists(st.tuples(st.text(max_size=80), st.none() | st.integers(0, 2000)), max_size=40)


def test_all_topics_are_those_of_the_contract():
    topics = Topics("edgeclassify", "hut")
    assert topics.status == "edgeclassify/hut/status"
    assert topics.info == "edgeclassify/hut/info"
    assert topics.health == "edgeclassify/hut/health"
    assert topics.why_set == "edgeclassify/hut/why/set"
    assert topics.camera_status("porch") == "edgeclassify/hut/porch/status"
    assert topics.event("porch") == "edgeclassify/hut/porch/event"
    assert topics.state("porch") == "edgeclassify/hut/porch/state"
    assert topics.label("porch", "cat") == "edgeclassify/hut/porch/labels/cat"
    assert topics.snapshot("porch") == "edgeclassify/hut/porch/snapshot"
    assert topics.threshold("porch") == "edgeclassify/hut/porch/threshold"
    assert topics.enabled("porch") == "edgeclassify/hut/porch/enabled"
    assert topics.take_snapshot_set("porch") == "edgeclassify/hut/porch/take_snapshot/set"
    assert topics.why("porch") == "edgeclassify/hut/porch/why"


@pytest.mark.parametrize(
    ("label", "part"),
    [
        ("tabby, tabby cat", "tabby_tabby_cat"),
        ("Löwe", "lowe"),
        ("a/b#c+d\0e\nf", "a_b_c_d_e_f"),
        ("兔子", "label_7"),
        ("🦊", "label_7"),
        ("", "label_7"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_any_label_becomes_a_part_of_a_topic(label, part):
    assert label_topics([(label, 7)]) == {(label, 7): part}


def test_labels_that_collide_get_their_index():
    assert label_topics([("crane", 134), ("crane", 517), ("Crane", None)]) == {
        ("crane", 134): "crane",
        ("crane", 517): "crane_517",
        ("Crane", None): "crane_group_2",
    }


def test_a_long_label_that_collides_keeps_its_index():
    parts = label_topics([("x" * 100, 1), ("x" * 99, 2)])
    assert parts["x" * 99, 2] == "x" * 62 + "_2"


@given(keys)
def test_parts_are_valid_and_never_equal(names):
    parts = label_topics(names)
    assert set(parts) == set(names)
    assert len(set(parts.values())) == len(parts)
    assert all(re.fullmatch(r"[a-z0-9_]{1,64}", part) for part in parts.values())
