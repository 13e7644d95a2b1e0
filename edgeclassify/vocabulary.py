"""What can be answered: the model's labels, with groups in place of their members, and how a text names one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LabelName = str | int
"""A label or group in config.yaml: its text, one synonym of it, or an index; in groups also a range "151-268"."""

_RANGE = re.compile(r"\s*(\d+)\s*-\s*(\d+)\s*\Z")


class UnknownLabelError(ValueError):
    """No label or group has this name; the message says which ones come near."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A label of the model, or a group (`index` is null)."""

    label: str
    index: int | None


def synonyms(label: str) -> list[str]:
    """Return the names in a label like "tabby, tabby cat", in lower case."""
    return [part.strip().casefold() for part in label.split(",") if part.strip()]


class Vocabulary:
    """The labels of one model and the groups over them.

    Args:
        labels: the model's labels in the order of its outputs.
        groups: names of labels by the name of their group; each label may be in one group at most.

    Raises:
        UnknownLabelError: a group names what the model does not have, or a label is in two groups.
    """

    def __init__(self, labels: Sequence[str], groups: Mapping[str, Sequence[LabelName]] | None = None) -> None:
        self.labels = tuple(labels)
        self._by_line: dict[str, list[int]] = {}
        self._by_synonym: dict[str, list[int]] = {}
        for index, label in enumerate(self.labels):
            self._by_line.setdefault(label.strip().casefold(), []).append(index)
            for name in dict.fromkeys(synonyms(label)):
                self._by_synonym.setdefault(name, []).append(index)

        group_of: dict[int, str] = {}
        for group, members in (groups or {}).items():
            for index in self._indexes_of_members(members):
                if index in group_of and group_of[index] != group:
                    raise UnknownLabelError(
                        f"{self.labels[index]!r} is in two groups, {group_of[index]!r} and {group!r}; "
                        "take it out of one"
                    )
                group_of[index] = group
        self._group_of = group_of

        single = [index for index in range(len(self.labels)) if index not in group_of]
        self.answers: tuple[Answer, ...] = tuple(
            [Answer(self.labels[index], index) for index in single] + [Answer(g, None) for g in groups or {}]
        )
        self._group_answers = {g.casefold(): len(single) + n for n, g in enumerate(groups or {})}
        self._answer_of_index = np.empty(len(self.labels), np.intp)
        self._answer_of_index[single] = np.arange(len(single))
        for index, group in group_of.items():
            self._answer_of_index[index] = self._group_answers[group.casefold()]
        clash = next((self.labels[i] for i in single if self.labels[i].casefold() in self._group_answers), None)
        if clash is not None:
            raise UnknownLabelError(f"group {clash!r} has the name of a label that is not in it; add it or rename")

    def answer_scores(self, scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Sum the scores of each group: shape (labels,) in, shape (answers,) out, at most 1."""
        if len(self.answers) == len(self.labels) and not self._group_answers:
            return scores.astype(np.float64)
        sums = np.bincount(self._answer_of_index, weights=scores, minlength=len(self.answers))
        return np.minimum(sums, 1.0)

    def find(self, name: LabelName) -> tuple[int, ...]:
        """Return the numbers of the answers that `name` means; more than one for labels of equal text.

        Raises:
            UnknownLabelError: there is none, or it is a member of a group.
        """
        if isinstance(name, str) and name.strip().casefold() in self._group_answers:
            return (self._group_answers[name.strip().casefold()],)
        indexes = self._indexes(name)
        for index in indexes:
            if index in self._group_of:
                raise UnknownLabelError(
                    f"{self.labels[index]!r} is counted in the group {self._group_of[index]!r}; name the group"
                )
        return tuple(int(self._answer_of_index[index]) for index in indexes)

    def suggestions(self, text: str) -> list[str]:
        """Return up to three names that come near to `text`."""
        names = [*self._group_answers, *self._by_synonym]
        wanted = text.strip().casefold()
        near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
        words = [name for name in names if re.search(rf"\b{re.escape(wanted)}\b", name)] if wanted else []
        return list(dict.fromkeys([*near, *words]))[:3]

    def _indexes(self, name: LabelName) -> list[int]:
        if isinstance(name, int):
            if not 0 <= name < len(self.labels):
                raise UnknownLabelError(f"there is no label {name}; the model has 0 to {len(self.labels) - 1}")
            return [name]
        wanted = name.strip().casefold()
        found = self._by_line.get(wanted) or self._by_synonym.get(wanted)
        if not found:
            near = self.suggestions(name)
            hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
            raise UnknownLabelError(f"the model has no label {name!r}{hint or '; see: edgeclassify labels'}")
        return found

    def _indexes_of_members(self, members: Sequence[LabelName]) -> list[int]:
        indexes: list[int] = []
        for member in members:
            span = _RANGE.match(member) if isinstance(member, str) else None
            if span and member.strip().casefold() not in self._by_synonym:  # type: ignore[union-attr]
                first, last = int(span[1]), int(span[2])
                if first > last:
                    raise UnknownLabelError(f"the range {member!r} is empty; write the smaller index first")
                self._indexes(last)
                indexes.extend(range(first, last + 1))
            else:
                indexes.extend(self._indexes(member))
        return indexes
