"""The running mean of scores, independent of the frame rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class RunningMean:
    """An exponential mean per label: what a score weighs halves every `half_life_s` seconds; 0 is no smoothing."""

    def __init__(self, half_life_s: float) -> None:
        self.half_life_s = half_life_s
        """May be changed between two frames."""
        self._mean: npt.NDArray[np.float64] | None = None
        self._at_s = 0.0

    def update(self, values: npt.NDArray[np.floating], at_s: float) -> npt.NDArray[np.float64]:
        """Take in the scores of one frame, shape (labels,); return the mean, which the next call changes in place."""
        if self._mean is None or self.half_life_s == 0:
            self._mean = values.astype(np.float64)
        else:
            elapsed_s = max(0.0, at_s - self._at_s)
            weight = 1 - 2 ** (-elapsed_s / self.half_life_s)
            self._mean += weight * (values - self._mean)
        self._at_s = at_s
        return self._mean

    def reset(self) -> None:
        """Forget everything: the next frame sets the mean."""
        self._mean = None
