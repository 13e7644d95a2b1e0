import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.messages import MAX_EVENT_BYTES, Message, lease_seconds
from edgeclassify.mqtt.topics import Topics
from edgeclassify.records import Event, PresentAnswer, RankedAnswer, ScoredLabel, State, Verdict
from tests.mqtt import records

TOPICS = Topics("edgeclassify", "porch-pi")
TIME_S = 1795424400.12  # 2026-11-23T09:00:00.120Z
TABBY = "tabby, tabby cat"


def tabby(**changed) -> Event:
    fields = {
        "event_type": "appeared",
        "camera": "porch",
        "time_s": TIME_S,
        "label": TABBY,
        "index": 282,
        "score": 0.870001,
        "top": (ScoredLabel(282, TABBY, 0.87), ScoredLabel(283, "tiger cat", 0.08)),
        "model": "mobilenet_v2_1.0_224_quant",
        "accelerator": "cpu",
        "inference_ms": 12.3456,
        "reason": "0.87 >= 0.60 for 0.6 s, margin 0.79",
    }
    return Event(**(fields | changed))


def body(event: Event, appeared_id: str | None = None) -> str:
    return messages.event_body(event, "porch-pi", "k3f9", "0000000042", appeared_id)


def test_an_event_is_the_one_of_the_contract_byte_for_byte():
    sent = messages.event("a/b/porch/event", body(tabby()), late=False)
    assert sent.payload.decode() == (
        '{"event_type": "appeared", "epoch": "k3f9", "id": "0000000042", "late": false, '
        '"time": "2026-11-23T09:00:00.120Z", "node": "porch-pi", "camera": "porch", '
        '"label": "tabby, tabby cat", "index": 282, "score": 0.87, '
        '"top": [{"index": 282, "label": "tabby, tabby cat", "score": 0.87}, '
        '{"index": 283, "label": "tiger cat", "score": 0.08}], '
        '"model": "mobilenet_v2_1.0_224_quant", "accelerator": "cpu", "inference_ms": 12.3, '
        '"reason": "0.87 >= 0.60 for 0.6 s, margin 0.79"}'
    )
    assert (sent.qos, sent.retain) == (1, False)


def test_a_gone_tells_when_it_began_and_which_appeared_it_ends():
    gone = tabby(event_type="gone", started_s=TIME_S, duration_seconds=5.04, best_score=0.91234)
    fields = json.loads(body(gone, "0000000041"))
    assert list(fields)[-4:] == ["started", "duration_seconds", "best_score", "appeared_id"]
    assert fields["started"] == "2026-11-23T09:00:00.120Z"
    assert (fields["duration_seconds"], fields["best_score"]) == (5.0, 0.9123)
    assert fields["appeared_id"] == "0000000041"


def test_a_late_event_differs_in_late_only_whatever_its_labels_say():
    event = tabby(label='"late": false', reason='"late": false')
    now, late = (json.loads(messages.event("t", body(event), late=late).payload) for late in (False, True))
    assert now["late"] is False
    assert late["late"] is True
    assert now | {"late": True} == late


def test_a_group_has_no_index():
    assert json.loads(body(tabby(label="cat", index=None)))["index"] is None


@pytest.mark.parametrize(
    "label", ["a/b#c+d", "nul \0 inside", "two\nlines", "🦊", "兔子", '"quoted"', "\\", "x" * 1000]
)
def test_labels_arrive_as_they_are(label):
    assert json.loads(body(tabby(label=label)))["label"] == label


def test_a_label_that_is_no_unicode_still_makes_valid_json():
    assert json.loads(body(tabby(label="caf\udce9")).encode())["label"] == "caf?"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_become_null(number):
    fields = json.loads(body(tabby(score=number, inference_ms=number)), parse_constant=pytest.fail)
    assert fields["score"] is None
    assert fields["inference_ms"] is None
    health = messages.health(TOPICS, {"a": {"b": [number, 1.5, (number,)]}})
    assert json.loads(health.payload) == {"a": {"b": [None, 1.5, [None]]}}


def test_an_event_with_huge_labels_loses_its_top_first():
    label = "兔" * 1000
    top = tuple(ScoredLabel(n, label, 0.1) for n in range(5))
    fields = json.loads(body(tabby(label=label, top=top)))
    assert fields["label"] == label
    assert 0 < len(fields["top"]) < 5


