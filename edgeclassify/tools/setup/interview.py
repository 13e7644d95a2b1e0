"""All steps in their order, and what the answers come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeclassify.config.document import Data, KeyPath
from edgeclassify.config.names import node_name
from edgeclassify.config.sections import Config, ModelConfig, MqttConfig
from edgeclassify.errors import UsageError
from edgeclassify.tools.setup.address import parse_address
from edgeclassify.tools.setup.broker import choose_broker
from edgeclassify.tools.setup.broker_place import ChosenBroker
from edgeclassify.tools.setup.camera import choose_camera
from edgeclassify.tools.setup.dialogue import Dialogue
from edgeclassify.tools.setup.draft import Answers
from edgeclassify.tools.setup.given import Given
from edgeclassify.tools.setup.model import ChosenModel, Pull, choose_model
from edgeclassify.tools.setup.names import check_base_topic, choose_node


@dataclass(frozen=True)
class Interview:
    """What is to be set."""

    answers: Answers
    password: str | None
    """One that no file holds yet."""


def interview(
    given: Given, current: Config, base: Path, password_file: str, dialogue: Dialogue, pull: Pull
) -> Interview:
    """Go through all steps.

    Args:
        given: by options.
        current: the configuration as it is.
        base: the folder that its relative paths are relative to.
        password_file: what to write for a password that is new; empty where the service has it.
        dialogue: is asked and told.
        pull: gets a model.

    Raises:
        EdgeClassifyError: something is missing or does not work, and there is nobody to ask.
    """
    _check(given)
    dialogue.heading("Device")
    node = choose_node(given.node, current, dialogue)
    dialogue.say(f"topics begin with {given.base_topic or current.mqtt.base_topic}/{node}/")
    dialogue.heading("Model")
    model = choose_model(given, current, base, dialogue, pull)
    dialogue.heading("Camera")
    camera = choose_camera(given, current, model, base, dialogue)
    dialogue.heading("Broker")
    broker = choose_broker(given, current.mqtt, base, node, dialogue)
    is_default = not current.node and node == node_name(Config())
    answers: dict[KeyPath, Data] = {("node",): "" if is_default else node}
    answers.update(_of_model(model, current.model))
    answers["cameras", camera.name, "source"] = camera.source
    answers.update(_of_broker(broker, current.mqtt, password_file))
    return Interview(answers, broker.password)


def _check(given: Given) -> None:
    """Raise UsageError, before anything is tried, of an answer that would be refused later."""
    if given.base_topic is not None:
        check_base_topic(given.base_topic)
    if given.host is None:
        return
    address = parse_address(given.host)
    if given.port not in (None, address.port) and address.port is not None:
        raise UsageError(f"setup: --host says port {address.port}, --port {given.port}; give one of them")
    if given.tls not in (None, address.tls) and address.tls is not None:
        raise UsageError("setup: --host and --tls or --no-tls say the opposite of each other; give one of them")


def _of_model(chosen: ChosenModel, current: ModelConfig) -> Iterator[tuple[KeyPath, Data]]:
    yield ("model", "name"), chosen.config.name
    if chosen.config.name != current.name:  # what was said of another model's file
        yield ("model", "labels"), ""
        yield ("model", "scores"), "auto"
    if chosen.groups:
        yield ("events", "groups"), chosen.groups


def _of_broker(chosen: ChosenBroker, current: MqttConfig, password_file: str) -> Iterator[tuple[KeyPath, Data]]:
    config = chosen.config
    for key in ("host", "port", "username", "base_topic"):
        yield ("mqtt", key), getattr(config, key)
    yield ("mqtt", "password_file"), config.password_file if chosen.password is None else password_file
    for key in type(current.tls).model_fields:
        yield ("mqtt", "tls", key), getattr(config.tls, key)
