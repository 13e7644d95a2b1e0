"""How the steps of the set-up talk with whoever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Dialogue(Protocol):
    """A person at a terminal, or nobody: then every question is an error that names the option which answers it."""

    attended: bool
    """Whether there is somebody to ask."""

    def heading(self, text: str) -> None:
        """Begin a step."""
        ...

    def say(self, text: str) -> None:
        """Tell something."""
        ...

    def ask(self, question: str, default: str, option: str) -> str:
        """Return a line of text, not empty; an empty `default` is none."""
        ...

    def ask_secret(self, question: str, option: str) -> str:
        """Return what nobody else may see; may be empty."""
        ...

    def choose(self, question: str, choices: Sequence[str], option: str) -> int:
        """Return the number of one of them, from 0; the first is the usual one."""
        ...

    def choose_or_name(self, question: str, choices: Sequence[str], option: str) -> int | str:
        """Return the same, or a text that was typed in place of a number: an address, a path."""
        ...

    def agree(self, question: str, option: str, *, default: bool) -> bool:
        """Return yes or no."""
        ...
