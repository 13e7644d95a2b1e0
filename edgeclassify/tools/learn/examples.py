"""What is learned from: the features of each picture, and which class it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeclassify.inference.bundle_files import damaged
from edgeclassify.inference.head import NONE
from edgeclassify.tools.learn.stored_features import Bytes, Labels, StoredFeatures


@dataclass(frozen=True, eq=False)
class Examples:
    """Pictures by the order of their rows; `none` is the last of the classes, if it is one of them."""

    features: StoredFeatures
    labels: Labels
    """Numbers in `classes`."""
    classes: tuple[str, ...]
    keys: tuple[str, ...]
    """The SHA-256 of each file."""
    names: tuple[str, ...]
    """Of the files, for people."""

    @classmethod
    def of(cls, features: Bytes, labels: Sequence[str], keys: Sequence[str], names: Sequence[str]) -> Examples:
        """Put them into the order of the classes' names, and each class's into that of its keys.

        Args:
            features: shape (pictures, features), of `stored`.
            labels: the class of each.
            keys: the SHA-256 of each file.
            names: of the files.
        """
        classes = sorted(set(labels), key=lambda name: (name == NONE, name.casefold(), name))
        number = {name: index for index, name in enumerate(classes)}
        order = sorted(range(len(labels)), key=lambda row: (number[labels[row]], keys[row]))
        return cls(
            StoredFeatures.of(features[np.array(order, np.intp)]),
            np.array([number[labels[row]] for row in order], np.intp),
            tuple(classes),
            tuple(keys[row] for row in order),
            tuple(names[row] for row in order),
        )

    @property
    def counts(self) -> list[int]:
        """How many pictures each class has."""
        counted: list[int] = np.bincount(self.labels, minlength=len(self.classes)).tolist()
        return counted

    @property
    def has_none(self) -> bool:
        """Whether pictures of nothing are among them."""
        return self.classes[-1:] == (NONE,)

    @property
    def real_classes(self) -> int:
        """How many classes there are without `none`."""
        return len(self.classes) - self.has_none

    def label_of(self, row: int) -> str:
        """Return the class of a picture."""
        return self.classes[int(self.labels[row])]

    def joined(self, other: Examples) -> Examples:
        """Return both; what is in both counts once, as `other` has it."""
        known = set(other.keys)
        kept = [row for row, key in enumerate(self.keys) if key not in known]
        return Examples.of(
            np.concatenate([self.features.taken(np.array(kept, np.intp)).bytes(), other.features.bytes()]),
            [*map(self.label_of, kept), *map(other.label_of, range(len(other.keys)))],
            [*(self.keys[row] for row in kept), *other.keys],
            [*(self.names[row] for row in kept), *other.names],
        )

    def without(self, name: str) -> Examples:
        """Return them without a class."""
        return self.subset([row for row in range(len(self.keys)) if self.label_of(row) != name])

    def subset(self, rows: Sequence[int]) -> Examples:
        """Return these pictures, with those classes that still have some."""
        return Examples.of(
            self.features.taken(np.array(rows, np.intp)).bytes(), [self.label_of(row) for row in rows],
            [self.keys[row] for row in rows], [self.names[row] for row in rows],
        )  # fmt: skip

    def rows_of(self, rows: Sequence[int]) -> Examples:
        """Return these pictures, with all classes, also those that have none left."""
        return replace(
            self, features=self.features.taken(np.array(rows, np.intp)), labels=self.labels[list(rows)],
            keys=tuple(self.keys[row] for row in rows), names=tuple(self.names[row] for row in rows),
        )  # fmt: skip

    def arrays(self) -> dict[str, Any]:
        """Return what `from_arrays` takes."""
        return {
            "features": self.features.bytes(), "labels": self.labels, "classes": np.array(self.classes),
            "keys": np.array(self.keys), "names": np.array(self.names),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], where: Path) -> Examples:
        """Return what was kept.

        Raises:
            ModelError: it is damaged.
        """
        try:
            features, labels = arrays["features"].astype(np.int8, casting="safe"), arrays["labels"].astype(np.intp)
            classes, keys, names = (tuple(map(str, arrays[name])) for name in ("classes", "keys", "names"))
        except (KeyError, ValueError, TypeError) as error:
            raise damaged(where, error) from error
        if features.ndim != 2 or not len(labels) == len(features) == len(keys) == len(names) or not len(labels):
            raise damaged(where)
        if labels.min() < 0 or labels.max() >= len(classes):
            raise damaged(where)
        return cls(StoredFeatures.of(features), labels, classes, keys, names)
