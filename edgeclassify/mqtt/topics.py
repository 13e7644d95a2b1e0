"""The topics of one node, and labels as parts of topics."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgeclassify.config.names import slug

_MAX_PART_LENGTH = 64

LabelKey = tuple[str, int | None]
"""A label's text and index; the index of a group is null."""


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics below `<base>/<node>`."""

    base: str
    node: str

    @property
    def root(self) -> str:
        """What all of them begin with."""
        return f"{self.base}/{self.node}"

    @property
    def status(self) -> str:
        """`online` or `offline`, the node's; also the last will."""
        return f"{self.root}/status"

    @property
    def info(self) -> str:
        """What this node is and how it is configured."""
        return f"{self.root}/info"

    @property
    def health(self) -> str:
        """Totals and measurements, every `health_seconds`."""
        return f"{self.root}/health"

    def retained(self, parts: Mapping[str, Iterable[str]]) -> set[str]:
        """Return all topics that the broker keeps; `parts` are those of watched labels, by camera."""
        kept = {self.status, self.info, self.health}
        for camera, labels in parts.items():
            kept |= {self.camera_status(camera), self.state(camera), self.snapshot(camera)}
            kept |= {self.threshold(camera), self.enabled(camera), *(self.label(camera, part) for part in labels)}
        return kept

    @property
    def why_set(self) -> str:
        """A watcher asks here for `why` of all cameras, for some seconds."""
        return f"{self.root}/why/set"

    @property
    def response(self) -> str:
        """What became of each command."""
        return f"{self.root}/response"

    def camera_status(self, camera: str) -> str:
        """Return where it is said whether the camera gives fresh frames."""
        return f"{self.root}/{camera}/status"

    def event(self, camera: str) -> str:
        """Return where events go, never retained."""
        return f"{self.root}/{camera}/event"

    def state(self, camera: str) -> str:
        """Return where it is said what is in front of the camera now."""
        return f"{self.root}/{camera}/state"

    def label(self, camera: str, part: str) -> str:
        """Return where one watched label is ON or OFF; `part` is from `label_topics`."""
        return f"{self.root}/{camera}/labels/{part}"

    def snapshot(self, camera: str) -> str:
        """Return where the JPEG of an `appeared` goes."""
        return f"{self.root}/{camera}/snapshot"

    def threshold(self, camera: str) -> str:
        """Return where the threshold for labels without a line of their own is; `/set` behind it changes it."""
        return f"{self.root}/{camera}/threshold"

    def enabled(self, camera: str) -> str:
        """Return where it is said whether the camera is classified; `/set` behind it changes it."""
        return f"{self.root}/{camera}/enabled"

    def take_snapshot_set(self, camera: str) -> str:
        """Return where a fresh snapshot is asked for."""
        return f"{self.root}/{camera}/take_snapshot/set"

    def why(self, camera: str) -> str:
        """Return where each frame is explained while somebody watches."""
        return f"{self.root}/{camera}/why"


def label_topics(names: Sequence[LabelKey]) -> dict[LabelKey, str]:
    """Return for each label its part of a topic, all different, each at most 64 characters.

    The first of several labels with the same slug has it as it is, a later one gets its index behind it.
    """
    parts: dict[LabelKey, str] = {}
    for position, (label, index) in enumerate(dict.fromkeys(names)):
        own = f"_{index}" if index is not None else f"_group_{position}"
        part = slug(label, "label" + own)
        suffixes = itertools.chain(["", own], (f"{own}_{n}" for n in itertools.count(2)))
        # Cut what is common: the suffix that tells them apart must stay whole.
        candidates = (part[: _MAX_PART_LENGTH - len(suffix)] + suffix for suffix in suffixes)
        taken = set(parts.values())
        parts[label, index] = next(candidate for candidate in candidates if candidate not in taken)
    return parts
