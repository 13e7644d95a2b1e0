"""What differs between two configurations, and how each difference is put to use. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from edgeclassify.config.document import KeyPath
from edgeclassify.config.sections import Config, Section

_APPLIED_TO_CAMERAS = {"events", "enabled"}
_ANOTHER_VIEW = {"source", "region", "fit", "rotate", "flip"}
_OF_ONE_RUN = ("node", "state_dir")
_OF_ONE_RUN_OF_MQTT = ("base_topic",)
_WITHOUT_RECONNECTING = {"health_seconds", "outbox", *_OF_ONE_RUN_OF_MQTT}


@dataclass(frozen=True)
class CameraChange:
    """A camera whose thread must start anew."""

    camera: str
    keys: tuple[str, ...]

    @property
    def is_another_view(self) -> bool:
        """Whether it shows something else: then what is present ends."""
        return not _ANOTHER_VIEW.isdisjoint(self.keys)


@dataclass(frozen=True)
class Changes:
    """From one configuration that holds to another."""

    before: Config
    after: Config

    @property
    def added(self) -> list[str]:
        """Cameras that are new."""
        return [camera for camera in self.after.cameras if camera not in self.before.cameras]

    @property
    def removed(self) -> list[str]:
        """Cameras that are no more."""
        return [camera for camera in self.before.cameras if camera not in self.after.cameras]

    @property
    def restarted(self) -> list[CameraChange]:
        """Cameras that stay, and must start anew."""
        found = []
        for camera in self._kept:
            keys = differing(self.before.cameras[camera], self.after.cameras[camera], _APPLIED_TO_CAMERAS)
            if keys:
                found.append(CameraChange(camera, tuple(keys)))
        return found

    @property
    def other_groups(self) -> list[str]:
        """Cameras that stay, and are answered in other words."""
        before, after = self.before, self.after
        return [name for name in self._kept if before.events_for(name).groups != after.events_for(name).groups]

    @property
    def reconnects(self) -> bool:
        """Whether the broker is dialled anew."""
        return bool(differing(self.before.mqtt, self.after.mqtt, _WITHOUT_RECONNECTING))

    def lines(self, model: str) -> list[str]:
        """Return what was applied, for a person; `model` is what is to be said of it, if anything."""
        told = [model] if model else []
        told += [f"camera {camera}: removed" for camera in self.removed]
        told += [f"camera {camera}: added" for camera in self.added]
        told += [f"camera {one.camera}: starts anew with other {', '.join(one.keys)}" for one in self.restarted]
        for camera in self._kept:
            keys = differing(self.before.cameras[camera], self.after.cameras[camera])
            told += [f"camera {camera}: {key} as written" for key in keys if key in _APPLIED_TO_CAMERAS]
        if keys := differing(self.before.mqtt, self.after.mqtt):
            told.append(f"mqtt: {', '.join(keys)} as written" + (", connecting anew" if self.reconnects else ""))
        for name in ("events", "snapshots", "home_assistant"):
            if keys := differing(getattr(self.before, name), getattr(self.after, name)):
                told.append(f"{name}: {', '.join(keys)} as written")
        return told

    @property
    def _kept(self) -> list[str]:
        return [camera for camera in self.after.cameras if camera in self.before.cameras]


def differing(before: Section, after: Section, left_out: Collection[str] = ()) -> list[str]:
    """Return the keys of two sections of one kind that differ."""
    keys = [key for key in type(after).model_fields if key not in left_out]
    return [key for key in keys if getattr(before, key) != getattr(after, key)]


def masked(before: Config, after: Config, held: Config, overridden: Iterable[KeyPath]) -> list[str]:
    """Return what is written otherwise now and does not hold, for a person.

    Args:
        before: as it was written.
        after: as it is written now.
        held: as it holds.
        overridden: where something else was set over MQTT.
    """
    told = []
    for _, camera, key, *_ in sorted(overridden, key=str):
        was, written, holds = (_settable(config, str(camera), str(key)) for config in (before, after, held))
        if written not in (was, holds):
            what = "enabled" if key == "enabled" else "threshold"
            clear = f"edgeclassify overrides clear --camera {camera}"
            told.append(f"camera {camera}: {what} was set over MQTT, which holds over what is written, until: {clear}")
    return told


def _settable(config: Config, camera: str, key: str) -> float | None:
    """Return `enabled` of a camera, or else the threshold that can be set; None for a camera that is not there."""
    if camera not in config.cameras:
        return None
    return config.cameras[camera].enabled if key == "enabled" else config.threshold_of_others(camera)


def until_restart(before: Config, after: Config) -> tuple[Config, list[str]]:
    """Return `after` with what only a restart can change left as it is, and what that is."""
    own = [key for key in differing(before, after) if key in _OF_ONE_RUN]
    of_mqtt = [key for key in differing(before.mqtt, after.mqtt) if key in _OF_ONE_RUN_OF_MQTT]
    mqtt = after.mqtt.model_copy(update={key: getattr(before.mqtt, key) for key in of_mqtt})
    kept: dict[str, object] = {key: getattr(before, key) for key in own}
    return after.model_copy(update=kept | {"mqtt": mqtt}), own + [f"mqtt.{key}" for key in of_mqtt]
