"""The step of the model: the good one, if it is here or can be had, and groups that fit it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeclassify import resources
from edgeclassify.catalogue.entries import catalogue
from edgeclassify.config.filenames import names_file
from edgeclassify.config.sections import Config, ModelConfig
from edgeclassify.errors import EdgeClassifyError, UsageError
from edgeclassify.inference import load_model
from edgeclassify.inference.groups import vocabulary_for
from edgeclassify.resources import GOOD_MODEL
from edgeclassify.tools.setup.dialogue import Dialogue
from edgeclassify.tools.setup.given import Given
from edgeclassify.vocabulary import UnknownLabelError

STARTER = "starter"
_PRESET = "home"

Pull = Callable[[str], None]
"""Gets a model of the catalogue; raises EdgeClassifyError."""


@dataclass(frozen=True)
class ChosenModel:
    """What is to be written."""

    config: ModelConfig
    groups: str | None
    """The preset to write; None: as it is."""


def choose_model(given: Given, current: Config, base: Path, dialogue: Dialogue, pull: Pull) -> ChosenModel:
    """Return a model that is here and can be used.

    Args:
        given: by options.
        current: the configuration as it is.
        base: the folder that its relative paths are relative to.
        dialogue: is asked and told.
        pull: gets a model.

    Raises:
        ModelError: the one that was given or is configured cannot be used.
        EdgeClassifyError: the one that was given cannot be had.
    """
    name = _from_here(given.model) if given.model else (current.model.name if current.model.name != STARTER else None)
    if name is None:
        name = GOOD_MODEL if _have_good_model(given, dialogue, pull) else STARTER
    elif not given.offline and _can_be_pulled(name):
        dialogue.say(f"getting {name}")
        pull(name)
    config = current.model if name == current.model.name else ModelConfig(name=name, threads=current.model.threads)
    labels = load_model(config, base).labels
    if name == STARTER:
        dialogue.say(f"{STARTER}: for trying it out; it knows a few everyday things, and errs")
        dialogue.say(f"a good one, later: edgeclassify models pull {GOOD_MODEL}")
    else:
        dialogue.say(f"{name}: {len(labels)} labels")
    groups = None
    if not current.events.groups and _suits(labels):
        groups = _PRESET
        dialogue.say(f"with the groups `{_PRESET}`: tabby, tiger cat, ... count as one: cat")
    return ChosenModel(config, groups)


def _have_good_model(given: Given, dialogue: Dialogue, pull: Pull) -> bool:
    if GOOD_MODEL in resources.local_models():
        return True
    if given.offline:
        return False
    size_bytes = catalogue().entry(GOOD_MODEL).model.size_bytes
    size = f" ({size_bytes / 1e6:.0f} MB)" if size_bytes else ""
    if dialogue.attended:
        dialogue.say(f"Only the starter model is here. {GOOD_MODEL} is a good one{size}.")
        if not dialogue.agree("Get it now?", "--offline", default=True):
            return False
    else:
        dialogue.say(f"getting {GOOD_MODEL}{size}")
    try:
        pull(GOOD_MODEL)
    except EdgeClassifyError as error:
        dialogue.say(f"not to be had now: {error}")
        return False
    return True


def _from_here(name: str) -> str:
    """Return a path that was typed here as it is from everywhere; a name as it is."""
    is_file = names_file(("model", "name"), name) and not name.startswith(("~", "/"))
    return str(Path(name).absolute()) if is_file else name


def _can_be_pulled(name: str) -> bool:
    if name in resources.local_models() or name in resources.learned_models():
        return False
    try:
        catalogue().entry(name)
    except UsageError:
        return False
    return True


def _suits(labels: tuple[str, ...]) -> bool:
    """Whether the preset has groups for these labels."""
    try:
        vocabulary = vocabulary_for(labels, _PRESET)
    except UnknownLabelError:
        return False
    return any(answer.index is None for answer in vocabulary.answers)
