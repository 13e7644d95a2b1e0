"""The sections of config.yaml: types, limits, defaults and what each key means.

Defaults are the same as in the project's config.yaml (a test compares them). Problems are collected by the
reader, which knows the lines of the file. The texts below the keys become the JSON Schema's descriptions.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edgeclassify.config.values import Accelerator, Fraction, Id, NodeId, Pixel, Score, Seconds, Text, Threshold, Topic
from edgeclassify.vocabulary import LabelName


class Section(BaseModel):
    """What all sections share: unknown keys, wrong types, NaN and infinity are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_default(cls, data: object) -> object:
        """Take `mqtt:` with nothing below it, all its lines commented out, say, as not written."""
        if not isinstance(data, dict):
            return data
        sections = {key for key, field in cls.model_fields.items() if isinstance(field.default, (Section, dict))}
        return {key: value for key, value in data.items() if value is not None or key not in sections}


class ModelConfig(Section):
    """Which model runs, and on what."""

    name: Text = "starter"
    """A name from `edgeclassify models list`, or the path of a .tflite file."""
    labels: str = ""
    """A label file; default: the labels inside the model, or NAME.txt beside it."""
    scores: Literal["auto", "probabilities", "logits"] = "auto"
    """What the model's output is; auto looks at its last operation."""
    accelerator: Accelerator = "auto"
    """auto, cpu, edgetpu, or one device: edgetpu:usb:0, edgetpu:pci:0."""
    edgetpu_library: Text = "libedgetpu.so.1"
    """The Edge TPU's runtime library."""
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    """Of the interpreter; 0 is chosen for this machine."""


class EventsConfig(Section):
    """When scores become events; also, key by key, a camera's own `events:`."""

    groups: dict[Text, list[LabelName]] | str = {}
    """Labels by the name of the group they count as, or the name of a preset."""
    thresholds: dict[LabelName, Threshold] = {"*": 0.60}
    """Score from which a label or group counts; its own line wins over "*"."""
    ignore: list[LabelName] = ["background"]
    """Labels that are never reported."""
    margin: Score = 0.10
    """Best minus second best must be at least this, else the result is ambiguous: no event."""
    smoothing_seconds: Seconds = 0.5
    """Half-life of the running mean of scores; 0 is none."""
    appear_after_seconds: Seconds = 0.5
    """A label must qualify for so long to appear; 0 is at the first frame."""
    hysteresis: Score = 0.10
    """It stays while above threshold - hysteresis, at least half of the threshold."""
    gone_after_seconds: Seconds = 5
    """Below that for so long it is gone."""
    cooldown_seconds: Seconds = 30
    """No second event for the same label on the same camera so soon after its last gone."""


class CameraConfig(Section):
    """One camera."""

    source: Text = "auto"
    """auto, picamera, picamera:1, /dev/video0, rtsp://..., http://..., a file, a folder of pictures, or test."""
    enabled: bool = True
    """Whether its pictures are classified."""
    size: Annotated[list[Pixel], Field(min_length=2, max_length=2)] = [640, 480]
    """Width and height asked of the camera, pixels."""
    region: Annotated[list[Fraction], Field(min_length=4, max_length=4)] = [0, 0, 1, 1]
    """Left, top, width, height of the part that counts, as fractions of the upright frame."""
    fit: Literal["crop", "squash", "letterbox"] = "crop"
    """How that part becomes the model's square."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise."""
    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    """After the rotation."""
    frames_per_second: Annotated[float, Field(ge=0, le=1000)] = 5
    """At most so many frames are classified; 0 is as many as this machine can."""
    picture_seconds: Annotated[float, Field(ge=0.05, le=86_400)] = 4
    """A folder of pictures is a slide show, each shown for so long."""
    stale_seconds: Annotated[float, Field(ge=1, le=3600)] = 10
    """Without a frame for so long the camera is offline."""
    events: EventsConfig = EventsConfig()
    """Overrides of the section events for this camera: only the keys that were set count."""

    @field_validator("region")
    @classmethod
    def _inside(cls, region: list[float]) -> list[float]:
        left, top, width, height = region
        if width < 0.01 or height < 0.01:
            raise ValueError("must have a width and height (3rd and 4th value) of at least 0.01")
        if left + width > 1 + 1e-6 or top + height > 1 + 1e-6:
            raise ValueError("must stay in the frame: left + width and top + height at most 1")
        return region


