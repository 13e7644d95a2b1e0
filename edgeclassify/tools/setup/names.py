"""Names that become parts of topics: this device's, a camera's, and what all topics begin with."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from edgeclassify.config.names import node_name, node_slug
from edgeclassify.config.sections import Config
from edgeclassify.config.values import Id, Topic
from edgeclassify.errors import UsageError
from edgeclassify.tools.setup.dialogue import Dialogue

_ID: TypeAdapter[str] = TypeAdapter(Id)
_TOPIC: TypeAdapter[str] = TypeAdapter(Topic)


def choose_node(given: str | None, current: Config, dialogue: Dialogue) -> str:
    """Return the name.

    Raises:
        UsageError: what was given cannot be one.
    """
    return choose_id("Name of this device", given, node_name(current), "--node", dialogue)


def choose_id(question: str, given: str | None, default: str, option: str, dialogue: Dialogue) -> str:
    """Return a name that can be a part of topics: the given one, else what is answered.

    Raises:
        UsageError: what was given cannot be one.
    """
    if given is not None:
        if not _is_id(given):
            raise UsageError(f"setup: {option} {given!r}: {_ALLOWED}; {_suggestion(given, option)}")
        return given
    if not dialogue.attended:
        return default
    while not _is_id(answer := dialogue.ask(question, default, option)):
        default = node_slug(answer) or default
        dialogue.say(f"It becomes a part of MQTT topics: {_ALLOWED}.")
    return answer


def check_base_topic(given: str) -> None:
    """Raise UsageError if topics cannot begin with it."""
    try:
        _TOPIC.validate_python(given)
    except ValidationError:
        raise UsageError(
            f"setup: --base-topic {given!r}: no topic can begin with that; give words with / between, like home/cams"
        ) from None


_ALLOWED = "only a-z, 0-9, _ and -, at most 64 of them"


def _is_id(text: str) -> bool:
    try:
        _ID.validate_python(text)
    except ValidationError:
        return False
    return True


def _suggestion(text: str, option: str) -> str:
    near = node_slug(text)
    return f"for example: {option} {near}" if near else "give such a name"
