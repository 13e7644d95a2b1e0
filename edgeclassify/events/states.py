"""When the state of a camera is told again."""

from __future__ import annotations

from collections.abc import Callable

from edgeclassify.records import State

NOTHING = "none"
"""The label of the state when nothing is present."""
_SCORE_STEP = 0.05  # a score that moved by so much is told again,
_INTERVAL_S = 1.0  # but not more often than this


class StateTeller:
    """Returns a state when it differs from the one told last, else None."""

    def __init__(self, camera: str, to_wall: Callable[[float], float]) -> None:
        self._camera = camera
        self._to_wall = to_wall
        self._told: tuple[int | None, float, float] | None = None  # answer, score, when

    def nothing(self, now_s: float) -> State | None:
        """Nothing is present."""
        if self._told is not None and self._told[0] is None:
            return None
        self._told = (None, 0.0, now_s)
        return State(self._camera, NOTHING, None, None, self._to_wall(now_s))

    def present(
        self, answer: int, label: str, index: int | None, score: float, since_wall_s: float, now_s: float
    ) -> State | None:
        """`answer` has the highest score of what is present."""
        if self._told is not None:
            told, told_score, told_at_s = self._told
            moved = abs(score - told_score) >= _SCORE_STEP and now_s - told_at_s >= _INTERVAL_S
            if told == answer and not moved:
                return None
        self._told = (answer, score, now_s)
        return State(self._camera, label, index, score, since_wall_s)
