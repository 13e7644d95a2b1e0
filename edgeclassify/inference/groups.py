"""Groups: labels that count as one answer, from the configuration or from a preset in models/groups.yaml."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from edgeclassify import resources
from edgeclassify.vocabulary import LabelName, UnknownLabelError, Vocabulary

log = logging.getLogger(__name__)

Groups = Mapping[str, Sequence[LabelName]]


@dataclass(frozen=True)
class LabelSet:
    """What a preset knows of one list of labels; see models/groups.yaml."""

    labels: str
    count: int
    known_by: Mapping[int, str]
    groups: Mapping[str, Sequence[str]]
    without_background: int | None = None
    """Length of the same list without the background in front."""

    def shift(self, labels: Sequence[str]) -> int | None:
        """Return what to add to this set's indexes for these labels; None when they are another list."""
        if len(labels) == self.count:
            shift = 0
        elif len(labels) == self.without_background:
            shift = -1
        else:
            return None
        known = all(labels[i + shift].casefold().startswith(text.casefold()) for i, text in self.known_by.items())
        return shift if known else None

    def members(self, shift: int) -> dict[str, list[int]]:
        """Return the groups, as indexes."""
        return {
            group: [index + shift for text in ranges for index in _indexes(text)]
            for group, ranges in self.groups.items()
        }


def vocabulary_for(labels: Sequence[str], groups: Groups | str) -> Vocabulary:
    """Return what can be answered with a model's labels.

    Args:
        labels: those of the model, in the order of its outputs.
        groups: names of labels by the name of their group, or the name of a preset.

    Raises:
        UnknownLabelError: there is no such preset, it does not know these labels, or a group names what is not there.
    """
    return Vocabulary(labels, _preset(groups, labels) if isinstance(groups, str) else groups)


@functools.cache
def presets() -> Mapping[str, Sequence[LabelSet]]:
    """Return the presets that come with the program."""
    document: dict[str, list[dict[str, Any]]] = yaml.safe_load(
        (resources.models() / "groups.yaml").read_text(encoding="utf-8")
    )
    return {name: [LabelSet(**entry) for entry in entries] for name, entries in document.items()}


def _preset(name: str, labels: Sequence[str]) -> Groups:
    if name not in presets():
        raise UnknownLabelError(f"there is no preset {name!r}; there is: {', '.join(presets())}")
    for label_set in presets()[name]:
        if (shift := label_set.shift(labels)) is not None:
            if not label_set.groups:
                log.info("groups %s: the labels of this model (%s) are groups already", name, label_set.labels)
            return label_set.members(shift)
    known = ", ".join(label_set.labels for label_set in presets()[name])
    raise UnknownLabelError(
        f"the preset {name!r} has nothing for the labels of this model, it knows those of {known}; "
        "write groups of your own, or {}"
    )


def _indexes(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)
