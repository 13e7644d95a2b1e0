"""A message on `why`, taken apart: anybody may publish there, so nothing in it is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from edgeclassify.tools.foreign import harmless

_MOST = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A label or group, and what it takes to count."""

    label: str
    score: float
    threshold: float | None = None
    """None: it is never reported, or an older node did not say."""


@dataclass(frozen=True, slots=True)
class Present:
    """What is in front of the camera."""

    label: str
    for_s: float
    gone_in_s: float | None
    """None while its score is high enough."""


@dataclass(frozen=True, slots=True)
class Details:
    """What nodes tell since `answers` is part of the message."""

    margin: float
    for_s: float
    left_s: float | None
    present: tuple[Present, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one frame of a camera came to."""

    label: str
    score: float
    outcome: str
    why: str
    """In the node's own words."""
    answers: tuple[Answer, ...]
    """The best five; of an older node the model's own labels, without thresholds."""
    details: Details | None

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Read a message.

        Raises:
            TypeError, ValueError: it is not as docs/schemas/why.json says.
        """
        newer = "answers" in message
        return cls(
            label=_text(message, "label"),
            score=_score(message, "score"),
            outcome=_text(message, "outcome"),
            why=_text(message, "why"),
            answers=tuple(
                Answer(_text(one, "label"), _score(one, "score"), _number(one, "threshold") if newer else None)
                for one in _list(message, "answers" if newer else "top")
            ),
            details=_details(message) if newer else None,
        )

    @property
    def threshold(self) -> float | None:
        """The score from which `label` counts."""
        return self.answers[0].threshold if self.answers and self.details else None

    @property
    def presence(self) -> Present | None:
        """The presence of `label` itself."""
        found = self.details.present if self.details else ()
        return next((one for one in found if one.label == self.label), None)


def _details(message: Mapping[str, Any]) -> Details:
    return Details(
        margin=_number(message, "margin") or 0.0,
        for_s=_number(message, "for_seconds") or 0.0,
        left_s=_number(message, "left_seconds"),
        present=tuple(
            Present(_text(one, "label"), _number(one, "for_seconds") or 0.0, _number(one, "gone_in_seconds"))
            for one in _list(message, "present")
        ),
    )


def _text(message: Mapping[str, Any], key: str) -> str:
    value = message.get(key)
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return harmless(value)


def _number(message: Mapping[str, Any], key: str) -> float | None:
    value = message.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9 or math.isnan(value):
        raise ValueError(f"{key} is no number of 0 or more")
    return float(value)


def _score(message: Mapping[str, Any], key: str) -> float:
    value = _number(message, key)
    if value is None or value > 1:
        raise ValueError(f"{key} is no score")
    return value


def _list(message: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    value = message.get(key)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value[:_MOST]):
        raise ValueError(f"{key} is no list of objects")
    return value[:_MOST]
