"""`edgeclassify cameras`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.options import config_option

if TYPE_CHECKING:
    from edgeclassify.cameras.found import FoundCamera
    from edgeclassify.config.reader import ConfigFile
    from edgeclassify.config.sections import CameraConfig

_USUAL_INPUT = (224, 224)


@click.command(epilog="Example: edgeclassify cameras --save pictures")
@click.option(
    "--save",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Open each camera; save a picture as it is, and one of what the model sees.",
)
@config_option
def command(folder: Path | None, config_path: Path | None) -> int:
    """Show the cameras of this machine and of the configuration, and what to write for each."""
    from edgeclassify.cameras.discovery import find_cameras
    from edgeclassify.config.reader import find_config, load_config

    file = load_config(find_config(config_path))
    found = find_cameras()
    _print_found(found)
    _print_configured(file, found)
    return _save_all(file, found, folder) if folder else 0


def _print_found(found: list[FoundCamera]) -> None:
    if not found:
        click.echo(
            "No camera was found on this machine. Connect one, or set source to rtsp://..., http://...,\n"
            "a video, a folder of pictures, or test."
        )
        return
    click.echo("On this machine:")
    for camera in found:
        click.echo(f"  {camera.name} ({camera.detail})\n    source: {camera.source}")


def _print_configured(file: ConfigFile, found: list[FoundCamera]) -> None:
    from edgeclassify.redact import hide_password

    click.echo(f"In {click.format_filename(file.files)}:")
    for name, config in file.config.cameras.items():
        meant = f"  (now: {found[0].source if found else 'none'})" if config.source == "auto" else ""
        disabled = "" if config.enabled else "  (enabled: false)"
        click.echo(f"  {name}\n    source: {hide_password(config.source)}{meant}{disabled}")


def _save_all(file: ConfigFile, found: list[FoundCamera], folder: Path) -> int:
    """Save pictures of each camera; return the exit code."""
    from edgeclassify.errors import CameraError, InputError
    from edgeclassify.tools.camera_pictures import save_pictures, settled_picture

    size = _model_size(file)
    click.echo(f"Pictures (the model sees {size[0]} x {size[1]} pixels):")
    failed = 0
    for name, config in _all_cameras(file, found).items():
        try:
            description, picture = settled_picture(name, config, size, file.base)
            paths = save_pictures(folder, name, picture, size)
        except (CameraError, InputError) as error:
            failed += 1
            click.echo(f"edgeclassify: {error}", err=True)
            continue
        click.echo(f"  {name}: {description}\n    " + "\n    ".join(click.format_filename(path) for path in paths))
    return InputError.exit_code if failed else 0


def _all_cameras(file: ConfigFile, found: list[FoundCamera]) -> dict[str, CameraConfig]:
    """Return the configured cameras, then those of the machine that none of them uses."""
    from edgeclassify.config.names import slug
    from edgeclassify.config.sections import CameraConfig

    cameras = dict(file.config.cameras)
    used = {config.source for config in cameras.values()}
    if "auto" in used and found:
        used.add(found[0].source)
    for number, camera in enumerate(found):
        if camera.source not in used:
            cameras.setdefault(slug(camera.name, f"camera_{number}"), CameraConfig(source=camera.source))
    return cameras


def _model_size(file: ConfigFile) -> tuple[int, int]:
    from edgeclassify.errors import ModelError
    from edgeclassify.inference import load_model

    try:
        return load_model(file.config.model, file.base).input_size
    except ModelError as error:
        click.echo(f"edgeclassify: {error} (going on with the usual size)", err=True)
        return _USUAL_INPUT
