"""The best of many scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def best_indexes(scores: npt.NDArray[np.floating], count: int) -> list[int]:
    """Return the indexes of the `count` highest scores, or of all, best first; equal ones by index."""
    order: list[int] = np.argsort(-scores, kind="stable")[:count].tolist()
    return order
