"""What a decision says of itself, in words."""

from __future__ import annotations


def appeared(score: float, threshold: float, for_s: float, margin: float) -> str:
    """Return why an event was sent: `0.87 >= 0.60 for 0.6 s, margin 0.79`."""
    return f"{score:.2f} >= {threshold:.2f} for {for_s:.1f} s, margin {margin:.2f}"


def gone(stay_level: float, for_s: float) -> str:
    """Return why something is gone: `below 0.50 for 5.0 s`."""
    return f"below {stay_level:.2f} for {for_s:.1f} s"


def below_threshold(label: str, score: float, threshold: float) -> str:
    """Return a near miss: `cat 0.38 < 0.40: no event`."""
    return f"{label} {score:.2f} < {threshold:.2f}: no event"


def ambiguous(label: str, score: float, other: str, other_score: float, margin: float) -> str:
    """Return an undecided result: `dog 0.35, cat 0.34: less than 0.10 apart, no event`."""
    return f"{label} {score:.2f}, {other} {other_score:.2f}: less than {margin:.2f} apart, no event"


def ignored(label: str, score: float, other: str, other_score: float) -> str:
    """Return that the label is never reported, and what came next: `background 0.90 is ignored, next cat 0.08`."""
    return f"{label} {score:.2f} is ignored, next {other} {other_score:.2f}"


def cooldown(label: str, score: float, left_s: float) -> str:
    """Return that it was gone only just before: `cat 0.91, gone just before: no event for 12 s more`."""
    return f"{label} {score:.2f}, gone just before: no event for {left_s:.0f} s more"


def waiting(label: str, score: float, for_s: float, appear_after_s: float) -> str:
    """Return that it has to qualify for longer: `cat 0.91 for 0.2 s of 0.5 s`."""
    return f"{label} {score:.2f} for {for_s:.1f} s of {appear_after_s:.1f} s"


def present(label: str, score: float, for_s: float) -> str:
    """Return that it is there already: `cat 0.91 present for 12 s`."""
    return f"{label} {score:.2f} present for {for_s:.0f} s"
