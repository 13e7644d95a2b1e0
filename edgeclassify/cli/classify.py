"""`edgeclassify classify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeclassify.cli.chosen_model import chosen_model, model_option
from edgeclassify.cli.options import config_option

if TYPE_CHECKING:
    from edgeclassify.inference import Classifier

_SCORE_DIGITS = 8  # enough for the steps of 1/256 of a quantized model, exactly


@click.command(epilog="Example: edgeclassify classify cat.jpg --top 3")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path(path_type=Path))
@model_option
@click.option("--labels", metavar="FILE", help="A label file for the model.")
@config_option
@click.option(
    "--top", metavar="COUNT", default=5, show_default=True, type=click.IntRange(min=1), help="How many labels to show."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    images: tuple[Path, ...],
    model: str | None,
    labels: str | None,
    config_path: Path | None,
    top: int,
    *,
    as_json: bool,
) -> int:
    """Classify pictures, once. A folder stands for all pictures in it.

    Scores are the model's own, before groups and thresholds.
    """
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.errors import InputError
    from edgeclassify.inference import open_classifier

    file = load_config(find_config(config_path))
    failed = 0
    with open_classifier(*chosen_model(file, model, labels)) as classifier:
        if not as_json:
            cpu = "the CPU, XNNPACK" if classifier.xnnpack else "the CPU, without XNNPACK"
            click.echo(
                f"{classifier.model.name} on {cpu if classifier.accelerator == 'cpu' else classifier.accelerator}"
            )
        for image in images:
            for picture in _pictures(image):
                try:
                    result = _classified(classifier, picture, top)
                except InputError as error:
                    failed += 1
                    click.echo(f"edgeclassify: {error}", err=True)
                    continue
                click.echo(json.dumps(result, ensure_ascii=False) if as_json else _in_words(result))
    return InputError.exit_code if failed else 0


def _pictures(path: Path) -> Iterator[Path]:
    """Yield the picture itself, or those in a folder by name; a folder without any is a picture that fails."""
    from edgeclassify.picturefile import is_picture

    try:
        found = [entry for entry in sorted(path.iterdir()) if is_picture(entry)] if path.is_dir() else []
    except OSError:  # the message comes from the attempt to read it
        found = []
    yield from found or [path]


def _classified(classifier: Classifier, path: Path, top: int) -> dict[str, Any]:
    from edgeclassify.image import load_picture
    from edgeclassify.inference.ranking import best_indexes
    from edgeclassify.records import Frame

    picture = load_picture(path)
    frame = Frame("", picture.captured_s, picture.model_input(*classifier.model.input_size), picture)
    scores = classifier.classify(frame)
    return {
        "image": click.format_filename(path),
        "model": scores.model,
        "accelerator": scores.accelerator,
        "inference_ms": round(scores.inference_ms, 3),
        "results": [
            {
                "index": index,
                "label": classifier.model.labels[index],
                "score": round(float(scores.values[index]), _SCORE_DIGITS),
            }
            for index in best_indexes(scores.values, top)
        ],
    }


def _in_words(result: dict[str, Any]) -> str:
    lines = [f"\n{result['image']}  ({result['inference_ms']:.1f} ms)"]
    lines += [f"  {answer['score']:.3f}  {answer['index']:>4}  {answer['label']}" for answer in result["results"]]
    return "\n".join(lines)
