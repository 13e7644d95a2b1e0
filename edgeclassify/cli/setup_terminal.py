"""The set-up's questions on a terminal."""

from __future__ import annotations

import io
import shutil
import sys
import textwrap
from collections.abc import Sequence

import click

_INDENT = "  "
_WIDEST = 100
_SHORTEST_NAME = 3  # shorter ones are a slip: of a number, of y or n


def wrapped(text: str, begin: str = _INDENT) -> str:
    """Return a text in lines that fit the terminal, the first after `begin`; long paths stay whole, to be copied."""
    return textwrap.fill(
        text,
        min(shutil.get_terminal_size().columns, _WIDEST),
        initial_indent=begin,
        subsequent_indent=" " * max(len(begin), len(_INDENT) + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


class Terminal:
    """A Dialogue with the person at this terminal.

    Args:
        err: whether all of it goes to stderr, since stdout is for something else.
    """

    attended = True

    def __init__(self, *, err: bool) -> None:
        self._err = err
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")  # what is no text in this terminal's encoding is no name either

    def heading(self, text: str) -> None:
        """Begin a step."""
        click.echo(err=self._err)
        click.secho(text, bold=True, err=self._err)

    def say(self, text: str) -> None:
        """Tell something."""
        click.echo(wrapped(text), err=self._err)

    def ask(self, question: str, default: str, option: str) -> str:  # noqa: ARG002 - the protocol's
        """Return a line of text, not empty."""
        while True:
            answer: str = click.prompt(f"{_INDENT}{question}", default=default or None, err=self._err).strip()
            if answer:
                return answer

    def ask_secret(self, question: str, option: str) -> str:  # noqa: ARG002 - the protocol's
        """Return what is typed unseen."""
        while True:
            try:
                answer: str = click.prompt(
                    f"{_INDENT}{question} (not shown)", hide_input=True, default="", show_default=False, err=self._err
                )
            except UnicodeDecodeError:
                click.echo(err=self._err)  # behind the question
                self.say("That is no text in this terminal's encoding.")
                continue
            return answer

    def choose(self, question: str, choices: Sequence[str], option: str) -> int:  # noqa: ARG002 - the protocol's
        """Return the number of one of them, from 0."""
        self._list(choices)
        while True:
            number = _number(self._answer(question), len(choices))
            if number is not None:
                return number
            self.say(f"A number from 1 to {len(choices)}, please.")

    def choose_or_name(self, question: str, choices: Sequence[str], option: str) -> int | str:  # noqa: ARG002
        """Return the same, or what was typed in its place."""
        self._list(choices)
        while True:
            answer = self._answer(question)
            number = _number(answer, len(choices))
            if number is not None:
                return number
            if len(answer) >= _SHORTEST_NAME:
                return answer
            self.say(f"A number from 1 to {len(choices)}, please, or what you mean: an address, a path.")

    def agree(self, question: str, option: str, *, default: bool) -> bool:  # noqa: ARG002 - the protocol's
        """Return yes or no."""
        return click.confirm(f"{_INDENT}{question}", default=default, err=self._err)

    def _list(self, choices: Sequence[str]) -> None:
        for number, choice in enumerate(choices, start=1):
            click.echo(wrapped(choice, f"{_INDENT}{number}  "), err=self._err)

    def _answer(self, question: str) -> str:
        answer: str = click.prompt(f"{_INDENT}{question}", default="1", err=self._err)
        return answer.strip()


def _number(answer: str, last: int) -> int | None:
    is_one = answer.isascii() and answer.isdigit() and 1 <= int(answer[:9]) <= last
    return int(answer) - 1 if is_one else None
