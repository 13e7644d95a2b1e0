"""Builds everything, starts it, waits for a reason to stop: the only file that knows all the others."""

from __future__ import annotations

import logging
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial

from edgeclassify import __version__
from edgeclassify.cameras.capture import capture
from edgeclassify.cameras.status import CameraStatus
from edgeclassify.config.labels import label_problems
from edgeclassify.config.names import node_name, state_dir
from edgeclassify.config.reader import ConfigFile
from edgeclassify.config.sections import Config
from edgeclassify.errors import ConfigError
from edgeclassify.events.rules import rules_for
from edgeclassify.events.tracker import Tracker
from edgeclassify.health import Health, InferenceTimes
from edgeclassify.inference import Classifier, open_classifier
from edgeclassify.inference.admission import admit
from edgeclassify.inference.groups import vocabulary_for
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.mqtt.topics import LabelKey, Topics, label_topics
from edgeclassify.pipeline import Lane, Pipeline
from edgeclassify.redact import hide_password
from edgeclassify.threads import StopReason, StopReasons, Worker
from edgeclassify.vocabulary import LabelName, UnknownLabelError, Vocabulary
from edgeclassify.watchers import Watchers

log = logging.getLogger(__name__)


def run_daemon(file: ConfigFile) -> int:
    """Run until a signal or a failure; return the exit code.

    Raises:
        ConfigError: the configuration does not fit the model.
        ModelError: the model cannot be used.
        UnavailableError: another daemon has the state_dir.
    """
    config, node = file.config, node_name(file.config)
    stop_reasons: StopReasons = StopReasons()
    stopping = threading.Event()
    log.info("edgeclassify %s: node %s, %s", __version__, node, file.path)
    with _signals(stop_reasons), ExitStack() as running:
        admit(config.model, file.base, state_dir(config, file.base))
        classifier = running.enter_context(open_classifier(config.model, file.base))
        vocabularies = _vocabularies(file, classifier.model.labels)
        publisher = running.enter_context(
            Publisher(config.mqtt, node, state_dir(config, file.base), file.base, stop_reasons)
        )
        topics = publisher.topics
        # What a crash left open is closed before anything new is told.
        publisher.close_open_presences("restarted", time.time())
        lanes = {
            camera: _lane(config, camera, vocabulary, publisher, topics) for camera, vocabulary in vocabularies.items()
        }
        for camera, vocabulary in vocabularies.items():
            publisher.watch(camera, watched_labels(config, camera, vocabulary))
        publisher.retain(messages.info(topics, _info(config, classifier)))

        mailbox, times = FrameMailbox(), InferenceTimes()
        watchers = Watchers(publisher, topics)
        pipeline = Pipeline(mailbox, classifier, lanes, config.snapshots, publisher.accept, watchers.tell, times.note)
        health = Health(lanes, classifier, times, mailbox)
        start = partial(_start, running, stopping, stop_reasons)
        start("classify", partial(pipeline.run, stopping))
        start("health", partial(_tell_health, health, publisher, topics, config.mqtt.health_seconds, stopping))
        for camera, section in config.cameras.items():
            start(
                f"capture-{camera}",
                partial(
                    capture,
                    camera,
                    section,
                    mailbox,
                    lambda: classifier.model.input_size,
                    lanes[camera].status,
                    stopping,
                    file.base,
                ),
            )
        reason = stop_reasons.get()  # the main thread does nothing else
        log.log(logging.ERROR if reason.exit_code else logging.INFO, "stopping: %s", reason.text)
    return reason.exit_code


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


def _vocabularies(file: ConfigFile, labels: tuple[str, ...]) -> dict[str, Vocabulary]:
    """Return what each camera can be answered with.

    Raises:
        ConfigError: the configuration names labels that the model does not have.
    """

    def vocabulary(camera: str) -> Vocabulary:
        return vocabulary_for(labels, file.config.events_for(camera).groups)

    errors, warnings = label_problems(file, vocabulary)
    if errors:
        raise ConfigError(*errors)
    for warning in warnings:
        log.warning("%s", warning)
    return {camera: vocabulary(camera) for camera in file.config.cameras}


def _lane(config: Config, camera: str, vocabulary: Vocabulary, publisher: Publisher, topics: Topics) -> Lane:
    layers = [layer for _, layer in config.threshold_layers(camera)]
    tracker = Tracker(camera, vocabulary, rules_for(config.events_for(camera), layers, vocabulary))

    def tell_online(*, online: bool) -> None:
        publisher.retain(messages.camera_status(topics, camera, online=online))

    tell_online(online=False)
    # Also what was there before a restart: nothing is, until a frame shows it.
    publisher.accept(tracker.end("restarted", time.monotonic()), None)
    return Lane(camera, tracker, CameraStatus(), config.cameras[camera].stale_seconds, tell_online)


def _start(
    running: ExitStack, stopping: threading.Event, stop_reasons: StopReasons, name: str, body: Callable[[], None]
) -> None:
    running.enter_context(Worker(name, body, stopping, stop_reasons))


def _tell_health(
    health: Health, publisher: Publisher, topics: Topics, health_seconds: float, stopping: threading.Event
) -> None:
    while True:
        fields = {"time": messages.timestamp(time.time()), **health.report(asdict(publisher.counters))}
        publisher.retain(messages.health(topics, fields))
        if stopping.wait(health_seconds):
            return


def _info(config: Config, classifier: Classifier) -> dict[str, object]:
    effective = config.model_dump(mode="json")
    for camera in effective["cameras"].values():
        camera["source"] = hide_password(camera["source"])
    return {
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "model": {
            "name": classifier.model.name,
            "labels": len(classifier.model.labels),
            "input": list(classifier.model.input_size),
            "sha256": classifier.model.sha256,
        },
        "accelerator": classifier.accelerator,
        "cameras": list(config.cameras),
        "configuration": effective,
    }


@contextmanager
def _signals(stop_reasons: StopReasons) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into a reason to stop."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        signal.signal(number, lambda n, _: stop_reasons.put(StopReason(signal.Signals(n).name)))
    try:
        yield
    finally:
        # The process ends with the daemon: a second signal must not turn a clean end into a death.
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
