"""`edgeclassify setup`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeclassify.cli.options import config_option

if TYPE_CHECKING:
    from edgeclassify.tools.setup.dialogue import Dialogue
    from edgeclassify.tools.setup.draft import Draft
    from edgeclassify.tools.setup.given import Given
    from edgeclassify.tools.setup.target import Existing, Target

_PASSWORD = "EDGECLASSIFY_MQTT_PASSWORD"  # noqa: S105 - a variable's name
_ENDED = "edgeclassify: setup: ended; nothing is written"
_FILE = click.Path(path_type=Path)


@click.command(epilog="Example: edgeclassify setup --node porch --source rtsp://192.168.1.20/1 --host nas.local --yes")
@config_option
@click.option("--node", metavar="NAME", help="This device in topics; default: the host's name.")
@click.option("-m", "--model", metavar="MODEL", help="Default: the good one if it is here or can be had.")
@click.option("--offline", is_flag=True, help="Do not try to get a model.")
@click.option("--camera", metavar="ID", help="The camera in topics; default: the first of the file.")
@click.option(
    "--source",
    metavar="WHAT",
    envvar="EDGECLASSIFY_SETUP_SOURCE",
    help="The camera: see `edgeclassify cameras`. With a password in it better as $EDGECLASSIFY_SETUP_SOURCE.",
)
@click.option("--pictures", metavar="DIR", type=_FILE, help="Where a picture of what the model sees is saved.")
@click.option("--host", metavar="NAME", help="The broker, also NAME:PORT or mqtts://NAME; default: the only one found.")
@click.option("--port", metavar="PORT", type=click.IntRange(1, 65535), help="Default: 1883, with TLS 8883.")
@click.option("--username", metavar="NAME", help="At the broker; empty for none.")
@click.option("--password-file", metavar="FILE", type=_FILE, help="The password lies there already.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--tls/--no-tls", default=None, help="Whether the broker speaks TLS.")
@click.option("--ca", metavar="FILE", type=_FILE, help="Certificates to trust; default: the system's own.")
@click.option("--certificate", metavar="FILE", type=_FILE, help="This device's, where the broker wants one.")
@click.option("--key", metavar="FILE", type=_FILE, help="The key of that certificate.")
@click.option("--base-topic", metavar="TOPIC", help="What all topics begin with.")
@click.option("--untested", is_flag=True, help="Write it without trying camera and broker.")
@click.option("--yes", is_flag=True, help="Ask nothing: what is missing is an error that names the option.")
@click.option("--force", is_flag=True, help="With --yes: change a file that is there; a copy is kept.")
@click.option("--reload", "reload_", is_flag=True, help="Let the service use it at once.")
@click.option("--dry-run", is_flag=True, help="Print the file in place of writing it.")
def command(config_path: Path | None, **options: Any) -> None:  # noqa: ANN401 - click's
    """Find cameras and broker, try each, and write a config.yaml with only what differs from the default.

    Without --yes it asks; without a terminal it never does, and every answer is an option. The password of the broker
    is typed unseen, or taken from $EDGECLASSIFY_MQTT_PASSWORD, --password-stdin or --password-file, and goes into a
    file that only its owner reads. Ctrl-C ends it, and nothing is written.
    """
    from edgeclassify.cli.setup_outcome import agreed, finish
    from edgeclassify.tools.service.places import Places
    from edgeclassify.tools.setup.target import find_target, read_existing, require_writable

    target = find_target(config_path, Places())
    if not options["dry_run"]:
        require_writable(target)
    dialogue = _dialogue(unattended=options["yes"], err=options["dry_run"])
    try:
        existing = read_existing(target.path)
        _greet(target, existing, dialogue, force=options["force"])
        given = _given(target, options)
        draft, password = _draft(target, existing, given, dialogue, may_pull=not options["dry_run"])
        if options["dry_run"]:
            click.echo(draft.text, nl=False)
            return
        if not agreed(target, existing, draft, dialogue, has_password=password is not None, force=options["force"]):
            click.echo(_ENDED, err=True)
            return
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"\n{_ENDED}", err=True)
        return
    finish(target, existing, draft, password, dialogue, reload_=options["reload_"])


def _dialogue(*, unattended: bool, err: bool) -> Dialogue:
    from edgeclassify.cli.setup_terminal import Terminal
    from edgeclassify.tools.setup.unattended import Unattended

    if unattended or sys.stdin is None or not sys.stdin.isatty():
        return Unattended(lambda text: click.echo(text, err=err))
    return Terminal(err=err)


def _greet(target: Target, existing: Existing, dialogue: Dialogue, *, force: bool) -> None:
    from edgeclassify.errors import ConfigError

    what = "is changed" if os.path.lexists(target.path) else "is written"
    dialogue.say(f"{target.path} {what} at the end{f': {target.reason}' if target.reason else ''}")
    if dialogue.attended:
        dialogue.say("Enter takes what stands in [ ]; Ctrl-C ends it, and nothing is written.")
    for path in existing.file.document.fragments:
        dialogue.say(f"{path} is merged over it")
    if existing.mistakes:
        if not dialogue.attended and not force:
            raise ConfigError(*existing.mistakes, f"setup: {target.path}: mend it, or replace all of it: --force")
        for mistake in existing.mistakes:
            dialogue.say(mistake)
        dialogue.say("It is replaced by a new one; what is there is kept as a copy.")


def _given(target: Target, options: dict[str, Any]) -> Given:
    """Return what the options say; the service gets passwords as its credential only."""
    from edgeclassify.config.sections import MqttConfig
    from edgeclassify.errors import UsageError
    from edgeclassify.mqtt.credentials import read_password
    from edgeclassify.tools.service.password import MAX_BYTES, password_from
    from edgeclassify.tools.setup.given import Given

    if bool(options["certificate"]) != bool(options["key"]):
        raise UsageError("setup: --certificate and --key go together; give both")
    password, file = os.environ.get(_PASSWORD) or None, options["password_file"]
    if options["password_stdin"]:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                "setup: --password-stdin: nothing is piped in; for example: pass show mqtt | edgeclassify setup"
            )
        typed = sys.stdin.buffer.read(MAX_BYTES + 3)
        password = password_from(typed, "setup", "pipe it in, or leave --password-stdin out").decode()
    if file is not None:
        read = read_password(MqttConfig(password_file=str(file.absolute())), Path())
        if target.service:
            password, file = read, None
    if target.service:
        os.environ.setdefault("EDGECLASSIFY_MODELS", str(target.service.models))
        if os.access(secrets := target.service.password.parent, os.R_OK | os.X_OK):
            os.environ.setdefault("CREDENTIALS_DIRECTORY", str(secrets))
    names = set(Given.__dataclass_fields__) - {"password", "password_file"}
    return Given(**{name: options[name] for name in names}, password=password, password_file=file)


def _draft(
    target: Target, existing: Existing, given: Given, dialogue: Dialogue, *, may_pull: bool
) -> tuple[Draft, str | None]:
    """Ask everything; return the file that may be written and the password that no file holds yet."""
    from edgeclassify.cli.check import examine_model, tls_problems
    from edgeclassify.errors import ConfigError
    from edgeclassify.tools.setup.draft import draft
    from edgeclassify.tools.setup.interview import interview
    from edgeclassify.tools.setup.writing import PASSWORD_FILE

    if not may_pull:
        from dataclasses import replace

        given = replace(given, offline=True)
    file = existing.file
    found = interview(given, file.config, file.base, "" if target.service else PASSWORD_FILE, dialogue, _pull)
    result = draft(existing, found.answers, _header(target))
    errors, _, _ = examine_model(result.file)
    if errors := errors + tls_problems(result.file):
        raise ConfigError(
            *errors, f"setup: {target.path}: it does not fit the answers; mend that first, nothing is written"
        )
    return result, found.password


def _pull(name: str) -> None:
    from edgeclassify.catalogue.entries import catalogue
    from edgeclassify.catalogue.pull import Puller
    from edgeclassify.catalogue.storage import pulled_folder
    from edgeclassify.cli.models_pull import report_here
    from edgeclassify.inference.devices import find_devices

    mirror = os.environ.get("EDGECLASSIFY_MIRROR", "")
    with report_here() as report:
        Puller(pulled_folder(), report, mirror).pull_entry(catalogue().entry(name), with_twin=bool(find_devices()))


def _header(target: Target) -> str:
    import time

    from edgeclassify import resources
    from edgeclassify.tools.service.places import NAME

    default = resources.default_config()
    check = f"edgeclassify check -c {target.path}"
    if target.service:
        default = target.service.programs / "current/share/edgeclassify/config.yaml"
        check = f"sudo {NAME} check && sudo systemctl reload {NAME}"
    return (
        f"edgeclassify: written by `edgeclassify setup` on {time.strftime('%Y-%m-%d')}.\n"
        f"It holds only what differs from the default; every key, with its unit: {default}\n"
        f"After a change: {check}"
    )
