"""Builds everything, starts it, waits for a reason to stop: the only file that knows all the others."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

from edgeclassify import __version__
from edgeclassify.announcer import Announcer
from edgeclassify.assembly import make_tracker, vocabularies_of
from edgeclassify.cameras.capture import capture
from edgeclassify.cameras.status import CameraStatus, CameraWishes
from edgeclassify.commands import Commands
from edgeclassify.config.names import node_name, state_dir
from edgeclassify.config.overrides import KeptOverrides, overridden
from edgeclassify.config.reader import ConfigFile, load_config, model_errors
from edgeclassify.config.sections import Config, ModelConfig
from edgeclassify.errors import EdgeClassifyError
from edgeclassify.health import Health, InferenceTimes
from edgeclassify.inference import Classifier, open_classifier
from edgeclassify.inference.admission import admit
from edgeclassify.inference.versions import Version, version_of
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.pipeline import Lane, Pipeline
from edgeclassify.settings import Settings
from edgeclassify.threads import StopReason, StopReasons, Worker
from edgeclassify.vocabulary import Vocabulary
from edgeclassify.watchers import Watchers

log = logging.getLogger(__name__)

_RELOAD = StopReason("SIGHUP")
_COMMAND = StopReason("a command over MQTT")
_EDGE_TPU_PATIENCE_S = 1.5  # one that takes longer, or hangs, is used when it is ready
_APPLIED_TO_CAMERAS = {"events": None, "enabled": None}
_APPLIED_BY_RELOAD = {"model", "events", "home_assistant", "cameras"}


def run_daemon(file: ConfigFile) -> int:
    """Run until a signal or a failure; return the exit code.

    Raises:
        ConfigError: the configuration does not fit the model.
        ModelError: the model cannot be used.
        UnavailableError: another daemon has the state_dir.
    """
    stop_reasons: StopReasons = StopReasons()
    with _signals(stop_reasons), ExitStack() as running:
        daemon = _Daemon(file, running, stop_reasons)
        daemon.start()
        while (reason := stop_reasons.get()) in (_RELOAD, _COMMAND):  # the main thread does nothing else
            if reason is _RELOAD:
                daemon.reload()
            else:
                daemon.obey()
        log.log(logging.ERROR if reason.exit_code else logging.INFO, "stopping: %s", reason.text)
    return reason.exit_code


class _Daemon:
    """All parts, made in the order in which they depend on each other."""

    def __init__(self, file: ConfigFile, running: ExitStack, stop_reasons: StopReasons) -> None:
        config, node = file.config, node_name(file.config)
        log.info("edgeclassify %s: node %s, %s", __version__, node, file.path)
        self._settings: Settings
        self._can_tell = False
        self._running = running
        self._stop_reasons = stop_reasons
        self._stopping = threading.Event()
        self._health_seconds = config.mqtt.health_seconds
        self._state_dir = state_dir(config, file.base)
        self._classifying = running.enter_context(ExitStack())
        # Before it is opened: what is changed meanwhile is noticed by the next reload.
        with model_errors(file):
            self._model_version = version_of(config.model, file.base)
            classifier = self._open_admitted(config.model, file.base, self._classifying)
        vocabularies = vocabularies_of(file, classifier.model.labels)
        publisher = Publisher(config.mqtt, node, self._state_dir, file.base, stop_reasons, at_once=False)
        self._publisher = running.enter_context(publisher)
        # What a crash left open is closed before anything new is told.
        self._publisher.close_open_presences("restarted", time.time())
        overrides = KeptOverrides(self._state_dir)
        config = overridden(file, overrides.now).config
        self._lanes = {camera: self._lane(config, camera, vocabulary) for camera, vocabulary in vocabularies.items()}
        self._mailbox, self._times = FrameMailbox(), InferenceTimes()
        watchers = Watchers(self._publisher, self._publisher.topics)
        self._pipeline = Pipeline(
            self._mailbox,
            classifier,
            self._lanes,
            config.snapshots,
            self._publisher.accept,
            watchers.tell,
            self._times.note,
            watchers.wanted,
        )
        self._announcer = Announcer(self._publisher, self._state_dir)
        told = (self._publisher, self._announcer)
        self._settings = Settings(file, overrides, vocabularies, self._lanes, self._pipeline, *told)
        self._commands = Commands(self._publisher, list(self._lanes), lambda: stop_reasons.put(_COMMAND))
        self._can_tell = True
        self._settings.tell()
        publisher.connect()  # all that was told is what the broker hears first

    def start(self) -> None:
        """Start the threads: what is started last is stopped first."""
        health = Health(self._lanes, lambda: self._pipeline.classifier, self._times, self._mailbox)
        self._start("classify", partial(self._pipeline.run, self._stopping))
        self._start("announce", partial(self._announcer.run, self._stopping))
        self._start("health", partial(self._tell_health, health))
        for camera, section in self._settings.config.cameras.items():
            lane, base = self._lanes[camera], self._settings.file.base
            flow = (self._mailbox, self._pipeline.input_size, lane.status, lane.wishes)
            arguments = (camera, section, *flow, self._stopping, base)
            self._start(f"capture-{camera}", partial(capture, *arguments))

    def reload(self) -> None:
        """Read the configuration again and apply what can be applied; when anything is wrong with it, nothing."""
        try:
            written = load_config(self._settings.file.path)
            with model_errors(written):
                version = version_of(written.config.model, written.base)
                if self._settings.proposed(written).config == self._settings.config and version == self._model_version:
                    log.info("reload: %s: nothing has changed, in it or in the model's files", written.path)
                    return
                self._apply(written, version)
        except EdgeClassifyError as error:
            log.error("reload: %s", error)
            log.error("reload: nothing is changed, what ran before goes on; mend that and reload again")

    def obey(self) -> None:
        """Carry out the commands that came over MQTT."""
        self._commands.carry_out(self._settings.obey, self._settings.tell_camera)

    def _apply(self, written: ConfigFile, version: Version) -> None:
        file = self._settings.proposed(written)
        before, config = self._settings.config, file.config
        other_model = config.model != before.model or version != self._model_version
        if config.cameras.keys() != before.cameras.keys():
            log.warning("reload: other cameras take a restart; nothing is changed")
            return
        with ExitStack() as opening:
            classifier = self._pipeline.classifier
            if other_model:
                classifier = self._open_admitted(config.model, file.base, opening)
            vocabularies = vocabularies_of(file, classifier.model.labels)

            def swap(file: ConfigFile) -> None:
                trackers = {
                    name: make_tracker(file.config, name, vocabulary) for name, vocabulary in vocabularies.items()
                }
                self._pipeline.swap(classifier, trackers, "reconfigured")

            same_answers = not other_model and _groups(config) == _groups(before)
            self._settings.apply(written, vocabularies, None if same_answers else swap)
            self._model_version = version
            if other_model:
                self._classifying.close()
                self._classifying = self._running.enter_context(opening.pop_all())
        log.info("reload: %s: model %s, thresholds and all of events as it says now", file.path, classifier.model.name)
        if later := _takes_a_restart(before, config):
            log.warning("reload: what has changed in %s takes a restart", ", ".join(later))

    def _lane(self, config: Config, camera: str, vocabulary: Vocabulary) -> Lane:
        publisher = self._publisher
        tracker = make_tracker(config, camera, vocabulary)

        def tell_online(*, online: bool) -> None:
            publisher.retain(messages.camera_status(publisher.topics, camera, online=online))

        tell_online(online=False)
        # Also what was there before a restart: nothing is, until a frame shows it.
        publisher.accept(tracker.end("restarted", time.monotonic()), None)
        section, wishes = config.cameras[camera], CameraWishes(classified=config.cameras[camera].enabled)
        return Lane(camera, tracker, CameraStatus(), section.stale_seconds, tell_online, wishes)

    def _open_admitted(self, config: ModelConfig, base: Path, opening: ExitStack) -> Classifier:
        admit(config, base, self._state_dir)
        opened = open_classifier(config, base, changed=self._tell_info, patience_s=_EDGE_TPU_PATIENCE_S)
        return opening.enter_context(opened)

    def _tell_info(self) -> None:
        if self._can_tell:  # else it is told soon
            self._settings.tell_info(self._pipeline.classifier)

    def _tell_health(self, health: Health) -> None:
        while True:
            report = health.report(asdict(self._publisher.counters))
            fields = {"time": messages.timestamp(time.time()), **report}
            self._publisher.retain(messages.health(self._publisher.topics, fields))
            if self._stopping.wait(self._health_seconds):
                return

    def _start(self, name: str, body: Callable[[], None]) -> None:
        self._running.enter_context(Worker(name, body, self._stopping, self._stop_reasons))


def _groups(config: Config) -> dict[str, object]:
    """Return what makes the vocabularies of the cameras, beside the model."""
    return {camera: config.events_for(camera).groups for camera in config.cameras}


def _takes_a_restart(before: Config, after: Config) -> list[str]:
    """Return the sections with changes that a reload does not apply."""
    sections = [key for key in type(after).model_fields if key not in _APPLIED_BY_RELOAD]
    changed = [key for key in sections if getattr(before, key) != getattr(after, key)]
    cameras = [
        f"cameras.{name}"
        for name, camera in after.cameras.items()
        if camera.model_copy(update=_APPLIED_TO_CAMERAS) != before.cameras[name].model_copy(update=_APPLIED_TO_CAMERAS)
    ]
    return changed + cameras


@contextmanager
def _signals(stop_reasons: StopReasons) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into a reason to stop, SIGHUP into one to reload."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda n, _: stop_reasons.put(StopReason(signal.Signals(n).name)))
    signal.signal(signal.SIGHUP, lambda *_: stop_reasons.put(_RELOAD))
    try:
        yield
    finally:
        # The process ends with the daemon: a second signal must not turn a clean end into a death.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
