"""`edgeclassify models info`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edgeclassify.catalogue.entries import Entry
    from edgeclassify.inference.inspection import Inspection, TensorFacts

_WIDTH = 14
_SHOWN_LABELS = 5


@click.command(
    "info",
    short_help="All about one, or about any .tflite file.",
    epilog="Example: edgeclassify models info ./birds.tflite",
)
@click.argument("model", metavar="NAME-or-PATH")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(model: str, *, as_json: bool) -> None:
    """Show what the catalogue knows of a model, and what its file says if it is here; or any .tflite file."""
    from edgeclassify.catalogue.entries import catalogue
    from edgeclassify.cli.models_learned import learned_facts, learned_lines
    from edgeclassify.errors import ModelError
    from edgeclassify.inference.bundle import is_bundle
    from edgeclassify.inference.files import find_model
    from edgeclassify.inference.inspection import inspect_apart

    entry = catalogue().entries.get(model)
    path: Path | None
    try:
        path = find_model(model, Path.cwd())
    except ModelError:
        if entry is None:
            raise
        path = None  # of the catalogue, and not here
    if path and is_bundle(path):
        click.echo(json.dumps(learned_facts(path), ensure_ascii=True) if as_json else "\n".join(learned_lines(path)))
        return
    file = inspect_apart(path) if path else None
    if as_json:
        facts = {"name": model, "catalogue": asdict(entry) if entry else None, "file": _as_json(file)}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    lines = [*(_entry_lines(entry) if entry else []), *(_file_lines(file) if file else [])]
    if entry and not file:
        lines.append(("here", f"no; get it with: edgeclassify models pull {model}"))
    click.echo("\n".join(f"{title:{_WIDTH}}{text}".rstrip() for title, text in lines))


def _as_json(file: Inspection | None) -> dict[str, Any] | None:
    return None if file is None else asdict(file) | {"path": str(file.path)}


def _entry_lines(entry: Entry) -> Iterator[tuple[str, str]]:
    from edgeclassify.catalogue.entries import catalogue

    yield "catalogue", entry.name
    yield "knows", entry.knows or "no labels: it describes pictures by numbers"
    if entry.top1_percent is not None:
        yield "accuracy", f"top-1 {entry.top1_percent:.1f} %, top-5 {entry.top5_percent:.1f} % (published)"
    if entry.latency_ms is not None:
        yield "latency", f"{entry.latency_ms:g} ms (published, {catalogue().latency_measured_on})"
    yield "input", f"{entry.input_pixels}x{entry.input_pixels}"
    for title, file in (("model", entry.model), ("TPU twin", entry.twin), ("labels", entry.labels)):
        if file is not None:
            size = f", {file.size_bytes:,} bytes" if file.size_bytes else ""
            yield title, f"{file.address}\n{'':{_WIDTH}}{file.checksum}{size}"
    yield "", ""


def _file_lines(file: Inspection) -> Iterator[tuple[str, str]]:
    yield "file", f"{click.format_filename(file.path)} ({file.size_bytes:,} bytes)"
    yield "sha256", file.sha256
    for title, tensors in (("input", file.inputs), ("output", file.outputs)):
        for tensor in tensors:
            yield title, _tensor(tensor)
    yield "operations", ", ".join(f"{name} {count}" for name, count in file.operations.items()) or "none"
    yield from file.about.items()
    if file.normalization:
        mean, std = (" ".join(f"{n:g}" for n in values) for values in (file.normalization.mean, file.normalization.std))
        yield "normalized", f"(pixel - {mean}) / {std}"
    yield "labels", _labels(file)
    yield "Edge TPU", "compiled for it" if file.edgetpu else "no, for the CPU"
    on = "yes, on an Edge TPU; the CPU uses the model for the CPU beside it" if file.edgetpu else "yes, on the CPU"
    yield "usable here", f"no: {file.problem}" if file.problem else on


def _tensor(tensor: TensorFacts) -> str:
    shape = " x ".join(map(str, tensor.shape)) or "one number"
    steps = f", scale {tensor.scale:g}, zero point {tensor.zero_point}" if tensor.scale else ""
    return f"{tensor.dtype} {shape}{steps}{f' ({tensor.name})' if tensor.name else ''}"


def _labels(file: Inspection) -> str:
    if not file.labels_from:
        return "none inside and none beside it"
    more = " ..." if len(file.labels) > _SHOWN_LABELS else ""
    return f"{len(file.labels)} from {file.labels_from}: {'; '.join(file.labels[:_SHOWN_LABELS])}{more}"
