"""After a kill -9 the next start puts right what was left open, before anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.broker import Broker, Inbox, free_port
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

EVENTS = f"{ROOT}/porch/event"


def events(inbox: Inbox) -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(EVENTS)]


def test_the_next_start_tells_gone_before_anything_new(tmp_path: Path, broker: Broker, inbox: Inbox) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0))
    watched = {"home_assistant": {"labels": ["red"]}}
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}, **watched) as daemon:
        for life in range(1, 4):
            wait_until(lambda life=life: len(events(inbox)) == 2 * life - 1, 20)
            wait_until(lambda: inbox.last(f"{ROOT}/porch/labels/red") == "ON")
            daemon.kill()
            wait_until(lambda: inbox.last(f"{ROOT}/status") == "offline", 20)  # its last will
            before = len(inbox.received)
            daemon.start()
            wait_until(lambda life=life: len(events(inbox)) >= 2 * life, 20)
            # The states that follow from an event come right behind it.
            wait_until(lambda before=before: f"{ROOT}/porch/state" in {m.topic for m in inbox.received[before:]})
            # A consumer that only looks at states is told the truth first, too.
            first_words: dict[str, str] = {}
            for message in inbox.received[before:]:
                if not message.topic.endswith("snapshot"):
                    first_words.setdefault(message.topic, message.text)
            assert json.loads(first_words[f"{ROOT}/porch/state"])["label"] == "none"
            assert first_words[f"{ROOT}/porch/labels/red"] == "OFF"
            assert first_words[f"{ROOT}/porch/status"] == "offline"
            assert json.loads(first_words[EVENTS])["reason"] == "restarted"
    told_of = events(inbox)
    assert [event["id"] for event in told_of] == [f"{number:010d}" for number in range(1, len(told_of) + 1)]
    assert len({event["epoch"] for event in told_of}) == 1
    for appeared, gone in zip(told_of[::2], told_of[1::2], strict=False):
        assert (appeared["event_type"], gone["event_type"]) == ("appeared", "gone")
        assert (gone["reason"], gone["appeared_id"]) == ("restarted", appeared["id"])
        assert gone["duration_seconds"] >= 0


def test_what_waited_for_the_broker_survives(tmp_path: Path) -> None:
    port = free_port()
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), NOTHING)
    with Daemon(tmp_path, port, {"porch": slides(pictures, 0.1)}) as daemon:
        daemon.wait_for("camera porch: online")
        wait_until(lambda: daemon.outbox_bytes > 40_000, 20)
        daemon.kill()
        with Broker(tmp_path / "broker", port=port) as broker, Inbox(broker) as inbox:
            daemon.start()
            wait_until(lambda: len(events(inbox)) > 4, 20)
            assert daemon.stop() == 0
            told = events(inbox)
    assert [event["id"] for event in told] == [f"{number:010d}" for number in range(1, len(told) + 1)]
    assert [event["event_type"] for event in told] == ["appeared", "gone"] * (len(told) // 2)
    # Its snapshots are gone with the process; a backlog has none.
    assert len(inbox.of(f"{ROOT}/porch/snapshot")) < len(told) / 2
