"""The line that says how the daemon is."""

from __future__ import annotations

from edgeclassify.cameras.status import CameraStatus, CameraWishes
from edgeclassify.condition import condition
from edgeclassify.config.sections import EventsConfig
from edgeclassify.events.rules import rules_for
from edgeclassify.events.tracker import Tracker
from edgeclassify.lane import Lane
from edgeclassify.mqtt.outbox import Counters
from edgeclassify.records import State
from edgeclassify.vocabulary import Vocabulary


def lane(camera: str, *, online: bool = True, error: str = "", classified: bool = True) -> Lane:
    vocabulary = Vocabulary(("cat", "dog"))
    tracker = Tracker(camera, vocabulary, rules_for(EventsConfig(), [{"*": 0.6}], vocabulary))
    made = Lane(camera, tracker, CameraStatus(error=error), 10, lambda **_: None, CameraWishes(classified=classified))
    made.online = online
    return made


def told(*lanes: Lane, median_ms: float | None = 31.2, durable: bool = True, troubles: tuple[str, ...] = ()) -> str:
    return condition(lanes, "cpu", median_ms, Counters(durable=durable), troubles, connected=True)


def test_each_camera_tells_what_it_sees_or_why_not() -> None:
    porch, yard = lane("porch"), lane("yard", online=False, error="camera yard: no answer in time; check it")
    porch.state = State("porch", "cat", None, 0.912, 0.0)
    assert told(porch, yard) == (
        "porch cat 0.91, yard offline (no answer in time; check it); cpu 31 ms; broker connected, 0 waiting"
    )
    porch.state = State("porch", "none", None, None, 0.0)
    assert told(porch, lane("attic", classified=False)).startswith("porch nothing, attic disabled; ")


def test_what_is_wrong_is_told() -> None:
    assert told(lane("porch", online=False)).startswith("no camera gives frames: porch offline; ")
    assert "in memory only: state_dir cannot be written" in told(lane("porch"), durable=False)
    assert told(lane("porch"), troubles=("the voltage is too low",)).endswith("; the voltage is too low")
    assert len(told(lane("porch", online=False, error="x" * 5000))) < 400


def test_why_the_broker_is_away_is_told() -> None:
    lanes, problem = [lane("porch")], "login refused (Not authorized); check mqtt.username"
    told_now = condition(lanes, "cpu", None, Counters(waiting=7), (), connected=False, problem=problem)
    assert told_now.endswith("; broker NOT connected (login refused (Not authorized); check mqtt.username), 7 waiting")


def test_before_the_first_inference_there_is_no_time() -> None:
    assert told(lane("porch"), median_ms=None) == "porch nothing; cpu; broker connected, 0 waiting"
