"""Commands: what is in range is taken, everything else is refused in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.commands import Command, RefusedError, parse, subscriptions
from edgeclassify.mqtt.topics import Topics

TOPICS = Topics("edgeclassify", "hut")
THRESHOLD, ENABLED, SNAPSHOT = (topic.replace("+", "porch") for topic in subscriptions(TOPICS))


@pytest.mark.parametrize(
    ("topic", "payload", "value"),
    [
        (THRESHOLD, b"0.55", 0.55),
        (THRESHOLD, b" .5\n", 0.5),
        (THRESHOLD, b"1", 1.0),
        (THRESHOLD, b"0.01", 0.01),
        (THRESHOLD, b"5e-1", 0.5),
        (ENABLED, b"ON", True),
        (ENABLED, b"OFF", False),
        (SNAPSHOT, b"", True),
        (SNAPSHOT, b"PRESS", True),
    ],
)
def test_what_is_in_range_is_taken(topic: str, payload: bytes, value: float | bool) -> None:
    assert parse(TOPICS, topic, payload) == Command("porch", topic.split("/")[3], value)


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    [
        (THRESHOLD, b"", "must be a number from 0.01 to 1, got ''"),
        (THRESHOLD, b"0", "must be a number"),
        (THRESHOLD, b"0.009", "must be a number"),
        (THRESHOLD, b"1.01", "must be a number"),
        (THRESHOLD, b"-0.5", "must be a number"),
        (THRESHOLD, b"nan", "must be a number"),
        (THRESHOLD, b"inf", "must be a number"),
        (THRESHOLD, b"0_5", "must be a number"),
        (THRESHOLD, b".", "must be a number"),
        (THRESHOLD, "٠.٥".encode(), "must be a number"),
        (THRESHOLD, b"high" * 30, "'highhighhighhighhighhighhighhighhighhigh...'"),
        (THRESHOLD, b"\xff\xfe", "is not UTF-8"),
        (THRESHOLD, b"0" * 257, "257 bytes are too large"),
        (ENABLED, b"on", "must be ON or OFF, got 'on'"),
        (ENABLED, b"", "must be ON or OFF"),
        (SNAPSHOT, b"x" * 257, "too large"),
        (SNAPSHOT, b"\xff", "is not UTF-8"),
    ],
)
def test_everything_else_is_refused_in_words(topic: str, payload: bytes, said: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parse(TOPICS, topic, payload)
    assert said in str(refusal.value)


@given(st.binary(max_size=300))
def test_no_payload_gives_a_threshold_out_of_range(payload: bytes) -> None:
    try:
        value = parse(TOPICS, THRESHOLD, payload).value
    except RefusedError:
        return
    assert 0.01 <= value <= 1


@given(st.floats(0.01, 1))
def test_a_threshold_is_told_as_a_command_takes_it(value: float) -> None:
    told = messages.threshold(TOPICS, "porch", value)
    assert math.isclose(float(parse(TOPICS, THRESHOLD, told.payload).value), value, abs_tol=5e-5)


@pytest.mark.parametrize(("value", "told"), [(0.6, b"0.60"), (1, b"1.00"), (0.333, b"0.333")])
def test_a_threshold_is_told_with_two_digits_or_more(value: float, told: bytes) -> None:
    assert messages.threshold(TOPICS, "porch", value).payload == told
