"""Features of many pictures in little memory: a byte for each number, as floats only some pictures at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.inference.head import Array, scaled_to_one

Bytes = npt.NDArray[np.int8]
Labels = npt.NDArray[np.intp]

CHUNK = 1000
"""Pictures that are floats at a time."""

_LARGEST = 127


def stored(features: npt.NDArray[np.floating]) -> Bytes:
    """Return rows as bytes. Only their directions count, so that the largest number of each row becomes 127."""
    largest = np.maximum(np.abs(features).max(axis=-1, keepdims=True), 1e-30)
    as_bytes: Bytes = np.rint(features * (_LARGEST / largest)).astype(np.int8)
    return as_bytes


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """Some rows of a matrix of bytes, shape (pictures, features)."""

    matrix: Bytes
    rows: Labels

    @classmethod
    def of(cls, matrix: Bytes) -> StoredFeatures:
        """Return all rows of a matrix."""
        return cls(matrix, np.arange(len(matrix)))

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """How many features each has."""
        return int(self.matrix.shape[1])

    def taken(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> StoredFeatures:
        """Return some of them, without a copy."""
        return StoredFeatures(self.matrix, self.rows[chosen])

    def chunks(self) -> Iterator[tuple[slice, Array]]:
        """Yield which pictures, and their features, each row of length 1."""
        for start in range(0, len(self.rows), CHUNK):
            part = slice(start, start + CHUNK)
            yield part, scaled_to_one(self.matrix[self.rows[part]].astype(np.float32))

    def bytes(self) -> Bytes:
        """Return them as one matrix."""
        in_order = len(self.rows) == len(self.matrix) and bool((np.diff(self.rows) == 1).all())
        return self.matrix if in_order else self.matrix[self.rows]

    def floats(self) -> Array:
        """Return them all as floats, each row of length 1."""
        all_of_them = np.empty((len(self.rows), self.width), np.float32)
        for part, floats in self.chunks():
            all_of_them[part] = floats
        return all_of_them
