"""The sections of config.yaml: types, limits, defaults and what each key means.

Defaults are the same as in the project's config.yaml (a test compares them). Problems are collected by the
reader, which knows the lines of the file.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from edgeclassify.vocabulary import LabelName

_ID = re.compile(r"[a-z0-9_-]{1,64}\Z")


def _id(value: str) -> str:
    if not _ID.match(value):
        raise ValueError("may hold only a-z, 0-9, _ and -, at most 64 of them")
    return value


def _topic(value: str) -> str:
    levels = value.split("/")
    if any(c in value for c in "+#\0") or not all(levels) or value.startswith("$") or len(value) > 200:
        raise ValueError("must be a topic without +, #, an empty level or a leading $")
    return value


Id = Annotated[str, AfterValidator(_id)]
Topic = Annotated[str, AfterValidator(_topic)]
Score = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000)]
Pixel = Annotated[int, Field(ge=16, le=8192)]


class Section(BaseModel):
    """What all sections share: unknown keys, wrong types, NaN and infinity are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ModelConfig(Section):
    """`model:`, which model runs and on what."""

    name: Annotated[str, Field(min_length=1)] = "starter"
    """A name from `edgeclassify models list`, or the path of a .tflite file."""
    labels: str = ""
    scores: Literal["auto", "probabilities", "logits"] = "auto"
    accelerator: Annotated[str, Field(pattern=r"^(auto|cpu|edgetpu(:(usb|pci):\d+)?)$")] = "auto"
    edgetpu_library: Annotated[str, Field(min_length=1)] = "libedgetpu.so.1"
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    """Of the interpreter; 0 is chosen for this machine."""


class EventsConfig(Section):
    """`events:`, when scores become events; also, key by key, a camera's own `events:`."""

    groups: dict[Annotated[str, Field(min_length=1)], list[LabelName]] | str = {}
    """Labels by the name of their group, or the name of a preset."""
    thresholds: dict[LabelName, Threshold] = {"*": 0.60}
    ignore: list[LabelName] = ["background"]
    margin: Score = 0.10
    smoothing_seconds: Seconds = 0.5
    """Half-life of the running mean of scores; 0 is none."""
    appear_after_seconds: Seconds = 0.5
    hysteresis: Score = 0.10
    gone_after_seconds: Seconds = 5
    cooldown_seconds: Seconds = 30


class CameraConfig(Section):
    """One entry under `cameras:`."""

    source: Annotated[str, Field(min_length=1)] = "auto"
    enabled: bool = True
    size: Annotated[list[Pixel], Field(min_length=2, max_length=2)] = [640, 480]
    """Width and height asked of the camera, pixels."""
    region: Annotated[list[Fraction], Field(min_length=4, max_length=4)] = [0, 0, 1, 1]
    """Left, top, width, height of the part that counts, as fractions of the upright frame."""
    fit: Literal["crop", "squash", "letterbox"] = "crop"
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise."""
    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    frames_per_second: Annotated[float, Field(ge=0, le=1000)] = 5
    """At most so many frames are classified; 0 is as many as this machine can."""
    picture_seconds: Annotated[float, Field(ge=0.05, le=86_400)] = 4
    stale_seconds: Annotated[float, Field(ge=1, le=3600)] = 10
    events: EventsConfig = EventsConfig()
    """Only the keys that were set count: `events.model_fields_set`."""

    @field_validator("region")
    @classmethod
    def _inside(cls, region: list[float]) -> list[float]:
        left, top, width, height = region
        if width < 0.01 or height < 0.01:
            raise ValueError("width and height must be at least 0.01")
        if left + width > 1 + 1e-6 or top + height > 1 + 1e-6:
            raise ValueError("reaches out of the frame: left + width and top + height must be at most 1")
        return region


class TlsConfig(Section):
    """`mqtt.tls:`."""

    enabled: bool = False
    ca: str = ""
    """A file of certificates to trust; empty for the system's own."""
    certificate: str = ""
    key: str = ""

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together: set both or none")
        return self


class OutboxConfig(Section):
    """`mqtt.outbox:`, what may wait for the broker."""

    max_events: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    expire_seconds: Annotated[float, Field(ge=1, le=315_360_000)] = 604_800


class MqttConfig(Section):
    """`mqtt:`."""

    host: Annotated[str, Field(min_length=1)] = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    username: str = ""
    password_file: str = ""
    tls: TlsConfig = TlsConfig()
    base_topic: Topic = "edgeclassify"
    keepalive_seconds: Annotated[int, Field(ge=5, le=3600)] = 15
    health_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30
    outbox: OutboxConfig = OutboxConfig()


class SnapshotsConfig(Section):
    """`snapshots:`."""

    enabled: bool = True
    width: Pixel = 640
    quality: Annotated[int, Field(ge=1, le=95)] = 85


class HomeAssistantConfig(Section):
    """`home_assistant:`."""

    enabled: bool = True
    discovery_prefix: Topic = "homeassistant"
    labels: list[LabelName] = []
    """Empty: the labels and groups that thresholds name."""


class Config(Section):
    """All of config.yaml."""

    node: Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,64}$")] = ""
    state_dir: str = ""
    model: ModelConfig = ModelConfig()
    cameras: Annotated[dict[Id, CameraConfig], Field(min_length=1)] = {"camera": CameraConfig()}
    events: EventsConfig = EventsConfig()
    mqtt: MqttConfig = MqttConfig()
    snapshots: SnapshotsConfig = SnapshotsConfig()
    home_assistant: HomeAssistantConfig = HomeAssistantConfig()

    def events_for(self, camera: str) -> EventsConfig:
        """Return the section `events` as it holds for one camera, except thresholds: see `threshold_layers`."""
        own = self.cameras[camera].events
        return self.events.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})

    def threshold_layers(self, camera: str) -> list[tuple[str, dict[LabelName, float]]]:
        """Return thresholds from the weakest to the strongest source, each with the path it was written at.

        A label's own line from any layer wins over any "*".
        """
        own = self.cameras[camera].events
        layers = [("events.thresholds", self.events.thresholds)]
        if "thresholds" in own.model_fields_set:
            layers.append((f"cameras.{camera}.events.thresholds", own.thresholds))
        return layers