class TlsConfig(Section):
    """An encrypted connection to the broker."""

    enabled: bool = False
    """Whether to use TLS."""
    ca: str = ""
    """A file of certificates to trust; empty for the system's own."""
    certificate: str = ""
    """This device's certificate, a file, where the broker wants one."""
    key: str = ""
    """The file with the certificate's key."""

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("must have both of certificate and key, or none")
        return self


class OutboxConfig(Section):
    """What may wait for the broker."""

    max_events: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Beyond so many the oldest are dropped."""
    expire_seconds: Annotated[float, Field(ge=1, le=315_360_000)] = 604_800
    """An event that waited for so long is dropped."""


class MqttConfig(Section):
    """The broker and what is sent to it."""

    host: Text = "localhost"
    """The broker's name or address."""
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    """Usually 1883, with TLS 8883."""
    username: str = ""
    """Empty for a broker without logins."""
    password_file: str = ""
    """A file with the password; or $EDGECLASSIFY_MQTT_PASSWORD, or the systemd credential mqtt-password."""
    tls: TlsConfig = TlsConfig()
    """An encrypted connection."""
    base_topic: Topic = "edgeclassify"
    """What all topics begin with."""
    keepalive_seconds: Annotated[int, Field(ge=5, le=3600)] = 15
    """A broker that is silent for about so long is given up and dialled again."""
    health_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30
    """How often health is published."""
    outbox: OutboxConfig = OutboxConfig()
    """What may wait for the broker."""


class SnapshotsConfig(Section):
    """Pictures of what appeared."""

    enabled: bool = True
    """Whether they are published."""
    width: Pixel = 640
    """Pixels, at most."""
    quality: Annotated[int, Field(ge=1, le=95)] = 85
    """Of the JPEG."""


class HomeAssistantConfig(Section):
    """Home Assistant's MQTT discovery."""

    enabled: bool = True
    """Whether devices are announced."""
    discovery_prefix: Topic = "homeassistant"
    """As set in Home Assistant."""
    labels: list[LabelName] = []
    """Labels and groups with a binary sensor of their own; empty: those that thresholds name."""


class Config(Section):
    """All of config.yaml."""

    node: NodeId = ""
    """Name of this device in topics; default: the host's name."""
    state_dir: str = ""
    """Where events wait for the broker; default: $STATE_DIRECTORY, else ~/.local/state/edgeclassify."""
    model: ModelConfig = ModelConfig()
    """Which model runs, and on what."""
    # pydantic puts the ids' pattern into the schema, but leaves all other keys open.
    cameras: Annotated[
        dict[Id, CameraConfig], Field(min_length=1, json_schema_extra={"additionalProperties": False})
    ] = {"camera": CameraConfig()}
    """Cameras by their id in topics."""
    events: EventsConfig = EventsConfig()
    """When scores become events."""
    mqtt: MqttConfig = MqttConfig()
    """The broker and what is sent to it."""
    snapshots: SnapshotsConfig = SnapshotsConfig()
    """Pictures of what appeared."""
    home_assistant: HomeAssistantConfig = HomeAssistantConfig()
    """Home Assistant's MQTT discovery."""

    @field_validator("cameras", mode="before")
    @classmethod
    def _bare_names(cls, cameras: object) -> object:
        """Take `door:` with nothing below it as a camera with all defaults."""
        if not isinstance(cameras, dict):
            return cameras
        return {name: {} if camera is None else camera for name, camera in cameras.items()}

    def events_for(self, camera: str) -> EventsConfig:
        """Return the section `events` as it holds for one camera, except thresholds: see `threshold_layers`."""
        own = self.cameras[camera].events
        return self.events.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})

    def threshold_of_others(self, camera: str) -> float:
        """Return the score from which labels without a line of their own count."""
        everything = EventsConfig().thresholds["*"]
        for _, layer in self.threshold_layers(camera):
            everything = layer.get("*", everything)
        return everything

    def threshold_layers(self, camera: str) -> list[tuple[str, dict[LabelName, float]]]:
        """Return thresholds from the weakest to the strongest source, each with the path it was written at.

        A label's own line from any layer wins over any "*".
        """
        own = self.cameras[camera].events
        layers = [("events.thresholds", self.events.thresholds)]
        if "thresholds" in own.model_fields_set:
            layers.append((f"cameras.{camera}.events.thresholds", own.thresholds))
        return layers
