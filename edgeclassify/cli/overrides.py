"""`edgeclassify overrides`."""

from __future__ import annotations

from pathlib import Path

import click

from edgeclassify.cli.options import config_option


@click.group(invoke_without_command=True, epilog="Example: edgeclassify overrides clear --camera porch")
@config_option
@click.pass_context
def command(context: click.Context, config_path: Path | None) -> None:
    """Show what was set over MQTT, from a phone, say: it holds over config.yaml, also after a restart."""
    context.obj = config_path
    if context.invoked_subcommand is None:
        _show(config_path)


@command.command(epilog="Example: edgeclassify overrides clear --camera porch")
@config_option
@click.option("--camera", "cameras", multiple=True, metavar="ID", help="Only of this camera; may be repeated.")
@click.pass_context
def clear(context: click.Context, config_path: Path | None, cameras: tuple[str, ...]) -> None:
    """Let config.yaml hold again; a running daemon is told."""
    from edgeclassify.config.names import state_dir
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.tools.overriding import clear_overrides

    file = load_config(find_config(config_path or context.obj))
    for line in clear_overrides(state_dir(file.config, file.base), cameras):
        click.echo(line)


def _show(config_path: Path | None) -> None:
    from edgeclassify.config.names import state_dir
    from edgeclassify.config.overrides import read_overrides
    from edgeclassify.config.reader import find_config, load_config

    file = load_config(find_config(config_path))
    overrides = read_overrides(state_dir(file.config, file.base))
    if not overrides.cameras:
        click.echo("nothing is set over MQTT: everything is as config.yaml says")
    for camera, own in overrides.cameras.items():
        unknown = "" if camera in file.config.cameras else "  (config.yaml has no such camera)"
        if own.threshold is not None:
            written = file.config.threshold_of_others(camera) if not unknown else None
            instead = "" if written is None else f"  in place of {written:g}"
            click.echo(f"camera {camera}: threshold {own.threshold:g}{instead}{unknown}")
        if own.enabled is not None:
            click.echo(f"camera {camera}: enabled {'ON' if own.enabled else 'OFF'}{unknown}")
