"""`edgeclassify check`."""

from __future__ import annotations

import textwrap
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgeclassify.config.reader import ConfigFile
    from edgeclassify.inference import Model
    from edgeclassify.vocabulary import Vocabulary

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@click.command(epilog="Example: edgeclassify check -c config.yaml")
@config_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of config.yaml, for editors, and nothing else.")
def command(config_path: Path | None, *, schema: bool) -> None:
    """Validate config.yaml and its model; print every problem, or what holds and which line says so."""
    if schema:
        _print_schema()
        return
    from edgeclassify.config.names import node_name, state_dir
    from edgeclassify.config.overrides import overridden, read_overrides
    from edgeclassify.config.reader import InvalidConfigError, find_config, load_config
    from edgeclassify.errors import ConfigError
    from edgeclassify.inference.groups import vocabulary_for
    from edgeclassify.mqtt.credentials import password_warnings
    from edgeclassify.tools.service.hidden import hidden_files

    try:
        written = load_config(find_config(config_path))
    except InvalidConfigError as error:
        if error.usable is None:
            raise
        raise ConfigError(*error.problems, *examine(error.usable)[0]) from None
    state = state_dir(written.config, written.base)
    unread = []
    try:
        file = overridden(written, read_overrides(state))
    except ConfigError as error:  # often only the daemon's own user may read it
        file, unread = written, [f"what was set over MQTT is not known: {error}"]
    errors, warnings, model = examine(file)
    if errors or model is None:
        raise ConfigError(*errors)
    width, height = model.input_size
    click.echo(f"file   {file.files}")
    click.echo(f"node   {node_name(file.config)}")
    click.echo(f"state  {state}")
    click.echo(f"model  {model.name}: {len(model.labels)} labels, input {width}x{height}")
    for camera in file.config.cameras:
        _print_camera(file, camera, vocabulary_for(model.labels, file.config.events_for(camera).groups))
    odd = [*file.document.warnings, *unread, *warnings, *hidden_files(file)]
    for warning in [*odd, *password_warnings(file.config.mqtt, file.base)]:
        click.echo(f"warning: {warning}")
    click.echo("ok")


def examine(file: ConfigFile) -> tuple[list[str], list[str], Model | None]:
    """Return the errors and warnings beyond the file itself, and the model if it can be used."""
    errors, warnings, model = examine_model(file)
    return errors + _connection_problems(file), warnings, model


def examine_model(file: ConfigFile) -> tuple[list[str], list[str], Model | None]:
    """Return what is wrong and odd with the model and the labels that the file names, and the model."""
    from edgeclassify.config.labels import label_problems
    from edgeclassify.config.reader import model_errors
    from edgeclassify.errors import ModelError
    from edgeclassify.inference import load_model
    from edgeclassify.inference.groups import vocabulary_for

    try:
        with model_errors(file):
            model = load_model(file.config.model, file.base)
    except ModelError as error:
        return [str(error)], [], None

    def vocabulary(camera: str) -> Vocabulary:
        return vocabulary_for(model.labels, file.config.events_for(camera).groups)

    return *label_problems(file, vocabulary), model


def _connection_problems(file: ConfigFile) -> list[str]:
    """Return what is wrong with the files that the connection to the broker needs."""
    from edgeclassify.mqtt.credentials import read_password

    return _problems_of(partial(read_password, file.config.mqtt), file) + tls_problems(file)


def tls_problems(file: ConfigFile) -> list[str]:
    """Return what is wrong with the certificates and the key that the file names."""
    from edgeclassify.mqtt.credentials import tls_context

    return _problems_of(partial(tls_context, file.config.mqtt.tls), file)


def _problems_of(read: Callable[[Path], object], file: ConfigFile) -> list[str]:
    from edgeclassify.errors import ConfigError

    try:
        read(file.base)
    except ConfigError as error:
        where, _, what = str(error).partition(": ")
        known = where.startswith("mqtt.")
        return [file.problem(tuple(where.split(".")), what) if known else f"{file.path}: {error}"]
    return []


def _print_camera(file: ConfigFile, camera: str, vocabulary: Vocabulary) -> None:
    from edgeclassify.config.document import path_text
    from edgeclassify.config.thresholds import effective_thresholds
    from edgeclassify.redact import hide_password

    section = file.config.cameras[camera]
    over_mqtt = "set over MQTT, see: edgeclassify overrides"
    disabled = "" if section.enabled else " (disabled)"
    if ("cameras", camera, "enabled") in file.overridden:
        disabled = f" ({'enabled' if section.enabled else 'disabled'}: {over_mqtt})"
    click.echo(f"\ncamera {camera}: {hide_password(section.source)}{disabled}")
    everything, *others = effective_thresholds(file, camera, vocabulary)
    own = [rule for rule in others if rule.path != everything.path]
    for rule in (everything, *own):
        if rule.answer is None:
            name = "everything else"
        else:
            name = rule.answer.label if rule.answer.index is not None else f"{rule.answer.label} (group)"
        where = "default"
        if rule.place:
            where = f"{path_text(rule.path, file.document.data)}, {rule.place.seen_from(file.path, file.path)}"
        if rule.path in file.overridden:
            where = over_mqtt
        click.echo(f"  {rule.threshold:5.2f}  {name[:40]:40}  {where}")
    if like_everything := [rule.answer.label for rule in others if rule not in own and rule.answer]:
        text = f"among everything else: {', '.join(like_everything)}"
        click.echo(textwrap.fill(text, 100, initial_indent=" " * 9, subsequent_indent=" " * 9))


def _print_schema() -> None:
    import json

    from edgeclassify.config.sections import Config

    schema = {"$schema": DRAFT, **Config.model_json_schema(), "title": "edgeclassify config.yaml"}
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
