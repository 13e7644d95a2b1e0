"""The options that choose a model in place of the configuration's, for the commands that classify or explain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from edgeclassify.config.reader import ConfigFile
    from edgeclassify.config.sections import ModelConfig

_Command = TypeVar("_Command", bound=Callable[..., Any])


def model_option(command: _Command) -> _Command:
    """Add `-m/--model`, handed over as `model`."""
    return click.option(
        "-m",
        "--model",
        metavar="MODEL",
        help="A model's name, or the path of a .tflite file or of a learned model; default: the configuration's.",
    )(command)


def chosen_model(file: ConfigFile, model: str | None, labels: str | None = None) -> tuple[ModelConfig, Path]:
    """Return the section `model` as the options change it, and the folder that its relative paths start at.

    What is given on the command line is relative to the current folder; what the configuration says of its own
    model's labels and scores is not for another model.
    """
    section = file.config.model
    here = Path.cwd()
    if model is not None:
        return section.model_copy(update={"name": model, "labels": labels or "", "scores": "auto"}), here
    if labels is not None:
        return section.model_copy(update={"labels": str(here / labels)}), file.base
    return section, file.base
