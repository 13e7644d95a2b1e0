"""Every key of config.yaml stands in the configuration of a test of what it does, not only of how it is read.

Which keys a test sets is read from its source: dictionaries, keyword arguments of the sections, assignments to
`config["mqtt"]["port"]`, and YAML in strings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edgeclassify.config.sections import (
    CameraConfig,
    Config,
    EventsConfig,
    HomeAssistantConfig,
    ModelConfig,
    MqttConfig,
    OutboxConfig,
    Section,
    SnapshotsConfig,
    TlsConfig,
)

TESTS = Path(__file__).parents[1]
CAMERA = "a camera"
"""Stands for the ids of cameras, which are any."""
SECTIONS: dict[str, type[Section]] = {
    "model": ModelConfig, "events": EventsConfig, CAMERA: CameraConfig, "mqtt": MqttConfig, "tls": TlsConfig,
    "outbox": OutboxConfig, "snapshots": SnapshotsConfig, "home_assistant": HomeAssistantConfig,
}  # fmt: skip
CALLS = {section.__name__: name for name, section in SECTIONS.items()} | {
    "Config": "", "Daemon": "", "slides": CAMERA, "make_tracker": "events", "start": "mqtt",
}  # fmt: skip
"""What takes keys as keyword arguments, and of which section; the last three are the tests' own."""

Key = tuple[str, str]
"""Section and name."""


def section_of(name: str) -> str:
    return name if name in SECTIONS else CAMERA


def in_data(data: object, section: str) -> Iterator[Key]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield section, str(name)
            yield from in_data(value, section_of(str(name)))


def in_text(text: str) -> Iterator[Key]:
    try:
        yield from in_data(yaml.safe_load(text), "")
    except yaml.YAMLError:
        return


def text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "0" for part in node.values)
    return None


def in_source(node: ast.AST, section: str) -> Iterator[Key]:
    """Yield the keys that a piece of Python sets, where dictionaries stand for `section`."""
    text = text_of(node)
    if text is not None:
        yield from in_text(text)
    elif isinstance(node, ast.Dict):
        yield from in_dictionary(node, section)
    elif isinstance(node, ast.Call):
        yield from in_call(node, section)
    else:
        if isinstance(node, ast.Subscript) and (name := text_of(node.slice)) is not None:
            yield subscripted(node.value), name
        for child in ast.iter_child_nodes(node):
            yield from in_source(child, section)


def in_dictionary(node: ast.Dict, section: str) -> Iterator[Key]:
    for name, value in zip(node.keys, node.values, strict=True):
        known = None if name is None else text_of(name)  # None: **another
        if known is not None:
            yield section, known
        yield from in_source(value, section if known is None else section_of(known))


def in_call(node: ast.Call, section: str) -> Iterator[Key]:
    called = ast.unparse(node.func).rpartition(".")[2]
    for keyword in node.keywords:
        if called in CALLS and keyword.arg is not None:
            yield CALLS[called], keyword.arg
        yield from in_source(keyword.value, section_of(keyword.arg or ""))
    for part in (node.func, *node.args):
        yield from in_source(part, CALLS.get(called, section))


def subscripted(node: ast.AST) -> str:
    """Return the section that `config["mqtt"]` is."""
    name = text_of(node.slice) if isinstance(node, ast.Subscript) else None
    return "" if name is None else section_of(name)


def keys_in_tests() -> set[Key]:
    files = [path for path in TESTS.rglob("*.py") if path.parent != TESTS / "config"]
    return {key for path in files for key in in_source(ast.parse(path.read_text("utf-8")), CAMERA)}


USED = keys_in_tests()


@pytest.mark.parametrize("name", Config.model_fields)
def test_every_key_of_the_file(name: str) -> None:
    assert any(key[1] == name for key in USED)


@pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section, kind in SECTIONS.items() for name in kind.model_fields]
)
def test_every_key_of_its_sections(section: str, name: str) -> None:
    assert (section, name) in USED, f"no test outside of tests/config sets {name} of {section}"


def test_a_key_that_no_test_sets_would_be_found() -> None:
    assert ("mqtt", "keepalive_seconds") in USED
    for section in SECTIONS:
        assert (section, "no_such_key") not in USED
