"""What pydantic finds wrong with a configuration, in the words of a person who edits a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, get_args

from pydantic_core import ErrorDetails

from edgeclassify.config.document import Data, Document, KeyPath, Problem, step
from edgeclassify.config.redaction import is_secret, shortened
from edgeclassify.config.sections import Config, Section
from edgeclassify.config.values import PATTERN_MEANS

_ALLOWED = {
    "string_type": "must be text",
    "string_unicode": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "list_type": "must be a list, like [a, b]",
    "dict_type": "must be keys with values, indented below it",
    "model_type": "must be keys with values, indented below it",
    "greater_than": "must be above {gt:.15g}",
    "greater_than_equal": "must be at least {ge:.15g}",
    "less_than": "must be below {lt:.15g}",
    "less_than_equal": "must be at most {le:.15g}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
}
_MQTT_ADVICE = (
    "unknown key; a password does not belong here: put it into a file and name that in mqtt.password_file, "
    "or use $EDGECLASSIFY_MQTT_PASSWORD or the systemd credential mqtt-password"
)
_CAMERA_ADVICE = "unknown key; a camera's password belongs into its source: rtsp://USER:PASSWORD@HOST/..."


def in_words(errors: Iterable[ErrorDetails], document: Document) -> list[Problem]:
    """Return one problem for each place that is wrong."""
    by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for error in errors:
        by_path.setdefault(_key_path(error["loc"], document.data), []).append(error)
    wrong_inside = {path[:length] for path in by_path for length in range(len(path))}
    return [
        Problem(path, _message(path, found, document), document.place(path))
        for path, found in by_path.items()
        if path not in wrong_inside or not _is_other_branch(found)
    ]


def _key_path(loc: tuple[int | str, ...], data: Data) -> KeyPath:
    """Drop what pydantic puts between the keys: the names of a union's branches, and [key]."""
    path: list[int | str] = []
    for part in loc:
        if part in data if isinstance(data, Mapping) else isinstance(data, list) and isinstance(part, int):
            data = step(data, part)
            path.append(part)
    return tuple(path)


def _is_other_branch(found: list[ErrorDetails]) -> bool:
    """Tell whether `found` only says that a mapping, wrong further inside, is no text either."""
    return all(error["type"] == "string_type" and error["loc"][-1] != "[key]" for error in found)


def _message(path: KeyPath, found: list[ErrorDetails], document: Document) -> str:
    first = found[0]
    if first["type"] == "extra_forbidden":
        return _unknown_key(path)
    if first["loc"] and first["loc"][-1] == "[key]":
        return _wrong_key(path, first)
    value = document.value(path)
    if path and value is None:
        return "has no value; write one, or remove the line for the default"
    allowed = " or ".join(dict.fromkeys(_allowed(error) for error in found)).replace(" or must be ", " or ")
    if not path:
        # Nothing of it is shown: it may be the password's file, say.
        return f"{allowed}; is it the right file?"
    if isinstance(value, Mapping) and first["type"] in ("value_error", "too_short"):
        return allowed
    if is_secret(path):
        return f"{allowed}, got ***"
    return f"{allowed}, got {_shown(value, path, document)}{_hint(first, value, path, document)}"


def _allowed(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] in ("too_short", "too_long"):
        return "must name at least one" if error["input"] == {} else f"must have {_count(context)} values"
    if error["type"] == "string_pattern_mismatch":
        return PATTERN_MEANS[context["pattern"]]
    words = _ALLOWED.get(error["type"])
    if words is None:
        return error["msg"].replace("Input should be", "must be").replace("Input should", "must")
    return words.format(**context).replace("'", "")


def _count(context: Mapping[str, Any]) -> int:
    count: int = context.get("min_length", context.get("max_length"))
    return count


def _wrong_key(path: KeyPath, error: ErrorDetails) -> str:
    if error["type"] == "string_type":
        return f"a key must be text here; quote it: '{path[-1]}'"
    return f"this key {_allowed(error)}"


def _shown(value: Data, path: KeyPath, document: Document) -> str:
    if isinstance(value, Mapping):
        return "keys with values"
    if isinstance(value, list):
        scalars = all(not isinstance(item, (Mapping, list)) for item in value)
        return shortened(str(value)).strip("'\"") if scalars and value else f"a list of {len(value)}"
    if isinstance(value, str):
        return shortened(value)
    place = document.places.get(path)
    return shortened(place.written if place and place.written is not None else str(value)).strip("'")


def _hint(error: ErrorDetails, value: Data, path: KeyPath, document: Document) -> str:
    """Return the mend for what people often write."""
    if error["type"] == "string_type" and isinstance(value, (bool, int, float)):
        return f"; put it in quotes: '{_shown(value, path, document)}'"
    if error["type"] == "literal_error" and isinstance(value, str):
        near = difflib.get_close_matches(value, error["ctx"]["expected"].split("'"), n=1)
        return f"; did you mean {near[0]}?" if near else ""
    if error["type"] in ("float_type", "int_type") and isinstance(value, str):
        return _number_hint(value)
    is_score = error["type"] == "less_than_equal" and error["ctx"]["le"] == 1
    return (
        f"; write {value / 100:.15g} for {value:.15g} %"
        if is_score and isinstance(value, (int, float)) and 2 <= value <= 100
        else ""
    )


def _number_hint(written: str) -> str:
    """Read 0,6 and 60% and "0.6" as their writers meant them."""
    try:
        number = float(written.strip().rstrip("%").replace(",", "."))
    except ValueError:
        return ""
    return f"; write {number / 100 if written.strip().endswith('%') else number:.15g}" if isfinite(number) else ""


def _unknown_key(path: KeyPath) -> str:
    key = str(path[-1])
    if is_secret([key]):
        return _CAMERA_ADVICE if path[0] == "cameras" else _MQTT_ADVICE
    section = section_at(path[:-1])
    near = difflib.get_close_matches(key, section.model_fields, n=1) if section else []
    if near:
        return f"unknown key; did you mean '{near[0]}'?"
    elsewhere = [place for place in _all_keys(Config, "") if place.rpartition(".")[2] == key]
    return f"unknown key; it belongs into {' or '.join(elsewhere)}" if elsewhere else "unknown key"


def section_at(path: KeyPath) -> type[Section] | None:
    """Return the section whose keys stand at `path`."""
    found: Any = Config
    for part in path:
        if isinstance(found, type) and issubclass(found, Section):
            field = found.model_fields.get(str(part))
            if field is None:
                return None
            found = field.annotation
        elif len(get_args(found)) > 1:  # dict[Id, CameraConfig]
            found = get_args(found)[1]
        else:
            return None
    return found if isinstance(found, type) and issubclass(found, Section) else None


def _all_keys(section: type[Section], prefix: str) -> list[str]:
    keys = []
    for key, field in section.model_fields.items():
        keys.append(prefix + key)
        inner: Any = field.annotation
        name = key
        if get_args(inner) and isinstance(get_args(inner)[-1], type):
            inner, name = get_args(inner)[-1], f"{key}.NAME"
        if isinstance(inner, type) and issubclass(inner, Section):
            keys.extend(_all_keys(inner, f"{prefix}{name}."))
    return keys
