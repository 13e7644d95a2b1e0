"""A progress bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress(what: str, total: int) -> Iterator[tuple[Callable[[], None], Callable[[str], None]]]:
    """Show a bar on stderr; give what moves it on by one and what writes a line above it."""
    if not sys.stderr.isatty():
        yield lambda: None, lambda message: click.echo(message, err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield (
            lambda: bar.advance(task),
            lambda message: console.print(message, markup=False, highlight=False, soft_wrap=True),
        )
