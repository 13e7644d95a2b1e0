"""What a label that somebody wrote means to a model: which of its outputs are right, and which answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeclassify.errors import InputError
from edgeclassify.tools.labelled_pictures import Survey
from edgeclassify.vocabulary import UnknownLabelError, Vocabulary, synonyms

_MAX_TOLD = 20
_MAX_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right for a picture; both are empty for something that the model does not know."""

    indexes: frozenset[int]
    """Of the model's labels."""
    answers: tuple[int, ...]
    """Numbers in `vocabulary.answers`."""


OTHER = Truth(frozenset(), ())


class TruthTable:
    """Finds what names mean: a label's text or one of its synonyms, its index, or a group; `_` stands for a space."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._plain = Vocabulary(vocabulary.labels)
        self._members: dict[str, set[int]] = {}
        self._names: set[str] = set()
        for index, label in enumerate(vocabulary.labels):
            self._names.update([label.strip().casefold(), *synonyms(label)])
            if group := vocabulary.group_of(index):
                self._members.setdefault(group.strip().casefold(), set()).add(index)

    def find(self, name: str) -> Truth | None:
        """Return what a name means; None when the model does not know it."""
        for text in (name, name.replace("_", " ")):
            key = text.strip().casefold()
            if key in self._members:
                return self._truth(self._members[key])
            if key in self._names:
                return self._truth(set(self._plain.find(text)))
        if name.isascii() and name.isdecimal() and len(name) <= _MAX_DIGITS and int(name) < len(self._plain.labels):
            return self._truth({int(name)})
        return None

    def why_not(self, name: str) -> str:
        """Return why `find` found nothing, with names that come near."""
        try:
            self._vocabulary.find(int(name) if name.isdecimal() and len(name) <= _MAX_DIGITS else name)
        except UnknownLabelError as error:
            return str(error)
        return "is not known"

    def _truth(self, indexes: set[int]) -> Truth:
        answers = {
            number for index in indexes for number in self._vocabulary.find(self._vocabulary.group_of(index) or index)
        }
        return Truth(frozenset(indexes), tuple(sorted(answers)))


def truths(found: Survey, vocabulary: Vocabulary, *, others: bool, hint: str) -> Mapping[str, Truth]:
    """Return what each label of the pictures means.

    Args:
        found: the labels that occur.
        vocabulary: of the model.
        others: labels that the model does not have stand for something else.
        hint: what else to do about them, for the message.

    Raises:
        InputError: the model does not have some of them; the message lists them.
    """
    table = TruthTable(vocabulary)
    known = {name: table.find(name) for name in found.where}
    unknown = [name for name, truth in known.items() if truth is None]
    if unknown and not others:
        lines = [f"{found.where[name]}: {table.why_not(name)}" for name in unknown[:_MAX_TOLD]]
        if len(unknown) > _MAX_TOLD:
            lines.append(f"and {len(unknown) - _MAX_TOLD} more labels that the model does not have")
        lines.append(f"mend them, or count these as pictures of something else with --others{hint}")
        raise InputError("\n".join(lines))
    return {name: truth or OTHER for name, truth in known.items()}
