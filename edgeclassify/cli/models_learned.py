"""What `edgeclassify models info` says of a learned model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


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


def _problem(folder: Path) -> str:
    from edgeclassify.errors import ModelError
    from edgeclassify.inference.bundle import read_bundle

    try:
        read_bundle(folder)
    except ModelError as error:
        return str(error)
    return ""
