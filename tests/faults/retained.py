"""What a broker keeps of a node, compared with what is true."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.broker import Broker, Inbox
from tests.running import ROOT
from tests.waiting import wait_until

Kept = Mapping[str, bytes]
CHANGING = ("health", "state", "snapshot")
"""Last parts of topics whose payload is not the same at each time."""


def kept_by(broker: Broker, **inbox: Any) -> dict[str, bytes]:
    """What a subscriber who comes now gets at once."""
    with Inbox(broker, "#", **inbox) as fresh:
        word = f"end {time.monotonic_ns()}"
        fresh.publish("barrier", word)
        wait_until(lambda: fresh.last("barrier") == word)  # what the broker keeps came before
        return {message.topic: message.payload for message in fresh.received if message.retain and message.payload}


def wrong(now: Kept, before: Kept, labels: Mapping[str, str], ids: Mapping[str, str | None]) -> list[str]:
    """Say what is not right.

    Args:
        now: what is kept.
        before: what was kept when all was well, with the same in front of the cameras.
        labels: what is in front of each camera, or `none`.
        ids: of the `appeared` of it; None for none.
    """
    topics = {topic for topic in set(now) ^ set(before) if not topic.endswith("/snapshot")}
    said = [f"{topic} {'missing' if topic in before else 'left over'}" for topic in sorted(topics)]
    same = [topic for topic in set(now) & set(before) if topic.rpartition("/")[2] not in CHANGING]
    said += [f"{topic} is {now[topic][:60]!r}" for topic in sorted(same) if now[topic] != before[topic]]
    for camera, label in labels.items():
        state = json.loads(now.get(f"{ROOT}/{camera}/state", b"{}"))
        if (state.get("label"), state.get("event_id")) != (label, ids[camera]):
            said.append(f"{camera}/state is {state}, not {label} {ids[camera]}")
    if now.get(f"{ROOT}/status") != b"online":
        said.append("the node is not online")
    return said
