"""Events as the trackers make them, in few words."""

import time

from edgeclassify.records import Decision, Event, Presence, ScoredLabel, State


def event(event_type: str, label: str = "cat", *, index: int | None = 1, camera: str = "porch", score: float = 0.87):
    now_s = time.time()
    gone = event_type == "gone"
    return Event(
        event_type=event_type,
        camera=camera,
        time_s=now_s,
        label=label,
        index=index,
        score=score,
        top=(ScoredLabel(index, label, score), ScoredLabel(2, "dog", 0.08)),
        model="starter",
        accelerator="cpu",
        inference_ms=12.34,
        reason="below 0.50 for 5 s" if gone else "0.87 >= 0.60 for 0.6 s, margin 0.79",
        started_s=now_s - 5 if gone else None,
        duration_seconds=5.0 if gone else None,
        best_score=0.91 if gone else None,
    )


def appeared(label: str = "cat", **more) -> Decision:
    one = event("appeared", label, **more)
    state = State(one.camera, label, one.index, one.score, one.time_s)
    return Decision((one,), state, (Presence(one.camera, label, one.index, present=True),))


def gone(label: str = "cat", **more) -> Decision:
    one = event("gone", label, **more)
    state = State(one.camera, "none", None, None, one.time_s)
    return Decision((one,), state, (Presence(one.camera, label, one.index, present=False),))


def visits(count: int) -> list[Decision]:
    """`count` decisions, each with one event: cats that come and go."""
    return [appeared() if number % 2 == 0 else gone() for number in range(count)]