def test_an_event_that_cannot_fit_is_an_error():
    with pytest.raises(ValueError, match="larger than 16000 bytes"):
        body(tabby(label="x" * MAX_EVENT_BYTES))


def test_states_are_those_of_the_contract():
    present = messages.state(TOPICS, State("porch", "cat", None, 0.91, TIME_S), "k3f9", "0000000042")
    assert present.payload.decode() == (
        '{"label": "cat", "score": 0.91, "since": "2026-11-23T09:00:00.120Z", '
        '"epoch": "k3f9", "event_id": "0000000042"}'
    )
    assert (present.topic, present.qos, present.retain) == ("edgeclassify/porch-pi/porch/state", 0, True)
    empty = json.loads(messages.state(TOPICS, State("porch", "none", None, None, TIME_S), "k3f9", None).payload)
    assert (empty["label"], empty["score"], empty["event_id"]) == ("none", None, None)


def test_what_is_retained_and_how():
    assert messages.status(TOPICS, online=True) == Message(
        "edgeclassify/porch-pi/status", b"online", qos=1, retain=True
    )
    assert messages.status(TOPICS, online=False).payload == b"offline"
    camera = messages.camera_status(TOPICS, "porch", online=False)
    assert camera == Message("edgeclassify/porch-pi/porch/status", b"offline", qos=0, retain=True)
    label = messages.label_presence(TOPICS, "porch", "cat", present=True)
    assert label == Message("edgeclassify/porch-pi/porch/labels/cat", b"ON", qos=0, retain=True)
    assert messages.snapshot(TOPICS, "porch", b"\xff\xd8") == Message(
        "edgeclassify/porch-pi/porch/snapshot", b"\xff\xd8", qos=0, retain=True
    )
    assert messages.cleared("a/b") == Message("a/b", b"", qos=0, retain=True)
    assert messages.info(TOPICS, {"name": "Löwe"}).payload == '{"name": "Löwe"}'.encode()


def test_why_explains_a_frame_and_is_not_kept():
    verdict = Verdict(
        "porch", TIME_S, "cat", 0.38, "below_threshold", "cat 0.38 < 0.40: no event", records.event("gone").top,
        answers=(RankedAnswer(None, "cat", 0.38, 0.40), RankedAnswer(7, "background", 0.1, None)),
        margin=0.1, for_s=1.24, left_s=None, present=(PresentAnswer(3, "dog", 0.05, 61.0, 0.97),),
    )  # fmt: skip
    told = messages.why(TOPICS, verdict, "chelsea.png")
    assert (told.topic, told.qos, told.retain) == ("edgeclassify/porch-pi/porch/why", 0, False)
    fields = json.loads(told.payload)
    assert (fields["source"], fields["outcome"]) == ("chelsea.png", "below_threshold")
    assert fields["answers"] == [
        {"index": None, "label": "cat", "score": 0.38, "threshold": 0.40},
        {"index": 7, "label": "background", "score": 0.1, "threshold": None},
    ]
    assert (fields["margin"], fields["for_seconds"], fields["left_seconds"]) == (0.1, 1.2, None)
    assert fields["present"] == [
        {"index": 3, "label": "dog", "score": 0.05, "for_seconds": 61.0, "gone_in_seconds": 1.0}
    ]


@pytest.mark.parametrize(("payload", "seconds"), [(b"1", 1), (b"60", 60), (b" 2.5 ", 2.5)])
def test_a_watcher_may_ask_for_a_minute_at_most(payload, seconds):
    assert lease_seconds(payload) == seconds


@pytest.mark.parametrize(
    "payload", [b"", b"0", b"61", b"-1", b"nan", b"inf", b"1e999", b"\xff", b"x", b"1" * 5000, b"{}"]
)
def test_other_requests_are_not_understood(payload):
    assert lease_seconds(payload) is None


@given(st.binary(max_size=20))
def test_no_request_raises(payload):
    assert lease_seconds(payload) is None or 1 <= lease_seconds(payload) <= 60


@pytest.mark.parametrize("topic", ["", "a/+/b", "a/#", "a\0b", "x" * 65_536])
def test_a_topic_that_no_broker_takes_is_refused_at_once(topic):
    with pytest.raises(ValueError, match="not a topic"):
        Message(topic, b"")
