"""`edgeclassify demo`."""

from __future__ import annotations

import time
from pathlib import Path

import click


@click.command(epilog="Example: edgeclassify demo --pictures ~/Pictures --seconds 60")
@click.option(
    "--pictures",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder of pictures to show in place of a camera.",
)
@click.option(
    "--seconds", metavar="SECONDS", type=click.FloatRange(min=1), help="End after so long; default: at Ctrl-C."
)
@click.option("--offline", is_flag=True, help="Do not try to get a better model.")
@click.option(
    "--faults", is_flag=True, help="Break everything on purpose for 60 s (or --seconds) and count the events."
)
def command(pictures: Path | None, seconds: float | None, *, offline: bool, faults: bool) -> int:
    """Run the real daemon with a private broker and show its events here.

    It uses the best camera of this machine, else sample pictures. Nothing is left behind.
    With --faults the exit code is 1 when an event was lost.
    """
    if faults:
        if pictures:
            raise click.UsageError(
                "--pictures does not go with --faults, which must know what is to be seen; leave one of them out"
            )
        return _break_everything(60.0 if seconds is None else seconds)
    _show_it(pictures, seconds, offline=offline)
    return 0


def _break_everything(seconds: float) -> int:
    from edgeclassify.tools.faults.campaign import Campaign
    from edgeclassify.tools.faults.installation import installation
    from edgeclassify.tools.faults.report import table
    from edgeclassify.tools.interruption import interruption

    click.echo(f"edgeclassify demo --faults: {seconds:g} s; three cameras with test pictures, a private mosquitto that")
    click.echo("  keeps its sessions on disk, a stand-in for the Edge TPU. Ctrl-C ends it, and counts so far.")
    with interruption() as interrupted, installation() as broken:
        result = Campaign(broken, click.echo, interrupted).run(seconds)
    if result is None:
        click.echo("ended before everything had arrived: nothing is counted")
        return 0
    click.echo("")
    for line in table(result):
        click.echo(line)
    return 0 if result.is_good else 1


def _show_it(pictures: Path | None, seconds: float | None, *, offline: bool) -> None:
    from edgeclassify.cameras.discovery import find_cameras
    from edgeclassify.config.reader import load_config
    from edgeclassify.errors import EdgeClassifyError
    from edgeclassify.tools.better_model import try_to_get_better_model
    from edgeclassify.tools.demo import NODE, running_demo, stop_on_sigterm
    from edgeclassify.tools.watch.lines import Lines
    from edgeclassify.tools.watch.watch import Watch

    stop_on_sigterm()
    if not offline:
        try_to_get_better_model(click.echo)
    found = None if pictures else next(iter(find_cameras()), None)
    with running_demo(pictures, found.source if found else None) as demo:
        click.echo(f"edgeclassify demo: {demo.source.about}; model {demo.model}")
        for hint in demo.hints:
            click.echo(f"  {hint}")
        config = load_config(demo.config).config
        end_s = None if seconds is None else time.monotonic() + seconds
        failure: list[str] = []

        def ended() -> bool:
            for line in demo.daemon_warnings():
                click.echo(line)
            failure.extend(text for text in [demo.daemon_failure()] if text)
            return bool(failure) or (end_s is not None and time.monotonic() >= end_s)

        watch = Watch(config.mqtt, demo.config.parent, NODE, Lines(click.echo, answered=False), why=True)
        if watch.run(ended):
            click.echo()  # behind the terminal's ^C
        if failure:
            raise EdgeClassifyError(f"demo: {failure[0]}")
        click.echo(f"{watch.events_total} events. Next: edgeclassify check, edgeclassify cameras, edgeclassify run")
