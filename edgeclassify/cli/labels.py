"""`edgeclassify labels`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.chosen_model import chosen_model, model_option
from edgeclassify.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgeclassify.config.reader import ConfigFile
    from edgeclassify.vocabulary import Vocabulary

Row = tuple[str, str, str, str]
"""Index, label, group, name in topics."""

_TITLES: Row = ("index", "label", "group", "in topics")
_WIDEST = 40  # of a column but the last, on a terminal


@click.command(epilog="Example: edgeclassify labels cat")
@click.argument("search", required=False)
@model_option
@config_option
def command(search: str | None, model: str | None, config_path: Path | None) -> None:
    """Show the labels and groups that thresholds can name; with SEARCH those with this text in label or group.

    A label with commas is also known by each of its parts. One that is in a group is counted there: thresholds name
    the group.
    """
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.errors import InputError
    from edgeclassify.inference import load_model

    file = load_config(find_config(config_path))
    loaded = load_model(*chosen_model(file, model))
    vocabulary = _vocabulary(file, loaded.labels)
    rows = [row for row in _rows(vocabulary) if search is None or _has(row, search)]
    if not rows:
        assert search is not None  # every model has labels
        near = vocabulary.suggestions(search)
        hint = f"did you mean {' or '.join(repr(name) for name in near)}?" if near else "all: edgeclassify labels"
        raise InputError(f"no label or group of {loaded.name} has {search!r} in it; {hint}")
    click.echo("\n".join(_table(rows, cut=sys.stdout.isatty())))


def _vocabulary(file: ConfigFile, labels: Sequence[str]) -> Vocabulary:
    """Return the vocabulary with the configuration's groups, as far as they fit: wrong ones are the reason to look."""
    from edgeclassify.inference.groups import vocabulary_for
    from edgeclassify.vocabulary import GroupsError, UnknownLabelError, Vocabulary

    try:
        return vocabulary_for(labels, file.config.events.groups)
    except GroupsError as error:
        _note(file, error)
        return error.usable
    except UnknownLabelError as error:
        _note(file, error)
        return Vocabulary(labels)


def _note(file: ConfigFile, error: Exception) -> None:
    click.echo(f"edgeclassify: {file.problem(('events', 'groups'), str(error))}", err=True)


def _rows(vocabulary: Vocabulary) -> Iterator[Row]:
    from edgeclassify.mqtt.topics import label_topics

    topics = label_topics([(answer.label, answer.index) for answer in vocabulary.answers])
    for index, label in enumerate(vocabulary.labels):
        group = vocabulary.group_of(index)
        topic = topics[label, index] if group is None else topics[group, None]
        yield str(index), label, group or "", topic


def _has(row: Row, search: str) -> bool:
    wanted = search.casefold().strip()
    return any(wanted in text.casefold() for text in row[1:3])


def _table(rows: Sequence[Row], *, cut: bool) -> Iterator[str]:
    shown = [_TITLES, *((i, _short(label) if cut else label, group, topic) for i, label, group, topic in rows)]
    if not any(group for _, _, group, _ in rows):
        shown = [(index, label, "", topic) for index, label, _, topic in shown]
    index_width, label_width, group_width = (max(len(row[column]) for row in shown) for column in range(3))
    for index, label, group, topic in shown:
        middle = f"{group:{group_width}}  " if group_width else ""
        yield f"{index:>{index_width}}  {label:{label_width}}  {middle}{topic}"


def _short(label: str) -> str:
    return label if len(label) <= _WIDEST else f"{label[: _WIDEST - 1]}…"
