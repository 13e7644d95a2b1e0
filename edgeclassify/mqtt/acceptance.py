"""Which events enter the outbox: each `appeared` gets exactly one `gone`. Works inside a store's transaction."""

from __future__ import annotations

import logging
from functools import partial

from edgeclassify.mqtt import messages
from edgeclassify.mqtt.clock import CLOCK_UNSET_BEFORE_S, this_instant
from edgeclassify.mqtt.messages import plain_text
from edgeclassify.mqtt.store import OpenPresence, Row, Store
from edgeclassify.mqtt.topics import Topics
from edgeclassify.records import Event

log = logging.getLogger(__name__)


def accept(store: Store, topics: Topics, event: Event) -> Row | None:
    """Add an event and open or close its presence; None (and a line in the log) if it does not fit."""
    label = plain_text(event.label)
    presence = store.presence(event.camera, label, event.index)
    if (event.event_type == "appeared") != (presence is None):
        log.error(
            "camera %s: %r %s, but it is %s; this event is not sent",
            event.camera, label[:100], event.event_type, "already present" if presence else "not present",
        )  # fmt: skip
        return None
    appeared_id = presence.event_id if presence else None
    body_of = partial(messages.event_body, event, topics.node, appeared_id=appeared_id)
    try:
        row = store.add(topics.event(event.camera), body_of, this_instant())
    except ValueError as error:
        log.error("camera %s: %r %s is not sent: %s", event.camera, label[:100], event.event_type, error)
        return None
    if presence is None:
        store.open_presence(_presence(event, label, row))
    else:
        store.close_presence(presence)
    return row


def close_open_presences(store: Store, topics: Topics, reason: str, now_s: float) -> list[Row]:
    """Add the `gone` of everything that is open, as far as it is known: nothing is seen of it now."""
    rows = [accept(store, topics, _gone(presence, reason, now_s)) for presence in store.presences()]
    return [row for row in rows if row is not None]


def _presence(event: Event, label: str, row: Row) -> OpenPresence:
    return OpenPresence(
        event.camera,
        label,
        event.index,
        row.epoch,
        row.id,
        event.time_s,
        event.score,
        plain_text(event.model),
        event.accelerator,
    )


def _gone(presence: OpenPresence, reason: str, now_s: float) -> Event:
    return Event(
        event_type="gone",
        camera=presence.camera,
        time_s=now_s,
        label=presence.label,
        index=presence.index,
        score=0.0,
        top=(),
        model=presence.model,
        accelerator=presence.accelerator,
        inference_ms=None,
        reason=reason,
        started_s=presence.started_s,
        duration_seconds=_duration_s(presence.started_s, now_s),
        best_score=presence.best_score,
    )


def _duration_s(started_s: float, now_s: float) -> float | None:
    """Return how long it was there; None when the clock was set for the first time meanwhile."""
    if started_s < CLOCK_UNSET_BEFORE_S <= now_s:
        return None
    return max(0.0, now_s - started_s)
