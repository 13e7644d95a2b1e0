"""The end of `edgeclassify setup`: showing what would be written, writing it, and what comes next."""

from __future__ import annotations

import os
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edgeclassify.tools.setup.dialogue import Dialogue
    from edgeclassify.tools.setup.draft import Draft
    from edgeclassify.tools.setup.target import Existing, Target


def is_there(target: Target, existing: Existing, draft: Draft) -> bool:
    """Tell whether the file says already what it would be written with."""
    return os.path.lexists(target.path) and not draft.changes and not existing.mistakes


def agreed(
    target: Target, existing: Existing, draft: Draft, dialogue: Dialogue, *, has_password: bool, force: bool
) -> bool:
    """Show what would be written, and ask."""
    from edgeclassify.errors import UsageError
    from edgeclassify.redact import hide_password

    dialogue.heading("The file")
    exists = os.path.lexists(target.path)
    if is_there(target, existing, draft):
        dialogue.say(f"{target.path} says all of that already")
        return True
    if exists:
        for change in draft.changes:
            dialogue.say(str(change))
    elif dialogue.attended:
        click.echo("\n".join(f"  {line}".rstrip() for line in hide_password(draft.text).splitlines()))
    if has_password:
        dialogue.say("and the password, in a file of its own that only its owner reads")
    if not dialogue.attended:
        if exists and not force:
            raise UsageError(f"setup: {target.path} would be changed, see above; to do it (a copy is kept): --force")
        return True
    kept = " (what is there is kept as a copy)" if exists else ""
    return dialogue.agree(f"Write {target.path}{kept}?", "--yes", default=True)


def finish(
    target: Target, existing: Existing, draft: Draft, password: str | None, dialogue: Dialogue, *, reload_: bool
) -> None:
    """Write, check, and tell what comes next."""
    from edgeclassify.cli.check import examine
    from edgeclassify.config.reader import load_config
    from edgeclassify.errors import ConfigError
    from edgeclassify.mqtt.credentials import password_warnings
    from edgeclassify.tools.setup.writing import write_all

    written = write_all(target, None if is_there(target, existing, draft) else draft.text, password)
    for path in written.paths:
        dialogue.say(f"written: {path}")
    for path in written.backups:
        dialogue.say(f"what was there: {path}")
    file = load_config(target.path)
    errors, warnings, _ = examine(file)
    if errors:
        raise ConfigError(*errors)
    for warning in [*file.document.warnings, *warnings, *password_warnings(file.config.mqtt, file.base)]:
        dialogue.say(f"warning: {warning}")
    dialogue.say("check: ok")
    _next(target, draft, dialogue, new_password=password is not None, reload_=reload_)


def _next(target: Target, draft: Draft, dialogue: Dialogue, *, new_password: bool, reload_: bool) -> None:
    from edgeclassify.config.reader import find_config
    from edgeclassify.tools.setup.service import use, verb_for

    dialogue.heading("Next")
    option = "" if find_config(None).resolve() == target.real else f" -c {target.path}"
    first = f"edgeclassify run{option}", "the daemon, here"
    if target.service:
        verb = verb_for(draft.changes, new_password=new_password)
        question = f"{verb.capitalize()} the service now?"
        if reload_ or (dialogue.attended and _agrees(question, dialogue)):
            dialogue.say(use(verb))
        else:
            first = f"sudo systemctl {verb} edgeclassify", "let the service use it"
    watch = f"edgeclassify watch --why{option}", "what it sees, and why there is no event"
    for line, about in (first, watch, (f"edgeclassify doctor{option}", "when something is wrong")):
        text = f"  {line:<32}  {about}"
        click.echo(text if len(text) <= get_terminal_size().columns else f"  {line}\n    {about}")


def _agrees(question: str, dialogue: Dialogue) -> bool:
    """Ask; Ctrl-C is no, for the file is written already."""
    try:
        return dialogue.agree(question, "--reload", default=True)
    except click.Abort:
        click.echo(err=True)
        return False
