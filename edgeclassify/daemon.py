"""Builds everything, starts it, waits for a reason to stop: the only file that knows all the others."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial

from edgeclassify import __version__
from edgeclassify.announcer import Announcer
from edgeclassify.assembly import make_lane, vocabularies_of
from edgeclassify.captures import Captures
from edgeclassify.commands import Commands
from edgeclassify.condition import condition
from edgeclassify.config.names import node_name, state_dir
from edgeclassify.config.overrides import KeptOverrides, overridden
from edgeclassify.config.reader import ConfigFile
from edgeclassify.device import Care
from edgeclassify.errors import EdgeClassifyError, StuckThreadError
from edgeclassify.health import Health, InferenceTimes
from edgeclassify.heartbeats import Beat, Heartbeats
from edgeclassify.mailbox import FrameMailbox
from edgeclassify.model_in_use import ModelInUse
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.orders import COMMAND, RELOAD, next_order, reason_to_stop, signals_as_orders
from edgeclassify.pipeline import Pipeline
from edgeclassify.reload import Reload
from edgeclassify.settings import Settings
from edgeclassify.supervisor import Supervisor
from edgeclassify.systemd import Systemd
from edgeclassify.threads import StopReasons, Worker
from edgeclassify.watchers import Watchers

log = logging.getLogger(__name__)

_BROKER_PATIENCE_S = 2.0  # what is there already gets its event with a picture
_START_S = 300.0  # a large model on the slowest Pi, from an SD card: it is tried out first
# How long each thread may make no progress before systemd's watchdog is not fed any more.
_MAIN_LIMIT_S = 180.0  # a reload may try out a large model
_CLASSIFY_LIMIT_S = 30.0
_TELL_LIMIT_S = 60.0  # what is announced is remembered on disk


def run_daemon(file: ConfigFile) -> int:
    """Run until a signal or a failure; return the exit code.

    Raises:
        ConfigError: the configuration does not fit the model.
        ModelError: the model cannot be used.
        UnavailableError: another daemon has the state_dir.
    """
    stop_reasons: StopReasons = StopReasons()
    systemd, heartbeats = Systemd(), Heartbeats()
    systemd.starting("opening the model", _START_S)
    with signals_as_orders(stop_reasons), ExitStack() as running:
        try:
            daemon = _Daemon(file, running, stop_reasons, systemd, heartbeats)
        except EdgeClassifyError:
            if reason_to_stop(stop_reasons):
                return 0  # the trial of the model was ended in the middle
            raise
        daemon.start()
        with heartbeats.watched("main", _MAIN_LIMIT_S) as beat:
            while (reason := next_order(stop_reasons, beat)) in (RELOAD, COMMAND):  # the main thread does nothing else
                if reason is RELOAD:
                    daemon.reload()
                else:
                    daemon.obey()
        systemd.stopping(reason.text)
        log.log(logging.ERROR if reason.exit_code else logging.INFO, "stopping: %s", reason.text)
    return reason.exit_code


class _Daemon:
    """All parts, made in the order in which they depend on each other."""

    def __init__(
        self,
        file: ConfigFile,
        running: ExitStack,
        stop_reasons: StopReasons,
        systemd: Systemd,
        heartbeats: Heartbeats,
    ) -> None:
        node, kept_in = node_name(file.config), state_dir(file.config, file.base)
        log.info("edgeclassify %s: node %s, %s", __version__, node, file.files)
        for warning in file.document.warnings:
            log.warning("%s", warning)
        if file.document.is_blank and not file.document.fragments:
            log.warning("%s: says nothing, so all defaults hold; edgeclassify setup writes one that fits", file.path)
        self._settings: Settings
        self._can_tell = False
        self._running = running
        self._stop_reasons = stop_reasons
        self._heartbeats = heartbeats
        self._stopping = threading.Event()
        model = running.enter_context(ModelInUse(kept_in, self._tell_info))
        with ExitStack() as opening:
            classifier, version = model.open(file, opening)
            model.take_over(opening, version)
        vocabularies = vocabularies_of(file, classifier.model.labels)
        publisher = Publisher(
            file.config.mqtt, node, kept_in, file.base, stop_reasons, heartbeats=heartbeats, at_once=False
        )
        self._publisher = running.enter_context(publisher)
        # What a crash left open is closed before anything new is told.
        publisher.close_open_presences("restarted", time.time())
        overrides = KeptOverrides(kept_in)
        config = overridden(file, overrides.now).config
        self._lanes = {name: make_lane(config, name, known, publisher) for name, known in vocabularies.items()}
        self._mailbox, self._times, self._care = FrameMailbox(), InferenceTimes(), Care()
        watchers = Watchers(publisher, publisher.topics)
        self._pipeline = Pipeline(
            self._mailbox,
            classifier,
            self._lanes,
            config.snapshots,
            publisher.accept,
            watchers.tell,
            self._times.note,
            watchers.wanted,
        )
        self._announcer = Announcer(publisher, kept_in)
        told = (publisher, self._announcer)
        self._settings = Settings(file, overrides, vocabularies, self._lanes, self._pipeline, *told)
        self._commands = Commands(publisher, self._lanes, lambda: stop_reasons.put(COMMAND))
        self._captures = Captures(self._mailbox, self._pipeline.input_size, heartbeats, stop_reasons)
        self._reload = Reload(self._settings, model, self._pipeline, self._lanes, self._captures, publisher)
        self._supervisor = Supervisor(systemd, heartbeats, self._condition, self._works)
        self._can_tell = True
        self._settings.tell()
        publisher.connect(_BROKER_PATIENCE_S)  # all that was told is what the broker hears first

    def start(self) -> None:
        """Start the threads: what is started last is stopped first."""
        health = Health(self._lanes, lambda: self._pipeline.classifier, self._times, self._mailbox, self._care)
        self._start("supervise", lambda _: self._supervisor.run(self._stopping), math.inf)
        self._start("classify", partial(self._pipeline.run, self._stopping), _CLASSIFY_LIMIT_S)
        self._start("announce", partial(self._announcer.run, self._stopping), _TELL_LIMIT_S)
        self._start("health", partial(self._tell_health, health), _TELL_LIMIT_S)
        self._running.enter_context(self._captures)
        for camera, section in self._settings.config.cameras.items():
            self._captures.start(self._lanes[camera], section, self._settings.file.base)

    def reload(self) -> None:
        """Read the configuration again and apply what can be applied; when anything is wrong with it, nothing."""
        self._supervisor.reloading()
        problem = ""
        try:
            applied, later = self._reload.carry_out()
            for line in applied:
                log.info("reload: %s: %s", self._settings.file.path, line)
            if later:
                log.warning("reload: what has changed in %s takes a restart", ", ".join(later))
            elif not applied:
                log.info("reload: %s: nothing has changed, in it or in the model's files", self._settings.file.path)
        except EdgeClassifyError as error:
            if reason_to_stop(self._stop_reasons):
                return  # the trial of the model was ended in the middle
            problem = str(error)
            log.error("reload: %s", error)
            if not isinstance(error, StuckThreadError):  # which tells itself whether anything is
                log.error("reload: nothing is changed, what ran before goes on; mend that and reload again")
        self._settings.note_reload(problem)
        self._supervisor.reloaded(problem)

    def obey(self) -> None:
        """Carry out the commands that came over MQTT."""
        self._commands.carry_out(self._settings.obey, self._settings.tell_camera)

    def _tell_info(self) -> None:
        if self._can_tell:  # else it is told soon
            self._settings.tell_info(self._pipeline.classifier)

    def _tell_health(self, health: Health, beat: Beat) -> None:
        def tell() -> None:
            report = health.report(asdict(self._publisher.counters))
            fields = {"time": messages.timestamp(time.time()), **report}
            self._publisher.retain(messages.health(self._publisher.topics, fields))

        health.run(self._stopping, beat, lambda: self._settings.config.mqtt.health_seconds, tell)

    def _condition(self) -> str:
        """Return how things are, in one line."""
        median_ms, _ = self._times.quantiles_ms() or (None, None)
        accelerator, publisher = self._pipeline.classifier.accelerator, self._publisher
        lanes = list(self._lanes.values())
        outbox, troubles = publisher.counters, self._care.troubles
        connected, problem = publisher.connected, publisher.problem
        return condition(lanes, accelerator, median_ms, outbox, troubles, connected=connected, problem=problem)

    def _works(self) -> bool:
        """Tell whether frames are classified, or are not to be."""
        lanes = list(self._lanes.values())
        return any(lane.classified_total for lane in lanes) or not any(lane.wishes.classified for lane in lanes)

    def _start(self, name: str, body: Callable[[Beat], None], limit_s: float) -> None:
        """Start a thread that beats at least every `limit_s`."""

        def watched() -> None:
            with self._heartbeats.watched(name, limit_s) as beat:
                body(beat)

        self._running.enter_context(Worker(name, watched, self._stopping, self._stop_reasons))
