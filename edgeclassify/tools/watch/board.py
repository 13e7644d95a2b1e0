"""What is known of each camera while someone watches: state only, no terminal and no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeclassify.tools.watch.reading import Reading

_KEPT_SCORES = 32


@dataclass(frozen=True, slots=True)
class Sample:
    """One score of the sparkline."""

    score: float
    counted: bool
    """It was enough for an event, or for being present."""


@dataclass(slots=True, eq=False)
class Row:
    """One camera."""

    node: str
    camera: str
    online: bool | None = None
    enabled: bool = True
    reading: Reading | None = None
    reading_s: float = 0.0
    """When it came, on the watcher's own monotonic clock: those of nodes differ."""
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=_KEPT_SCORES))
    noticed_s: float = 0.0
    """When it last became worth a look."""

    @property
    def label(self) -> str:
        """What it saw last."""
        return self.reading.label if self.reading else ""

    def forget_reading(self) -> None:
        """Forget what it saw last: that is over."""
        self.reading = None
        self.samples.clear()


class Board:
    """The cameras of all nodes that are watched."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}
        self._offline: set[str] = set()
        self._noticed: Row | None = None
        self.broker_gone = False

    @property
    def rows(self) -> list[Row]:
        """All cameras, by name."""
        return [row for _, row in sorted(self._rows.items())]

    def noticed(self) -> Row | None:
        """Return the camera that is worth a look: where something came, went or nearly counted last.

        It stays the same until that happens on another one, or it has nothing to show any more.
        """
        shown = [row for row in self.rows if row.reading is not None]
        before = self._noticed if self._noticed in shown else None
        latest = max(shown, key=lambda row: row.noticed_s, default=None)
        if before is None or (latest is not None and latest.noticed_s > before.noticed_s):
            self._noticed = latest
        return self._noticed

    def is_offline(self, row: Row) -> bool:
        """Tell whether it, or all of its node, is."""
        return row.online is False or row.node in self._offline

    def read(self, node: str, camera: str, message: Mapping[str, Any], now_s: float) -> None:
        """Take in a message on `why`.

        Raises:
            TypeError, ValueError: it is none.
        """
        reading = Reading.of(message)
        row = self._row(node, camera)
        counts = reading.outcome in ("answered", "cooldown") or reading.presence is not None
        counted = bool(row.samples) and row.samples[-1].counted
        if (counts and not counted) or (reading.outcome == "ambiguous" and reading.label != row.label):
            row.noticed_s = now_s
        row.samples.append(Sample(reading.score, counts))
        row.reading, row.reading_s = reading, now_s

    def notice(self, node: str, camera: str, now_s: float) -> None:
        """Something came or went there."""
        self._row(node, camera).noticed_s = now_s

    def camera_status(self, node: str, camera: str, status: str) -> None:
        """Take in `online`, `offline`, or nothing when the camera is no more."""
        if status not in ("online", "offline"):
            self._rows.pop((node, camera), None)
            return
        row = self._row(node, camera)
        row.online = status == "online"
        if not row.online:
            row.forget_reading()

    def node_status(self, node: str, status: str) -> None:
        """Take in `online`, `offline`, or nothing when the node is no more."""
        self._offline.discard(node)
        if status == "online":
            return
        for key, row in list(self._rows.items()):
            if row.node == node:
                row.forget_reading()
                if status != "offline":
                    del self._rows[key]
        if status == "offline":
            self._offline.add(node)

    def camera_enabled(self, node: str, camera: str, *, enabled: bool) -> None:
        """Take in whether a camera is classified."""
        row = self._row(node, camera)
        row.enabled = enabled
        if not enabled:
            row.forget_reading()

    def _row(self, node: str, camera: str) -> Row:
        return self._rows.setdefault((node, camera), Row(node, camera))
