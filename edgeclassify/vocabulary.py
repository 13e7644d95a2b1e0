"""What can be answered: the model's labels, with groups in place of their members, and how a text names one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.errors import ConfigError

LabelName = str | int
"""A label or group in config.yaml: its text, one synonym of it, or an index; in groups also a range "151-268"."""

_MAX_SHOWN = 80
_RANGE = re.compile(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*\Z")


class UnknownLabelError(ConfigError):
    """No label or group has this name; the message says which ones come near."""


class GroupsError(UnknownLabelError):
    """Groups name what the model does not have, or one label twice.

    Args:
        by_member: what is wrong, by (name of the group, number of the member, or None for the group itself).
        usable: the vocabulary of the groups without the members that are wrong.
    """

    def __init__(self, by_member: Mapping[tuple[str, int | None], str], usable: Vocabulary) -> None:
        super().__init__("; ".join(f"group {group!r}: {message}" for (group, _), message in by_member.items()))
        self.by_member = dict(by_member)
        self.usable = usable


@dataclass(frozen=True, slots=True)
class Answer:
    """A label of the model, or a group (`index` is null)."""

    label: str
    index: int | None


def _key(name: str) -> str:
    """Return what names that mean the same have in common."""
    return name.strip().casefold()


def synonyms(label: str) -> list[str]:
    """Return the names in a label like "tabby, tabby cat", in lower case."""
    return [_key(part) for part in label.split(",") if part.strip()]


class Vocabulary:
    """The labels of one model and the groups over them.

    Args:
        labels: the model's labels in the order of its outputs.
        groups: names of labels by the name of their group; each label may be in one group at most.

    Raises:
        GroupsError: a group names what the model does not have, or a label is in two groups.
    """

    def __init__(self, labels: Sequence[str], groups: Mapping[str, Sequence[LabelName]] | None = None) -> None:
        self.labels = tuple(labels)
        self._by_line: dict[str, list[int]] = {}
        self._by_synonym: dict[str, list[int]] = {}
        for index, label in enumerate(self.labels):
            self._by_line.setdefault(_key(label), []).append(index)
            for name in dict.fromkeys(synonyms(label)):
                self._by_synonym.setdefault(name, []).append(index)

        groups = groups or {}
        self._group_of: dict[int, str] = {}
        self._group_answers: dict[str, int] = {}
        problems = self._join_all(groups)
        single = [index for index in range(len(self.labels)) if index not in self._group_of]
        self.answers: tuple[Answer, ...] = tuple(
            [Answer(self.labels[index], index) for index in single] + [Answer(group, None) for group in groups]
        )
        for number, group in enumerate(groups, start=len(single)):
            if self._group_answers.setdefault(_key(group), number) != number:
                problems[group, None] = "another group has this name; rename one"
        self._answer_of_index = np.empty(len(self.labels), np.intp)
        self._answer_of_index[single] = np.arange(len(single))
        for index, group in self._group_of.items():
            self._answer_of_index[index] = self._group_answers[_key(group)]
        single_names = {_key(self.labels[index]) for index in single}
        for group in groups:
            if _key(group) in single_names:
                problems[group, None] = "has the name of a label that is not in it; add the label, or rename the group"
        if problems:
            raise GroupsError(problems, self)

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
        if isinstance(name, str) and _key(name) in self._group_answers:
            return (self._group_answers[_key(name)],)
        indexes = self._indexes(name)
        for index in indexes:
            if index in self._group_of:
                raise UnknownLabelError(
                    f"{self.labels[index]!r} is counted in the group {self._group_of[index]!r}; name the group"
                )
        return tuple(int(self._answer_of_index[index]) for index in indexes)

    def group_of(self, index: int) -> str | None:
        """Return the group that a label counts as."""
        return self._group_of.get(index)

    def suggestions(self, text: str) -> list[str]:
        """Return up to three names that come near to `text`."""
        names = [*self._group_answers, *self._by_synonym]
        wanted = _key(text)[:_MAX_SHOWN]
        near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
        words = [name for name in names if re.search(rf"\b{re.escape(wanted)}\b", name)] if wanted else []
        return list(dict.fromkeys([*near, *words]))[:3]

    def _indexes(self, name: LabelName) -> list[int]:
        if isinstance(name, int):
            if not 0 <= name < len(self.labels):
                raise UnknownLabelError(f"there is no label {name}; the model has 0 to {len(self.labels) - 1}")
            return [name]
        wanted = _key(name)
        found = self._by_line.get(wanted) or self._by_synonym.get(wanted)
        if not found:
            near = self.suggestions(name)
            hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
            raise UnknownLabelError(
                f"the model has no label {name[:_MAX_SHOWN]!r}{hint or '; see: edgeclassify labels'}"
            )
        return found

    def _join_all(self, groups: Mapping[str, Sequence[LabelName]]) -> dict[tuple[str, int | None], str]:
        """Put each label into its group; return what cannot be."""
        problems: dict[tuple[str, int | None], str] = {}
        for group, members in groups.items():
            if not members:
                problems[group, None] = "has no labels; name some, or remove it"
            for number, member in enumerate(members):
                try:
                    self._join(group, member)
                except UnknownLabelError as error:
                    problems[group, number] = str(error)
        return problems

    def _join(self, group: str, member: LabelName) -> None:
        for index in self._indexes_of_member(member):
            other = self._group_of.setdefault(index, group)
            if other != group:
                raise UnknownLabelError(
                    f"{self.labels[index]!r} is in two groups, {other!r} and {group!r}; take it out of one"
                )

    def _indexes_of_member(self, member: LabelName) -> Sequence[int]:
        span = _RANGE.match(member) if isinstance(member, str) else None
        if span is None or _key(span[0]) in self._by_synonym:
            return self._indexes(member)
        first, last = int(span[1]), int(span[2])
        if first > last:
            raise UnknownLabelError(f"the range {span[0]!r} is empty; write the smaller index first")
        self._indexes(last)
        return range(first, last + 1)
