"""When frames are due: for classification (a limit), and for showing (a recording's own time)."""

from __future__ import annotations

_JITTER = 0.2  # of an interval: so much early is still in time
_USUAL_GAP_S = 0.04
_SHORTEST_GAP_S = 0.001
_MOST_BEHIND_S = 1.0


class RateLimit:
    """At most so many frames a second in the long run; a camera that is as fast as the limit loses none to jitter.

    Args:
        frames_per_second: the limit; 0 for none.
    """

    def __init__(self, frames_per_second: float) -> None:
        self._interval_s = 1 / frames_per_second if frames_per_second else 0.0
        self._next_due_s: float | None = None

    def due(self, captured_s: float) -> bool:
        """Tell whether the frame of this time is to be classified, and count on it that it will be."""
        interval_s = self._interval_s
        if self._next_due_s is None:
            self._next_due_s = captured_s + interval_s
            return True
        if captured_s < self._next_due_s - _JITTER * interval_s:
            return False
        # The schedule goes on from the frame that was due, not from this one: else 30 a second, limited to 30,
        # become 15. But what a slow camera, or a pause, left out is not made up for.
        late = captured_s >= self._next_due_s + interval_s
        self._next_due_s = (captured_s if late else self._next_due_s) + interval_s
        return True


class Playback:
    """When the frames of a recording are shown: at their timestamps, as far as these make sense.

    Args:
        longest_gap_s: a longer gap between two frames is taken for a broken timestamp.
    """

    def __init__(self, longest_gap_s: float) -> None:
        self._longest_gap_s = longest_gap_s
        self._usual_gap_s = _USUAL_GAP_S
        self._time_s: float | None = None
        self._due_s: float | None = None

    def due_s(self, time_s: float | None, now_s: float) -> float:
        """Return when to show the frame with this timestamp (None if it has none), on the clock of `now_s`."""
        if self._due_s is None:
            self._due_s = now_s
        else:
            self._due_s = max(self._due_s + self._gap_s(time_s), now_s - _MOST_BEHIND_S)
        self._time_s = time_s
        return self._due_s

    def _gap_s(self, time_s: float | None) -> float:
        gap_s = time_s - self._time_s if time_s is not None and self._time_s is not None else 0.0
        # Missing, backward (also: it began anew), a jump, or not a number.
        if not _SHORTEST_GAP_S <= gap_s <= self._longest_gap_s:
            return self._usual_gap_s
        self._usual_gap_s = gap_s
        return gap_s
