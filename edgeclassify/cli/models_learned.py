"""What `edgeclassify models info` says of a learned model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edgeclassify.catalogue.verify import Check


def learned_facts(folder: Path) -> dict[str, Any]:
    """Return it as a JSON object; ModelError when it is damaged."""
    from edgeclassify.inference.bundle import read_index

    index = read_index(folder)
    return {
        "name": folder.name,
        "path": click.format_filename(folder),
        "backbone": vars(index.backbone),
        "head": index.kind,
        "labels": list(index.labels),
        "measured": index.measured,
        "problem": _problem(folder),
    }


def learned_lines(folder: Path) -> Iterator[str]:
    """Yield it in words: the card, and whether it can be used here."""
    from edgeclassify.inference.bundle import CARD

    try:
        yield (folder / CARD).read_text(encoding="utf-8", errors="replace").rstrip()
    except OSError:
        yield f"# {folder.name}\n\nIts card is missing."
    problem = _problem(folder)
    yield f"\nusable here: no: {problem}" if problem else "\nusable here: yes"


def learned_checks() -> Iterator[Check]:
    """Yield whether each learned model is whole and has its backbone."""
    from edgeclassify.catalogue.verify import Check
    from edgeclassify.inference.bundle import read_index
    from edgeclassify.inference.bundle_files import again, is_whole
    from edgeclassify.resources import learned_models

    for folder in learned_models().values():
        problem = _problem(folder)
        if not problem and not is_whole(folder / read_index(folder).examples_file):
            problem = f"works, but its examples are damaged, and it cannot be added to; {again(folder)} --force"
        yield Check(folder, ok=not problem, said=problem or "learned; all its files and its backbone are as they were")


def _problem(folder: Path) -> str:
    from edgeclassify.errors import ModelError
    from edgeclassify.inference.bundle import read_bundle

    try:
        read_bundle(folder)
    except ModelError as error:
        return str(error)
    return ""
