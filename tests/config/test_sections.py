"""The default configuration, its schema, and what holds for one camera."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.cli.check import command
from edgeclassify.config.reader import load_config
from edgeclassify.config.sections import Config, EventsConfig

CONFIG_YAML = Path(__file__).parents[2] / "config.yaml"


@pytest.fixture(scope="module")
def validator() -> jsonschema.protocols.Validator:
    schema = json.loads(CliRunner().invoke(command, ["--schema"]).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_default_file_says_what_the_program_does_without_a_file() -> None:
    assert load_config(CONFIG_YAML).config == Config()


def _keys(schema: dict[str, Any], section: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in section["properties"].items():
        yield (*path, key)
        if path[-1:] == ("camera",) and key == "events":
            continue  # overrides: the keys are those of the section events
        inner = (*path, key)
        for camera in value.get("patternProperties", {}).values():
            value, inner = camera, (*path, key, "camera")
        if "$ref" in value:
            yield from _keys(schema, schema["$defs"][value["$ref"].rpartition("/")[2]], inner)


def test_the_default_file_names_every_key() -> None:
    said = load_config(CONFIG_YAML).document
    schema = Config.model_json_schema()
    assert not [path for path in _keys(schema, schema) if path not in said.places]


def test_the_default_file_explains_every_key_in_a_comment() -> None:
    text = CONFIG_YAML.read_text(encoding="utf-8")
    without = [line for line in text.splitlines() if re.match(r" *[\w*\"]+: *[^\s#]", line) and "# " not in line]
    assert [line.strip() for line in without] == ['"*": 0.60']  # explained in the line above it


def test_the_schema_describes_every_key(validator: jsonschema.protocols.Validator) -> None:
    sections = [validator.schema, *validator.schema["$defs"].values()]
    keys = [(key, value) for section in sections for key, value in section["properties"].items()]
    # A section without a text here has it at the definition that it refers to.
    assert [key for key, value in keys if "description" not in value and "$ref" not in value] == []
    assert all("description" in section for section in sections)


def test_the_schema_accepts_the_default_file(validator: jsonschema.protocols.Validator) -> None:
    validator.validate(yaml.safe_load(CONFIG_YAML.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sorce": 1},
        {"mqtt": {"password": "x"}},
        {"cameras": {"a/b": {}}},
        {"cameras": {"a": {"rotate": 45}}},
        {"cameras": {"a": {"events": {"treshold": 1}}}},
        {"events": {"thresholds": {"cat": 0}}},
        {"node": "A b"},
        {"mqtt": {"base_topic": "a/#"}},
        {"mqtt": {"base_topic": "$a"}},
        {"model": {"accelerator": "tpu"}},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(validator: jsonschema.protocols.Validator, wrong: object) -> None:
    assert not validator.is_valid(wrong)
    with pytest.raises(ValueError, match=r"."):
        Config.model_validate(wrong)


SCORES = st.floats(min_value=0, max_value=1)
SECONDS = st.floats(min_value=0, max_value=1000)
THRESHOLDS = st.dictionaries(
    st.sampled_from(["*", "cat", "dog", 7]), st.floats(min_value=0, max_value=1, exclude_min=True)
)
EVENTS = st.fixed_dictionaries(
    {}, optional={"margin": SCORES, "hysteresis": SCORES, "cooldown_seconds": SECONDS, "thresholds": THRESHOLDS,
                  "ignore": st.lists(st.sampled_from(["cat", 5]), max_size=2)},
)  # fmt: skip


@given(all_cameras=EVENTS, own=EVENTS)
def test_for_a_camera_its_own_keys_hold_and_the_others_come_from_events(all_cameras: Any, own: Any) -> None:
    config = Config.model_validate({"cameras": {"a": {"events": own}, "b": {}}, "events": all_cameras})
    assert config.events_for("a") == EventsConfig.model_validate(all_cameras | own)
    assert config.events_for("b") == config.events


@given(all_cameras=EVENTS, own=EVENTS)
def test_thresholds_come_in_layers_the_cameras_own_last(all_cameras: Any, own: Any) -> None:
    config = Config.model_validate({"cameras": {"a": {"events": own}}, "events": all_cameras})
    layers = config.threshold_layers("a")
    assert layers[0] == ("events.thresholds", all_cameras.get("thresholds", {"*": 0.60}))
    assert layers[1:] == ([("cameras.a.events.thresholds", own["thresholds"])] if "thresholds" in own else [])
