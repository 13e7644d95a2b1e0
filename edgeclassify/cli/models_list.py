"""`edgeclassify models list`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeclassify.cli.table import table

if TYPE_CHECKING:
    from edgeclassify.catalogue.choice import Machine
    from edgeclassify.catalogue.entries import Entry

_TITLES = ("name", "MB", "input", "top-1", "top-5", "ms", "here", "TPU twin", "knows")
_RIGHT = {1, 2, 3, 4, 5}
"""Columns of numbers."""


@dataclass(frozen=True)
class Row:
    """One model; what is not known is None."""

    name: str
    size_bytes: int | None
    input_pixels: tuple[int, int] | None
    """Width and height."""
    top1_percent: float | None
    top5_percent: float | None
    latency_ms: float | None
    here: str | None
    """Its path."""
    edgetpu: bool
    """There is a twin for the Edge TPU."""
    edgetpu_here: str | None
    knows: str | None


# What to sort by, and whether the largest comes first.
_SORTS: dict[str, tuple[str, bool]] = {
    "name": ("name", False),
    "size": ("size_bytes", False),
    "input": ("input_pixels", False),
    "top1": ("top1_percent", True),
    "top5": ("top5_percent", True),
    "latency": ("latency_ms", False),
}


@click.command(
    "list",
    short_help="Which there are, and which one suits.",
    epilog="Example: edgeclassify models list --max-size 4 --sort top1",
)
@click.option("--max-size", metavar="MB", type=click.FloatRange(min=0), help="Only models known to be no larger.")
@click.option("--min-top1", metavar="PERCENT", type=click.FloatRange(0, 100), help="Only models known to be as good.")
@click.option("--edgetpu", is_flag=True, help="Only models with a twin for the Edge TPU.")
@click.option("--sort", type=click.Choice(list(_SORTS)), help="Default: those that are here first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_models(
    max_size: float | None, min_top1: float | None, sort: str | None, *, edgetpu: bool, as_json: bool
) -> None:
    """Show the models that can be pulled and those that are here, and which one suits this machine.

    Accuracy and latency are as published, not measured here; "-" is not known.
    """
    from edgeclassify.catalogue.choice import RULE, choose, this_machine
    from edgeclassify.catalogue.entries import catalogue
    from edgeclassify.inference.devices import find_devices

    known = catalogue()
    machine = this_machine([device.name for device in find_devices()])
    rows = [row for row in all_rows() if _passes(row, max_size, min_top1, edgetpu=edgetpu)]
    choice = choose(rows, machine)
    if sort:
        rows = _sorted(rows, *_SORTS[sort])
    if as_json:
        chosen = {"name": choice.name if choice else None, "rule": RULE, "machine": asdict(machine)}
        measured = {"latency_measured_on": known.latency_measured_on}
        click.echo(json.dumps({"choice": chosen, **measured, "models": [asdict(row) for row in rows]}, indent=2))
        return
    click.echo("\n".join(table([_TITLES, *map(_cells, rows)], _RIGHT)))
    click.echo(
        f"\nms: published, measured on {known.latency_measured_on}; top-1, top-5: percent, published; -: not known"
    )
    click.echo(_advice(choice, machine))


def all_rows() -> list[Row]:
    """Return what is here, then the rest of the catalogue."""
    from edgeclassify.catalogue.entries import catalogue
    from edgeclassify.resources import learned_models, local_models

    entries = catalogue().entries
    here = local_models()
    rows = [_row(name, entries.get(name), path) for name, path in here.items()]
    rows += [_learned_row(name, folder) for name, folder in learned_models().items()]
    return rows + [_row(entry.name, entry, None) for entry in entries.values() if entry.name not in here]


def _row(name: str, entry: Entry | None, path: Path | None) -> Row:
    twin = _twin_of(path) if path else None
    return Row(
        name=name,
        size_bytes=path.stat().st_size if path else entry.model.size_bytes if entry else None,
        input_pixels=(entry.input_pixels, entry.input_pixels) if entry else _input_pixels(path),
        top1_percent=entry.top1_percent if entry else None,
        top5_percent=entry.top5_percent if entry else None,
        latency_ms=entry.latency_ms if entry else None,
        here=str(path) if path else None,
        edgetpu=bool(entry or twin),
        edgetpu_here=str(twin) if twin else None,
        knows=entry.knows if entry else None,
    )


def _learned_row(name: str, folder: Path) -> Row:
    from edgeclassify.errors import ModelError
    from edgeclassify.inference.bundle import find_backbone, read_index
    from edgeclassify.inference.twins import find_twins
    from edgeclassify.resources import local_models

    size_bytes = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    knows, pixels, twin = "", None, None
    try:
        index = read_index(folder)
        knows = f"learned with {index.backbone.name}: {', '.join(index.labels)}"
        pixels = _input_pixels(find_backbone(folder, index.backbone))
        twin = find_twins(str(folder.absolute()), folder).edgetpu
        if name in local_models():
            knows = f"hidden by the model file of the same name: rename the folder {folder}"
    except ModelError as error:
        click.echo(f"edgeclassify: {error}", err=True)
    return Row(
        name=name, size_bytes=size_bytes, input_pixels=pixels, top1_percent=None, top5_percent=None, latency_ms=None,
        here=str(folder), edgetpu=twin is not None, edgetpu_here=str(twin) if twin else None, knows=knows,
    )  # fmt: skip


def _twin_of(path: Path) -> Path | None:
    from edgeclassify.resources import TWIN_SUFFIX

    twin = path.with_name(f"{path.stem}{TWIN_SUFFIX}.tflite")
    return twin if twin.is_file() else None


def _input_pixels(path: Path | None) -> tuple[int, int] | None:
    from edgeclassify.errors import ModelError
    from edgeclassify.inference.inspection import input_size_apart

    try:
        return input_size_apart(path) if path else None
    except ModelError as error:
        click.echo(f"edgeclassify: {error}", err=True)
        return None


def _passes(row: Row, max_size: float | None, min_top1: float | None, *, edgetpu: bool) -> bool:
    return (
        (max_size is None or (row.size_bytes is not None and row.size_bytes <= max_size * 1e6))
        and (min_top1 is None or (row.top1_percent is not None and row.top1_percent >= min_top1))
        and (row.edgetpu or not edgetpu)
    )


def _sorted(rows: Sequence[Row], key: str, largest_first: bool) -> list[Row]:
    known = [row for row in rows if getattr(row, key) is not None]
    unknown = [row for row in rows if getattr(row, key) is None]
    return sorted(known, key=lambda row: getattr(row, key), reverse=largest_first) + unknown


def _cells(row: Row) -> tuple[str, ...]:
    def shown(value: Any, form: str) -> str:  # noqa: ANN401 - whatever the form takes
        return "-" if value is None else form.format(value)

    twin = ("here" if row.edgetpu_here else "yes") if row.edgetpu else "-"
    return (
        row.name,
        shown(row.size_bytes and row.size_bytes / 1e6, "{:.1f}"),
        shown(row.input_pixels, "{0[0]}x{0[1]}"),
        shown(row.top1_percent, "{:.1f}"),
        shown(row.top5_percent, "{:.1f}"),
        shown(row.latency_ms, "{:.1f}"),
        "yes" if row.here else "-",
        twin,
        row.knows or "-",
    )


def _advice(choice: Row | None, machine: Machine) -> str:
    from edgeclassify.catalogue.choice import RULE

    if choice is None:
        return f"For this machine ({machine}) none of those listed is known to be quick enough.\nThe rule: {RULE}."
    twin = f", and its twin runs on the Edge TPU {machine.edgetpus[0]}" if machine.edgetpus and choice.edgetpu else ""
    pull = "" if choice.here else f"\nIt is not here; get it with: edgeclassify models pull {choice.name}"
    return (
        f"For this machine ({machine}): {choice.name}, of those listed the most accurate one within "
        f"{machine.budget_ms:g} ms{twin}.{pull}\nThe rule: {RULE}."
    )
