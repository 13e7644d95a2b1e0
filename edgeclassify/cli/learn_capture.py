"""`edgeclassify learn capture`."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.options import config_option
from edgeclassify.cli.progress import progress

if TYPE_CHECKING:
    from edgeclassify.config.reader import ConfigFile


@click.command(
    "capture",
    short_help="Take pictures of a class with a camera.",
    epilog="Example: edgeclassify learn capture parcel --camera porch --count 30",
)
@click.argument("name")
@click.option("--camera", metavar="ID", help="A camera of the configuration; default: its only one.")
@click.option(
    "--count", metavar="COUNT", default=30, show_default=True, type=click.IntRange(1, 10_000), help="How many pictures."
)
@click.option(
    "--to", "folder", default=Path("pictures"), show_default=True, metavar="DIR", type=click.Path(path_type=Path),
    help="They go into DIR/NAME, and `learn DIR` learns from them.",
)  # fmt: skip
@click.option(
    "--patience", default=30.0, show_default=True, type=click.FloatRange(1, 86400), metavar="SECONDS",
    help="End when nothing new was seen for so long.",
)  # fmt: skip
@config_option
def capture(name: str, camera: str | None, count: int, folder: Path, patience: float, config_path: Path | None) -> int:
    """Take pictures as the model sees them, with region, rotation and fit as configured.

    Those that are blurred, dark or like one before are skipped.
    Move the thing, or the camera, while it runs. Ctrl-C ends it; what was taken stays. A camera that a daemon holds
    cannot be opened a second time, unless it is a network stream.
    """
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.errors import InputError, UsageError
    from edgeclassify.inference import load_model
    from edgeclassify.tools.interruption import interruption
    from edgeclassify.tools.learn.capturing import Choice, captured
    from edgeclassify.tools.learn.collecting import class_name

    label = class_name(name)
    if "/" in label or label.startswith("."):
        raise UsageError(f"learn: {name!r} is no name for a folder; it may have no / and not begin with a dot")
    file = load_config(find_config(config_path))
    chosen = _camera(file, camera)
    size = load_model(file.config.model, file.base).input_size
    choice, taken = Choice(), 0
    section = file.config.cameras[chosen]
    with interruption() as stopped, progress("pictures", count) as (advance, _tell):
        pictures = captured(chosen, section, file.base, folder / label, size, choice, patience, stopped)
        with closing(pictures):  # and with it the camera
            for _ in itertools.islice(pictures, count):
                taken += 1
                advance()
        ended = stopped()
    click.echo(
        f"{taken} of {count} picture(s) in {click.format_filename(folder / label)}; "
        f"skipped: {choice.duplicates} like one before, {choice.blurred} blurred or dark"
    )
    if taken < count and not ended:
        raise InputError(f"camera {chosen}: showed nothing new for {patience:g} s; move the thing, and run it again")
    return 0


def _camera(file: ConfigFile, name: str | None) -> str:
    from edgeclassify.errors import UsageError

    known = list(file.config.cameras)
    if name is None and len(known) == 1:
        return known[0]
    if name not in known:
        what = "there are several cameras" if name is None else f"there is no camera {name!r}"
        raise UsageError(f"learn: {what}; name one with --camera: {', '.join(known)}")
    return str(name)
