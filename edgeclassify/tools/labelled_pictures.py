"""Pictures with labels, read as a stream, so that any number of them fits into memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture and what somebody says is in it."""

    path: Path
    label: str
    """As written: the folder's name, or the cell of the CSV."""
    where: str
    """The folder, or file and line, for messages."""
    problem: str = ""
    """Why it cannot be used; empty when nothing is known against it."""


class LabelledPictures(Protocol):
    """Can be iterated more than once; each time the files are looked through again."""

    def __iter__(self) -> Iterator[LabelledPicture]:
        """Yield every picture; raises InputError when they cannot be listed at all."""
        ...

    def notes(self) -> list[str]:
        """Return what was left out in the last iteration, for people."""
        ...


@dataclass(eq=False)
class Survey:
    """What a first look at all pictures found; none of them was opened."""

    total: int = 0
    where: dict[str, str] = field(default_factory=dict)
    """Where each label was written first."""
    pictures: Counter[str] = field(default_factory=Counter)
    """How many pictures each label has."""


def survey(pictures: LabelledPictures) -> Survey:
    """Look through all pictures without opening them.

    Raises:
        InputError: there are none, or they cannot be listed.
    """
    found = Survey()
    for picture in pictures:
        found.total += 1
        if not picture.problem:
            found.where.setdefault(picture.label, picture.where)
            found.pictures[picture.label] += 1
    return found
