"""Why a camera sends no event, or what it shows, in a few words beside label and score."""

from __future__ import annotations

from edgeclassify.tools.watch.reading import Details, Present, Reading

_WORTH_TELLING_S = 1.0
"""A shorter time flickers."""


def words(reading: Reading) -> str:
    """Return like `below 0.60 for 1.2 s`; of an older node its own words."""
    details = reading.details
    if details is None:
        return reading.why.removeprefix(f"{reading.label} {reading.score:.2f}").lstrip(", ")
    presence = reading.presence
    if presence is not None:
        return _of_what_is_present(presence, reading, details)
    said = _of_what_is_not(reading, details)
    return f"{_present(details.present[0], named=True)}; {said}" if details.present else said


def duration(seconds: float) -> str:
    """Return like `1.2 s`, `45 s`, `12 min` or `3 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.0f} h"


def _of_what_is_present(presence: Present, reading: Reading, details: Details) -> str:
    said = _present(presence)
    if reading.outcome == "cooldown" and details.left_s is not None:
        said += f", no event for {duration(details.left_s)}"
    return said


def _present(one: Present, *, named: bool = False) -> str:
    said = f"{one.label} present" if named else "present"
    said += f" for {duration(one.for_s)}"
    return said if one.gone_in_s is None else f"{said}, gone in {duration(one.gone_in_s)}"


def _of_what_is_not(reading: Reading, details: Details) -> str:
    left = "" if details.left_s is None else duration(details.left_s)
    other = reading.answers[1] if len(reading.answers) > 1 else None
    if reading.outcome == "ignored":
        return f"ignored, next {other.label} {other.score:.2f}" if other else "ignored"
    if reading.outcome == "below_threshold" and reading.threshold is not None:
        return f"below {reading.threshold:.2f}{_since(details)}"
    if reading.outcome == "ambiguous" and other:
        ahead = f"{reading.score - other.score:.2f} ahead of {other.label}"
        return f"{ahead}, needs {details.margin:.2f}{_since(details)}"
    if reading.outcome == "cooldown":
        return f"cooldown, {left} left"
    return f"appears in {left}" if left else reading.outcome


def _since(details: Details) -> str:
    return f" for {duration(details.for_s)}" if details.for_s >= _WORTH_TELLING_S else ""
