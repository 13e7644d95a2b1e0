"""A configuration that was read again, put to use with the least disturbance."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace

from edgeclassify.assembly import make_lane, make_tracker, rules_of, vocabularies_of
from edgeclassify.captures import Captures
from edgeclassify.changes import Changes, masked, until_restart
from edgeclassify.config.reader import ConfigFile, load_config
from edgeclassify.errors import ConfigError
from edgeclassify.lane import Lane
from edgeclassify.model_in_use import ModelInUse, version_now
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.pipeline import Pipeline, Swap
from edgeclassify.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reload:
    """The parts of a running daemon that a reload changes; used by the main thread."""

    settings: Settings
    model: ModelInUse
    pipeline: Pipeline
    lanes: dict[str, Lane]
    captures: Captures
    publisher: Publisher

    def carry_out(self) -> tuple[list[str], list[str]]:
        """Read the file again and apply what has changed; return that line by line, and which keys take a restart.

        Raises:
            ConfigError, ModelError: what is wrong with the file or the model; nothing is changed.
            StuckThreadError: the classify thread does not answer; nothing is changed.
        """
        written, held = load_config(self.settings.file.path), self.settings.file
        if written.document.is_blank and not held.document.is_blank:
            raise ConfigError(
                f"{written.path}: says nothing any more: it is being written, or the disk was full when it was; "
                "if all defaults are to hold, write {} into it"
            )
        for warning in written.document.warnings:
            log.warning("reload: %s", warning)
        config, later = until_restart(held.config, written.config)
        written = replace(written, config=config)
        file = self.settings.proposed(written)
        told = masked(self.settings.written.config, config, file.config, file.overridden)
        other_model = config.model != held.config.model or version_now(file) != self.model.version
        if other_model or file.config != held.config:
            told = self._apply(written, file, Changes(held.config, file.config), other_model=other_model) + told
        else:
            self.settings.written, self.settings.file = written, file  # other words for the same, on other lines
        return told, later

    def _apply(self, written: ConfigFile, file: ConfigFile, changes: Changes, *, other_model: bool) -> list[str]:
        config = file.config
        with ExitStack() as opening:
            classifier, version = self.pipeline.classifier, self.model.version
            if other_model:
                classifier, version = self.model.open(file, opening)
            vocabularies = vocabularies_of(file, classifier.model.labels)
            if changes.reconnects:
                self.publisher.check(config.mqtt)
            # From here on nothing is wrong with the file.
            anew = [*config.cameras] if other_model else changes.other_groups
            kept = {camera for camera in config.cameras if camera not in changes.added}
            swap = Swap(
                classifier,
                trackers={camera: make_tracker(config, camera, vocabularies[camera]) for camera in kept & set(anew)},
                rules={camera: rules_of(config, camera, vocabularies[camera]) for camera in kept - set(anew)},
                added={name: make_lane(config, name, vocabularies[name], self.publisher) for name in changes.added},
                enabled={camera: section.enabled for camera, section in config.cameras.items()},
            )
            self.pipeline.swap(swap)
            if other_model:
                self.model.take_over(opening, version)
        self._change_cameras(file, changes)
        self.pipeline.snapshots = config.snapshots
        self.publisher.reconfigure(config.mqtt, reconnect=changes.reconnects)
        self.settings.hold(written, file, vocabularies)
        return changes.lines(f"model: {classifier.model.name} takes over" if other_model else "")

    def _change_cameras(self, file: ConfigFile, changes: Changes) -> None:
        for camera in changes.removed:
            self.captures.stop(camera)
        for change in changes.restarted:
            lane = self.lanes[change.camera]
            self.captures.stop(change.camera)
            if change.is_another_view:
                self.pipeline.end(change.camera, "reconfigured")
            self.captures.start_anew(lane, file.config.cameras[change.camera], file.base)
        for camera in changes.added:
            self.captures.start(self.lanes[camera], file.config.cameras[camera], file.base)
