"""What a configuration and a model come to: vocabularies, trackers, lanes, watched labels, what `info` tells."""

from __future__ import annotations

import logging
import platform
import time

from edgeclassify import __version__
from edgeclassify.cameras.status import CameraStatus, CameraWishes
from edgeclassify.config.labels import label_problems
from edgeclassify.config.overrides import Overrides
from edgeclassify.config.reader import ConfigFile
from edgeclassify.config.sections import Config
from edgeclassify.errors import ConfigError
from edgeclassify.events.rules import Rules, rules_for
from edgeclassify.events.tracker import Tracker
from edgeclassify.inference import Classifier
from edgeclassify.inference.groups import vocabulary_for
from edgeclassify.lane import Lane
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.mqtt.topics import LabelKey, label_topics
from edgeclassify.redact import hide_password
from edgeclassify.vocabulary import LabelName, UnknownLabelError, Vocabulary

log = logging.getLogger(__name__)


def vocabularies_of(file: ConfigFile, labels: tuple[str, ...]) -> dict[str, Vocabulary]:
    """Return what each camera can be answered with.

    Raises:
        ConfigError: the configuration names labels that the model does not have.
    """
    made: dict[str, Vocabulary] = {}  # by groups: most cameras have the same, and what they come to is said once

    def vocabulary(camera: str) -> Vocabulary:
        groups = file.config.events_for(camera).groups
        if repr(groups) not in made:
            made[repr(groups)] = vocabulary_for(labels, groups)
        return made[repr(groups)]

    errors, warnings = label_problems(file, vocabulary)
    if errors:
        raise ConfigError(*errors)
    for warning in warnings:
        log.warning("%s", warning)
    return {camera: vocabulary(camera) for camera in file.config.cameras}


def rules_of(config: Config, camera: str, vocabulary: Vocabulary) -> Rules:
    """Return the thresholds and times that hold for one camera."""
    layers = [layer for _, layer in config.threshold_layers(camera)]
    return rules_for(config.events_for(camera), layers, vocabulary)


def make_tracker(config: Config, camera: str, vocabulary: Vocabulary) -> Tracker:
    """Return what decides for one camera."""
    return Tracker(camera, vocabulary, rules_of(config, camera, vocabulary))


def make_lane(config: Config, camera: str, vocabulary: Vocabulary, publisher: Publisher) -> Lane:
    """Return the lane of a camera, which is told to be offline until a frame comes."""
    tracker, section = make_tracker(config, camera, vocabulary), config.cameras[camera]

    def tell_online(*, online: bool) -> None:
        publisher.retain(messages.camera_status(publisher.topics, camera, online=online))

    tell_online(online=False)
    # Also what was there before a restart: nothing is, until a frame shows it.
    publisher.accept(tracker.end("restarted", time.monotonic()), None)
    wishes = CameraWishes(classified=section.enabled)
    return Lane(camera, tracker, CameraStatus(), section.stale_seconds, tell_online, wishes)


def watched_labels(config: Config, camera: str, vocabulary: Vocabulary) -> dict[LabelKey, str]:
    """Return the labels and groups with an ON/OFF topic, by its part: as listed, else those named in thresholds."""
    names: list[LabelName] = list(config.home_assistant.labels)
    if not names:
        names = [name for _, layer in config.threshold_layers(camera) for name in layer if name != "*"]
    # Over all answers, so that a label's topic does not depend on which others are watched.
    parts = label_topics([(answer.label, answer.index) for answer in vocabulary.answers])
    watched: dict[LabelKey, str] = {}
    for name in names:
        try:
            numbers = vocabulary.find(name)
        except UnknownLabelError:
            continue  # another camera's groups have it: the check of the configuration saw to that
        for number in numbers:
            key = (vocabulary.answers[number].label, vocabulary.answers[number].index)
            watched[key] = parts[key]
    return watched


def info_of(config: Config, overrides: Overrides, classifier: Classifier) -> dict[str, object]:
    """Return what this node is, without secrets; `config` is as it holds, with what was set over MQTT."""
    effective = config.model_dump(mode="json")
    for name, camera in effective["cameras"].items():
        camera["source"] = hide_password(camera["source"])
        thresholds = {key: score for _, layer in config.threshold_layers(name) for key, score in layer.items()}
        camera["events"] = config.events_for(name).model_dump(mode="json") | {"thresholds": thresholds}
    model = classifier.model
    return {
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "model": {
            "name": model.name,
            "labels": len(model.labels),
            "input": list(model.input_size),
            "sha256": model.sha256,
        },
        "accelerator": classifier.accelerator,
        "cameras": list(config.cameras),
        "configuration": effective,
        "overrides": overrides.model_dump(mode="json", exclude_none=True)["cameras"],
    }
