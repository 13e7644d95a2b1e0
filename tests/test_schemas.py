"""docs/schemas says what is on the topics: checked against what a real daemon tells, to the last key."""

from __future__ import annotations

import copy
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.broker import Broker, Inbox, Received
from tests.running import NOTHING, ROOT, Daemon, colour_of, slides, write_pictures
from tests.waiting import wait_until

FOLDER = Path(__file__).parents[1] / "docs/schemas"
TOPICS = {
    "event": f"{ROOT}/+/event",
    "state": f"{ROOT}/+/state",
    "health": f"{ROOT}/health",
    "info": f"{ROOT}/info",
    "response": f"{ROOT}/response",
    "why": f"{ROOT}/+/why",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Received]]:
    """Everything that a daemon said in a short life of which nothing was left out, a kill -9 not either."""
    folder = tmp_path_factory.mktemp("told")
    pictures = write_pictures(folder / "pictures", colour_of(0), NOTHING, colour_of(1))
    events = {"groups": {"warm": ["red"]}}
    with Broker(folder / "broker") as broker, Inbox(broker) as inbox:
        cameras = {"porch": slides(pictures, 0.3), "gate": {"source": str(folder / "nothing.mp4")}}
        with Daemon(folder, broker.port, cameras) as daemon:
            daemon.config["events"] |= events
            daemon.write_config()
            wait_until(lambda: inbox.last(f"{ROOT}/porch/state") and inbox.of(TOPICS["event"]), 20)
            daemon.kill()
            daemon.start()
            wait_until(lambda: any("restarted" in text for text in inbox.texts(TOPICS["event"])), 20)
            wait_until(lambda: len(inbox.of(TOPICS["event"])) > 8 and len(inbox.of(TOPICS["health"])) > 2, 20)
            inbox.publish(f"{ROOT}/why/set", "30")
            for command in ("0.3", "too much"):
                inbox.publish(f"{ROOT}/porch/threshold/set", command)
            inbox.publish(f"{ROOT}/porch/take_snapshot/set", "")
            inbox.publish(f"{ROOT}/gate/enabled/set", "OFF")
            wait_until(lambda: len(inbox.of(TOPICS["response"])) >= 3 and len(inbox.of(TOPICS["why"])) > 20)
            wait_until(lambda: '"enabled": false' in str(inbox.last(TOPICS["info"])))
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: '"done": true' in str(inbox.last(TOPICS["info"])))
            assert daemon.stop() == 0
            yield inbox.received


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def strict(part: Any) -> Any:
    """The same schema that takes no key but those it names."""
    if isinstance(part, list):
        return [strict(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: strict(inner) for key, inner in part.items()}
    if part.get("type") == "object" and "properties" in part:
        made["additionalProperties"] = False
    return made


@pytest.mark.parametrize("name", TOPICS)
def test_every_message_is_as_its_schema_says(told: list[Received], name: str) -> None:
    from paho.mqtt.client import topic_matches_sub

    messages = [json.loads(message.payload) for message in told if topic_matches_sub(TOPICS[name], message.topic)]
    assert len(messages) > 1
    validator = Draft202012Validator(strict(schema(name)), format_checker=Draft202012Validator.FORMAT_CHECKER)
    for message in messages:
        validator.validate(message)


@pytest.mark.parametrize("name", TOPICS)
def test_a_message_with_a_key_missing_is_not(told: list[Received], name: str) -> None:
    from paho.mqtt.client import topic_matches_sub

    message = next(json.loads(m.payload) for m in told if topic_matches_sub(TOPICS[name], m.topic))
    validator = Draft202012Validator(schema(name))
    assert validator.is_valid(message)
    assert validator.is_valid(message | {"of a later version": 1})
    for key in schema(name)["required"]:
        less = copy.deepcopy(message)
        del less[key]
        assert not validator.is_valid(less), key


def test_each_kind_of_json_on_a_topic_has_its_schema(told: list[Received]) -> None:
    from paho.mqtt.client import topic_matches_sub

    spoken = {m.topic for m in told if m.topic.startswith(ROOT) and m.payload[:1] == b"{"}
    unknown = [topic for topic in spoken if not any(topic_matches_sub(known, topic) for known in TOPICS.values())]
    assert unknown == []
    assert {path.stem for path in FOLDER.glob("*.json")} == set(TOPICS)


def test_the_configuration_that_is_told_is_the_one_that_holds(told: list[Received]) -> None:
    info = next(json.loads(m.payload) for m in reversed(told) if m.topic == TOPICS["info"] and m.payload)
    events = info["configuration"]["cameras"]["gate"]["events"]
    assert events["cooldown_seconds"] == 0, "as written for all cameras, not the default"
    assert events["groups"] == {"warm": ["red"]}
    assert info["configuration"]["cameras"]["porch"]["events"]["thresholds"] == {"*": 0.3}
    assert info["overrides"] == {"porch": {"threshold": 0.3}, "gate": {"enabled": False}}


def test_the_schemas_are_schemas_and_take_the_readmes_example() -> None:
    for name in TOPICS:
        Draft202012Validator.check_schema(schema(name))
    readme = (FOLDER.parents[1] / "README.md").read_text()
    example = readme[readme.index('{"event_type"') :].partition("```")[0]
    Draft202012Validator(strict(schema("event"))).validate(json.loads(example))


def test_the_schema_of_why_takes_the_example_of_its_page() -> None:
    page = (FOLDER.parent / "watch.md").read_text()
    example = page[page.index('{"time"') :].partition("```")[0]
    Draft202012Validator(strict(schema("why"))).validate(json.loads(example))
