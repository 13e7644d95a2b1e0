"""What must be true of the events that arrived, whatever was broken meanwhile, and how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Key = tuple[str, str]
"""Epoch and id of an event."""


@dataclass(frozen=True)
class Count:
    """What arrived. All but `arrivals`, `unique`, `repeats`, `epochs` and `late` must be empty."""

    arrivals: int
    unique: int
    repeats: int
    epochs: tuple[str, ...]
    late: int
    missing: list[Key]
    """Ids that are left out between the first and the last of their epoch."""
    disordered: list[Key]
    """Came for the first time after one with a higher id, or after a newer epoch."""
    altered: list[Key]
    """Came again, and not the same but for `late`."""
    unmatched: list[Key]
    """Presences without exactly one `appeared` and one `gone`."""

    @property
    def is_good(self) -> bool:
        return not (self.missing or self.disordered or self.altered or self.unmatched)


def count(arrived: Sequence[dict[str, Any]], still_open: Iterable[Key] = ()) -> Count:
    """Count events in the order of their arrival; `still_open` are presences that have not ended yet."""
    first: dict[Key, dict[str, Any]] = {}
    disordered, altered = [], []
    for event in arrived:
        key = (event["epoch"], event["id"])
        known = first.get(key)
        if known is not None:
            if {**known, "late": None} != {**event, "late": None}:
                altered.append(key)
            continue
        newest = next(reversed(first), None)
        is_next = newest is None or (newest[0] == key[0] and newest[1] < key[1])
        if not is_next and any(epoch == key[0] for epoch, _ in first):
            disordered.append(key)
        first[key] = event
    epochs = tuple(dict.fromkeys(epoch for epoch, _ in first))
    last = {epoch: max(int(number) for own, number in first if own == epoch) for epoch in epochs}
    wanted = [(epoch, f"{number:010d}") for epoch in epochs for number in range(1, last[epoch] + 1)]
    return Count(
        arrivals=len(arrived),
        unique=len(first),
        repeats=len(arrived) - len(first),
        epochs=epochs,
        late=sum(event["late"] for event in first.values()),
        missing=[key for key in wanted if key not in first],
        disordered=disordered,
        altered=altered,
        unmatched=_unmatched(list(first.values()), set(still_open)),
    )


def _unmatched(events: list[dict[str, Any]], still_open: set[Key]) -> list[Key]:
    # A presence may end in another epoch than it began in: its id alone does not name it.
    appeared = [event["id"] for event in events if event["event_type"] == "appeared"]
    ended = [event["appeared_id"] for event in events if event["event_type"] == "gone"]
    ended += [number for _, number in still_open]
    extra = set(appeared) ^ set(ended)
    return [("", number) for number in sorted(extra | {n for n in ended if ended.count(n) > appeared.count(n)})]
