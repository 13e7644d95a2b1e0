"""`edgeclassify models pull`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from edgeclassify.catalogue.pull import Pulled, Puller
    from edgeclassify.catalogue.report import Report

_LINE_EVERY_S = 5.0


@click.command(
    "pull", short_help="Get one, verified.", epilog="Example: edgeclassify models pull mobilenet_v2_1.0_224_quant"
)
@click.argument("model", metavar="NAME-or-ADDRESS")
@click.option("--sha256", default="", metavar="HEX", help="What a file from an address must be; needed for those.")
@click.option("-n", "--name", metavar="NAME", help="What to call a model from an address; default: as its file.")
@click.option("--no-edgetpu", is_flag=True, help="Without the twin for the Edge TPU.")
@click.option(
    "--mirror",
    envvar="EDGECLASSIFY_MIRROR",
    default="",
    metavar="URL-or-FOLDER",
    help="Where to get the files in place of where they were published, under the same names; "
    "a folder of pulled models will do. Default: $EDGECLASSIFY_MIRROR.",
)
def pull(model: str, sha256: str, name: str | None, mirror: str, *, no_edgetpu: bool) -> int:
    """Get a model of the catalogue, or a .tflite file or a zip archive with one in it from an address or a path.

    It comes with its labels and its twin for the Edge TPU, and all of them replace an older one at once. Nothing is
    used that its checksum does not fit; what was broken off goes on where it ended.

    Proxies are taken from $https_proxy and $http_proxy.

    Models go to $EDGECLASSIFY_MODELS, else to ~/.local/share/edgeclassify/models of the user who pulls. For a service
    that runs as another user, pull as root with EDGECLASSIFY_MODELS set to the folder that the service has there.
    """
    from edgeclassify.catalogue.pull import Puller
    from edgeclassify.catalogue.storage import pulled_folder, unfinished

    folder, address = pulled_folder(), _is_address(model)
    try:
        with report_here() as report:
            pulled = _pull(Puller(folder, report, mirror), model, sha256, name, with_twin=not no_edgetpu)
    except KeyboardInterrupt:
        kept = sum(part.stat().st_size for part in unfinished(folder))
        where = click.format_filename(folder)
        # What has no checksum yet is not gone on with: nothing would tell that the rest is of another file.
        goes_on = (
            f"{kept:,} bytes are kept in {where}, and the same command goes on there"
            if sha256 or not address
            else ("without --sha256 the next pull begins anew")
        )
        click.echo(f"edgeclassify: models pull: broken off; {goes_on}", err=True)
        return 0
    where = click.format_filename(pulled.path)
    if not pulled.files:
        click.echo(f"{pulled.name}: is here already, and whole: {where}")
        return 0
    click.echo(f"{pulled.name}: pulled and verified ({', '.join(pulled.files)}): {where}")
    click.echo(f"To use it, write in config.yaml:\n  model:\n    name: {pulled.name}")
    return 0


def _pull(puller: Puller, model: str, sha256: str, name: str | None, *, with_twin: bool) -> Pulled:
    from edgeclassify.catalogue.entries import catalogue
    from edgeclassify.errors import UsageError

    if _is_address(model):
        return puller.pull_address(model, sha256, name)
    if sha256 or name:
        raise UsageError("models: --sha256 and --name are for addresses; the catalogue has its own")
    return puller.pull_entry(catalogue().entry(model), with_twin=with_twin)


def _is_address(model: str) -> bool:
    return "/" in model or model.endswith((".tflite", ".zip"))


@contextlib.contextmanager
def report_here() -> Iterator[Report]:
    """Yield a progress bar on a terminal, else plain lines; standard output is for the result."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bars(progress)


class _Bars:
    """One bar for each file."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def progress(self, file: str, done_bytes: int, total_bytes: int | None) -> None:
        if file not in self._tasks:
            self._tasks[file] = self._progress.add_task(file, total=total_bytes)
        self._progress.update(self._tasks[file], completed=done_bytes, total=total_bytes)


class _Lines:
    """A line when a file begins, one every few seconds, and one when it is there."""

    def __init__(self) -> None:
        self._file = ""
        self._said_s = 0.0

    def note(self, text: str) -> None:
        click.echo(text, err=True)

    def progress(self, file: str, done_bytes: int, total_bytes: int | None) -> None:
        now_s = time.monotonic()
        if file == self._file and now_s - self._said_s < _LINE_EVERY_S and done_bytes != total_bytes:
            return
        self._file, self._said_s = file, now_s
        total = f" of {total_bytes / 1e6:.1f}" if total_bytes else ""
        click.echo(f"{file}: {done_bytes / 1e6:.1f}{total} MB", err=True)
