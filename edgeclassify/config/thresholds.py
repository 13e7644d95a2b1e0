"""Which threshold holds for what, and which line of the configuration says so."""

from __future__ import annotations

from dataclasses import dataclass

from edgeclassify.config.document import KeyPath, Place
from edgeclassify.config.reader import ConfigFile
from edgeclassify.config.sections import EventsConfig
from edgeclassify.vocabulary import Answer, UnknownLabelError, Vocabulary

_DEFAULT = EventsConfig().thresholds["*"]


@dataclass(frozen=True, slots=True)
class EffectiveThreshold:
    """The score from which one answer counts; `answer` is null for all that have no line of their own."""

    answer: Answer | None
    threshold: float
    path: KeyPath
    """Where it is written; empty for the default of the program."""
    place: Place | None
    """The file and line; None where no file says it, or it was set over MQTT."""


def effective_thresholds(file: ConfigFile, camera: str, vocabulary: Vocabulary) -> list[EffectiveThreshold]:
    """Return what holds for one camera: first everything, then each answer that the configuration names.

    Raises:
        UnknownLabelError: thresholds name a label that the model does not have.
    """
    everything = EffectiveThreshold(None, _DEFAULT, (), None)
    own: dict[int, EffectiveThreshold] = {}
    for where, thresholds in file.config.threshold_layers(camera):
        for name, threshold in thresholds.items():
            path: KeyPath = (*where.split("."), name)
            place = file.place(path)
            written = path if place or path in file.overridden else ()
            if name == "*":
                everything = EffectiveThreshold(None, threshold, written, place)
            else:
                for number in vocabulary.find(name):
                    own[number] = EffectiveThreshold(vocabulary.answers[number], threshold, written, place)
    for number in _named(file, vocabulary):
        rule = EffectiveThreshold(vocabulary.answers[number], everything.threshold, everything.path, everything.place)
        own.setdefault(number, rule)
    return [everything, *own.values()]


def _named(file: ConfigFile, vocabulary: Vocabulary) -> list[int]:
    """Return the numbers of the groups, and of the labels with a sensor of their own."""
    numbers = [number for number, answer in enumerate(vocabulary.answers) if answer.index is None]
    for name in file.config.home_assistant.labels:
        try:
            numbers.extend(vocabulary.find(name))
        except UnknownLabelError:
            continue  # it is another camera's group
    return numbers
