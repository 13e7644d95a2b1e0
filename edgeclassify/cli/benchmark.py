"""`edgeclassify benchmark`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.chosen_model import chosen_model
from edgeclassify.cli.options import config_option
from edgeclassify.cli.progress import progress

if TYPE_CHECKING:
    from edgeclassify.config.sections import ModelConfig
    from edgeclassify.tools.benchmark import Benchmark


@click.command(epilog="Example: edgeclassify benchmark -m starter -m mobilenet_v2_1.0_224_quant")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="A model's name, or the path of a .tflite file; may be repeated; default: the configuration's.",
)
@config_option
@click.option(
    "--seconds",
    metavar="SECONDS",
    default=10.0,
    show_default=True,
    type=click.FloatRange(1, 3600),
    help="How long for each model.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(models: tuple[str, ...], config_path: Path | None, seconds: float, *, as_json: bool) -> None:
    """Measure how quick models are on this machine, and what the pipeline adds to the bare interpreter.

    Bare interpreter, classification and whole pipeline (a clip decoded, scaled, classified, decided on) run in turns,
    so that whatever else the machine does meets all of them. Ctrl-C shows what is done so far.
    """
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.inference import load_model
    from edgeclassify.tools.benchmark_clip import make_clip
    from edgeclassify.tools.benchmark_report import Machine, document, in_words

    file = load_config(find_config(config_path))
    chosen = [chosen_model(file, model) for model in dict.fromkeys(models)] or [chosen_model(file, None)]
    for one in chosen:
        load_model(*one)  # all of them, before any takes its time; and the files are in memory then
    before = Machine.now()
    with tempfile.TemporaryDirectory(prefix="edgeclassify-benchmark-") as folder:
        clip = Path(folder, "clip.mp4")
        about = make_clip(clip)
        found = _measured(chosen, clip, seconds)
    told = document(found, about, before, Machine.now())
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(in_words(told)))


def _measured(chosen: list[tuple[ModelConfig, Path]], clip: Path, seconds: float) -> list[Benchmark]:
    """Return one for each model, or for those that were done at Ctrl-C."""
    from edgeclassify.tools.benchmark import ROUNDS, benchmark

    found: list[Benchmark] = []
    try:
        with progress("benchmark", len(chosen) * (ROUNDS + 1)) as (advance, _):
            for config, base in chosen:
                found.append(benchmark(config, base, clip, seconds, advance))
    except KeyboardInterrupt:
        click.echo(f"stopped: {len(found)} of {len(chosen)} model(s) measured", err=True)
    return found
