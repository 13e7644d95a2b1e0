"""Nobody to ask: what the options do not say is an error that names the option."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from edgeclassify.errors import UsageError


class Unattended:
    """A Dialogue with nobody."""

    attended = False

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def heading(self, text: str) -> None:
        """Begin a step."""
        self._say(text)

    def say(self, text: str) -> None:
        """Tell something."""
        self._say(f"  {text}")

    def ask(self, question: str, default: str, option: str) -> str:  # noqa: ARG002 - the protocol's
        """Raise UsageError."""
        _missing(question, option)

    def ask_secret(self, question: str, option: str) -> str:
        """Raise UsageError."""
        _missing(question, option)

    def choose(self, question: str, choices: Sequence[str], option: str) -> int:
        """Raise UsageError."""
        _missing(f"{question} ({'; '.join(choices)})", option)

    def choose_or_name(self, question: str, choices: Sequence[str], option: str) -> int | str:
        """Raise UsageError."""
        return self.choose(question, choices, option)

    def agree(self, question: str, option: str, *, default: bool) -> bool:  # noqa: ARG002 - the protocol's
        """Raise UsageError."""
        _missing(question, option)


def _missing(question: str, option: str) -> NoReturn:
    raise UsageError(f"setup: {question.rstrip('?')}: nobody is there to ask; give {option}")
