"""`edgeclassify service`: the systemd service."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgeclassify.errors import UsageError

_NOT_RUNNING = 1


@click.group(epilog="Example: edgeclassify service status")
def command() -> None:
    """Install, remove and look after the systemd service."""


@command.command(
    short_help="Install the service, or bring it up to date.",
    epilog="Example: sudo edgeclassify service install --from edgeclassify-1.2.3-py3-none-any.whl",
)
@click.option("--from", "source", default="", metavar="WHAT", help="A wheel, a folder or a version; default: this one.")
@click.option("--mirror", metavar="URL-or-FOLDER", help="Where to get a better model, as in: models pull --mirror.")
@click.option("--offline", is_flag=True, help="Do not try to get a better model.")
def install(source: str, mirror: str | None, *, offline: bool) -> None:
    """Install the service, or bring it up to date: at the end it is enabled and runs.

    What is in /etc/edgeclassify is kept. When the new version does not start, the one before it runs again.
    """
    from edgeclassify.tools.service import installing

    if offline and mirror:
        raise UsageError(
            "service install: --offline and --mirror exclude each other; a folder as mirror needs no network"
        )
    if mirror and "://" not in mirror:
        mirror = str(Path(mirror).absolute())  # programs are run in another folder
    installing.install(click.echo, source, None if offline else mirror or "")


@command.command(
    short_help="Remove it; the configuration is kept.", epilog="Example: sudo edgeclassify service uninstall --purge"
)
@click.option("--purge", is_flag=True, help="Also the configuration, the password and changes to the unit.")
def uninstall(*, purge: bool) -> None:
    """Remove the service, its state and its models; the configuration is kept."""
    from edgeclassify.tools.service import removing

    removing.uninstall(click.echo, purge=purge)


@command.command(epilog="Example: edgeclassify service status")
def status() -> int:
    """Tell how the service fares. Exit code 1: it does not run."""
    from edgeclassify.tools.service import status as told

    for line in told.report():
        click.echo(line)
    return 0 if told.is_active() else _NOT_RUNNING


@command.command(
    "set-password",
    short_help="Keep the broker's password.",
    epilog="Example: pass show mqtt/porch | sudo edgeclassify service set-password",
)
def set_password() -> None:
    """Keep the broker's password where only root and the service can read it.

    It is asked for, or read from standard input; never given as an argument, which every user could see.
    """
    from edgeclassify.tools.service.password import MAX_BYTES, password_from, use_password, write_password
    from edgeclassify.tools.service.places import Places, require_root

    require_root("edgeclassify service set-password")
    if sys.stdin is None:
        raise UsageError("service set-password: standard input is closed; type the password, or pipe it in")
    if sys.stdin.isatty():
        typed = click.prompt("Password for the broker", hide_input=True, confirmation_prompt=True, default="").encode()
    else:
        typed = sys.stdin.buffer.read(MAX_BYTES + 3)
    password = password_from(typed)
    write_password(Places(), password)
    use_password(Places(), click.echo)
