"""What holds in the running daemon: config.yaml with what was set over MQTT, put to use and told."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from edgeclassify.announcer import Announcer
from edgeclassify.assembly import info_of, rules_of, watched_labels
from edgeclassify.config.overrides import KeptOverrides, overridden
from edgeclassify.config.reader import ConfigFile
from edgeclassify.config.sections import Config
from edgeclassify.errors import StuckThreadError
from edgeclassify.inference import Classifier
from edgeclassify.lane import Lane
from edgeclassify.mqtt import messages
from edgeclassify.mqtt.commands import ENABLED, TAKE_SNAPSHOT, Command, RefusedError
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.pipeline import Pipeline
from edgeclassify.records import Picture
from edgeclassify.snapshots import snapshot_of
from edgeclassify.vocabulary import Vocabulary


class Settings:
    """Used by the main thread, but for `tell_info`.

    Args:
        written: config.yaml as it was read.
        overrides: what was set over MQTT.
        vocabularies: what each camera can be answered with.
        lanes: the cameras.
        pipeline: where rules are put to use.
        publisher: where it is told.
        announcer: tells Home Assistant.
    """

    def __init__(
        self,
        written: ConfigFile,
        overrides: KeptOverrides,
        vocabularies: Mapping[str, Vocabulary],
        lanes: Mapping[str, Lane],
        pipeline: Pipeline,
        publisher: Publisher,
        announcer: Announcer,
    ) -> None:
        self.written = written
        """config.yaml, but for what takes a restart."""
        self._overrides = overrides
        self._vocabularies = vocabularies
        self._lanes = lanes
        self._pipeline = pipeline
        self._publisher = publisher
        self._announcer = announcer
        self._telling = threading.Lock()
        self._last_reload: dict[str, object] | None = None
        self.file = overridden(written, overrides.now)
        """As it holds."""

    @property
    def config(self) -> Config:
        """As it holds."""
        return self.file.config

    def proposed(self, written: ConfigFile) -> ConfigFile:
        """Return how a file that was read again would hold; what was set over MQTT is read again too."""
        self._overrides.read()
        return overridden(written, self._overrides.now)

    def hold(self, written: ConfigFile, file: ConfigFile, vocabularies: Mapping[str, Vocabulary]) -> None:
        """Let another file hold, which the pipeline obeys already, and tell it.

        Args:
            written: config.yaml as it was read, but for what takes a restart.
            file: as it holds.
            vocabularies: what each camera can be answered with from now on.
        """
        for camera in self._vocabularies.keys() - vocabularies.keys():
            self._publisher.watch(camera, {})
        self._vocabularies = vocabularies
        self.written, self.file = written, file
        self.tell()

    def note_reload(self, problem: str) -> None:
        """Tell what became of the last reload: `problem` is what was wrong, or empty."""
        fields = {"time": messages.timestamp(time.time()), "done": not problem, "message": problem}
        self._last_reload = fields
        self.tell_info(self._pipeline.classifier)

    def obey(self, command: Command) -> str:
        """Do what a command says; return what to answer.

        Raises:
            RefusedError: that cannot be.
        """
        if command.setting == TAKE_SNAPSHOT:
            return self._take_snapshot(command.camera)
        overrides = self._overrides.now.changed(command.camera, **{command.setting: command.value})
        file = overridden(self.written, overrides)
        try:
            if command.setting == ENABLED:
                self._pipeline.set_enabled(command.camera, enabled=file.config.cameras[command.camera].enabled)
            else:
                self._retune(file, self._vocabularies)
        except StuckThreadError as error:
            raise RefusedError(str(error)) from None
        self.file = file
        lost = self._overrides.change(command.camera, **{command.setting: command.value})
        self.tell_info(self._pipeline.classifier)
        shown = f"{command.value:g}" if command.setting != ENABLED else "ON" if command.value else "OFF"
        return f"{command.setting} is {shown}" + (f" until a restart ({lost.strerror})" if lost else "")

    def tell(self) -> None:
        """Tell how everything is set."""
        watched = {name: watched_labels(self.config, name, known) for name, known in self._vocabularies.items()}
        self._announcer.announce(self.config, watched)
        for camera, parts in watched.items():
            self._publisher.watch(camera, parts)
            self.tell_camera(camera)
        self.tell_info(self._pipeline.classifier)

    def tell_camera(self, camera: str) -> None:
        """Tell what of a camera can be set."""
        topics, section = self._publisher.topics, self.config.cameras[camera]
        self._publisher.retain(messages.threshold(topics, camera, self.config.threshold_of_others(camera)))
        self._publisher.retain(messages.enabled(topics, camera, enabled=section.enabled))

    def tell_info(self, classifier: Classifier) -> None:
        """Tell what this node is; also called by whoever changes the accelerator."""
        with self._telling:  # what is told last is what holds
            fields = info_of(self.config, self._overrides.now, classifier) | {"last_reload": self._last_reload}
            self._publisher.retain(messages.info(self._publisher.topics, fields))

    def _take_snapshot(self, camera: str) -> str:
        lane, config, publisher = self._lanes[camera], self.config.snapshots, self._publisher
        if not config.enabled:
            raise RefusedError("snapshots.enabled is false in config.yaml")
        if not lane.online:
            raise RefusedError(f"camera {camera} is offline")

        def publish(picture: Picture) -> None:
            if (jpeg := snapshot_of(picture, camera, config)) is not None:
                publisher.retain(messages.snapshot(publisher.topics, camera, jpeg))

        lane.wishes.next_picture = publish
        return "the next picture is sent"

    def _retune(self, file: ConfigFile, vocabularies: Mapping[str, Vocabulary]) -> None:
        rules = {camera: rules_of(file.config, camera, vocabulary) for camera, vocabulary in vocabularies.items()}
        self._pipeline.retune(rules)
