"""Each frame is explained over MQTT, but only while somebody watches."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.broker import Broker, Inbox
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

WHY = f"{ROOT}/porch/why"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)


def reports(inbox: Inbox) -> int:
    return len(inbox.of(f"{ROOT}/health"))


def test_verdicts_come_for_as_long_as_was_asked(tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path) -> None:
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}):
        wait_until(lambda: reports(inbox) >= 2)
        assert not inbox.of(WHY)
        asked_s = time.monotonic()
        inbox.publish(f"{ROOT}/why/set", "2")
        wait_until(lambda: {json.loads(text)["source"] for text in inbox.texts(WHY)} == {"0.png", "1.png"})
        wait_until(lambda: time.monotonic() > asked_s + 2.5)
        told, health = len(inbox.of(WHY)), reports(inbox)
        wait_until(lambda: reports(inbox) >= health + 2)
        assert len(inbox.of(WHY)) == told
    verdicts = [json.loads(text) for text in inbox.texts(WHY)]
    by_source = {one["source"]: one for one in verdicts}
    assert by_source["0.png"]["outcome"] == "answered"
    assert by_source["1.png"]["why"] == "red 0.24 < 0.60: no event"
    assert [message for message in inbox.of(WHY) if message.qos or message.retain] == []


def test_however_many_watch_and_however_quick_the_pictures_change_four_a_second_are_told(
    tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path
) -> None:
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures, 0.05)}):
        wait_until(lambda: reports(inbox) >= 2)
        for _ in range(5):
            inbox.publish(f"{ROOT}/why/set", "2")
        wait_until(lambda: inbox.of(WHY))
        health = reports(inbox)
        wait_until(lambda: reports(inbox) >= health + 4)
    assert 4 <= len(inbox.of(WHY)) <= 13, "of 40 pictures in 2 s"


def test_an_old_question_or_nonsense_is_none(tmp_path: Path, broker: Broker, inbox: Inbox, pictures: Path) -> None:
    ask = f"{ROOT}/why/set"
    inbox.publish(ask, "60", retain=True)
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        wait_until(lambda: reports(inbox) >= 2)
        for nonsense in ("", "soon", "0", "-5", "61", "nan", "inf", "1" * 1000, b"\xff\xfe", "[" * 100_000):
            inbox.publish(ask, nonsense)
        health = reports(inbox)
        wait_until(lambda: reports(inbox) >= health + 2)
        assert daemon.stop() == 0
    assert not inbox.of(WHY)
    assert daemon.said().count("connected (MQTT") == 1, "nor did it cost the connection"
