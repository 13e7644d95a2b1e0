"""What can be done wrong: cases, in groups that are the tables of docs/errors.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.errors.desk import Desk, Said

Show = Callable[[Desk], Said]


@dataclass(frozen=True)
class Case:
    """One thing done wrong."""

    wrong: str
    """What is wrong, for people."""
    show: Show
    """Does it."""


@dataclass(frozen=True)
class Group:
    """A table: what it is about, and its cases in order."""

    title: str
    about: str
    cases: list[Case] = field(default_factory=list)
    at_once: int = 1
    """So many cases may run side by side: where each is a process of its own."""

    def case(self, wrong: str) -> Callable[[Show], Show]:
        """Take in a function that shows a case."""

        def take(show: Show) -> Show:
            self.add(wrong, show)
            return show

        return take

    def add(self, wrong: str, show: Show) -> None:
        self.cases.append(Case(wrong, show))
