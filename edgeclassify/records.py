"""What flows through the program: Picture -> Frame -> Scores -> Decision (with Events and State)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""Shape (height, width, 3), red, green, blue."""


class Picture(Protocol):
    """What a camera gave, kept as it came: scaled for the model when due, encoded only when an event wants it.

    It stays valid after its camera has read further or was closed.
    """

    @property
    def name(self) -> str:
        """The file it came from, empty for a live camera."""
        ...

    @property
    def captured_s(self) -> float:
        """When it was taken, `time.monotonic()` seconds."""
        ...

    def model_input(self, width: int, height: int) -> Pixels:
        """Return the part that counts, as the model sees it: shape (height, width, 3)."""
        ...

    def jpeg(self, width: int, quality: int) -> bytes:
        """Return the whole picture, upright, as a JPEG at most `width` pixels wide."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture that is due for classification."""

    camera: str
    captured_s: float
    """`time.monotonic()` seconds."""
    input: Pixels
    """Shape of the model's input: (height, width, 3)."""
    picture: Picture


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What the model says of one frame."""

    camera: str
    captured_s: float
    values: npt.NDArray[np.float32]
    """Shape (labels,), each 0 to 1."""
    model: str
    accelerator: str
    """`cpu`, `edgetpu:usb:0` or `edgetpu:pci:0`."""
    inference_ms: float


@dataclass(frozen=True, slots=True)
class ScoredLabel:
    """One label with its smoothed score; `index` is null for a group."""

    index: int | None
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something appeared in front of a camera, or is gone. Its id is given when the outbox accepts it."""

    event_type: str
    """`appeared` or `gone`."""
    camera: str
    time_s: float
    """Seconds since 1970 of the frame that decided."""
    label: str
    index: int | None
    score: float
    top: tuple[ScoredLabel, ...]
    model: str
    accelerator: str
    inference_ms: float | None
    reason: str
    started_s: float | None = None
    """`gone` only: seconds since 1970 of its `appeared`."""
    duration_seconds: float | None = None
    best_score: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What is in front of a camera now; label `none` when nothing is."""

    camera: str
    label: str
    index: int | None
    """Tells labels of equal text apart; None for a group or nothing."""
    score: float | None
    since_s: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a label is in front of a camera now; `index` tells labels of equal text apart."""

    camera: str
    label: str
    index: int | None
    present: bool


@dataclass(frozen=True, slots=True)
class RankedAnswer:
    """A label or group (`index` is null) with its smoothed score and the score from which it counts."""

    index: int | None
    label: str
    score: float
    threshold: float | None
    """None: it is never reported."""


@dataclass(frozen=True, slots=True)
class PresentAnswer:
    """What is in front of a camera, and for how long still."""

    index: int | None
    label: str
    score: float
    for_s: float
    gone_in_s: float | None
    """If its score stays as low as it is; None while it is high enough."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one frame came to: for `watch --why` and for the log."""

    camera: str
    time_s: float
    label: str
    """The candidate: the best answer of this frame."""
    score: float
    outcome: str
    """`answered`, or why not: `ignored`, `below_threshold`, `ambiguous`, `cooldown`."""
    why: str
    """`cat 0.38 < 0.40: no event`."""
    top: tuple[ScoredLabel, ...]
    """The model's own best labels, groups or not."""
    answers: tuple[RankedAnswer, ...]
    """The best answers; the first is the candidate."""
    margin: float
    """By so much the first must be ahead of the second."""
    for_s: float
    """For how long it has been this candidate with this outcome."""
    left_s: float | None
    """Until it appears, or until its cooldown is over; None where no time decides."""
    present: tuple[PresentAnswer, ...]
    """What is in front of the camera, the highest score first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one frame, or the end of a camera, changed."""

    events: tuple[Event, ...] = ()
    state: State | None = None
    """Set when it changed."""
    presences: tuple[Presence, ...] = ()
    """Those that changed, told also during a cooldown."""
    verdict: Verdict | None = None
