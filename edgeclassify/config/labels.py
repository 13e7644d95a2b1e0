"""The labels that a configuration names, held against those that the model has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgeclassify.config.document import KeyPath, Problem
from edgeclassify.config.reader import ConfigFile
from edgeclassify.vocabulary import GroupsError, LabelName, UnknownLabelError, Vocabulary

_DEFAULT_IGNORED = "background"


def label_problems(file: ConfigFile, vocabulary: Callable[[str], Vocabulary]) -> tuple[list[str], list[str]]:
    """Return the errors and the warnings, each a line with its place in the file.

    Args:
        file: the configuration.
        vocabulary: gives what the model can answer with the groups of a camera; may raise UnknownLabelError.
    """
    errors: list[Problem] = []
    warnings: list[Problem] = []
    vocabularies: list[Vocabulary] = []
    for camera in file.config.cameras:
        path = _events_path(file, camera, "groups")
        try:
            vocabularies.append(vocabulary(camera))
        except GroupsError as error:
            errors.extend(_group_problems(path, error))
            vocabularies.append(error.usable)
        except UnknownLabelError as error:  # a preset that does not exist or does not fit this model
            errors.append(Problem(path, str(error)))
            continue
        errors.extend(_threshold_problems(file, camera, vocabularies[-1]))
        warnings.extend(_ignore_problems(file, camera, vocabularies[-1]))
    errors.extend(_sensor_problems(file, vocabularies))
    return _texts(file, errors), _texts(file, warnings)


def _events_path(file: ConfigFile, camera: str, key: str) -> KeyPath:
    """Return where the section `events` says `key` for this camera."""
    own = file.config.cameras[camera].events.model_fields_set
    return ("cameras", camera, "events", key) if key in own else ("events", key)


def _group_problems(path: KeyPath, error: GroupsError) -> Iterator[Problem]:
    for (group, number), message in error.by_member.items():
        yield Problem((*path, group) if number is None else (*path, group, number), message)


def _threshold_problems(file: ConfigFile, camera: str, vocabulary: Vocabulary) -> Iterator[Problem]:
    for where, thresholds in file.config.threshold_layers(camera):
        path: KeyPath = tuple(where.split("."))
        said_by: dict[int, LabelName] = {}
        for name in thresholds:
            if name == "*":
                continue
            try:
                answers = vocabulary.find(name)
            except UnknownLabelError as error:
                whose = f" (for camera {camera})" if len(file.config.cameras) > 1 and path[0] == "events" else ""
                yield Problem((*path, name), f"{error}{whose}")
                continue
            if answers[0] in said_by:
                first = said_by[answers[0]]
                place, own = file.place((*path, first)), file.place((*path, name))
                where = f" in {place.seen_from(own.file, file.path)}" if place and own else ""
                yield Problem((*path, name), f"means the same label as {first!r}{where}; remove one")
            said_by.update(dict.fromkeys(answers, name))


def _ignore_problems(file: ConfigFile, camera: str, vocabulary: Vocabulary) -> Iterator[Problem]:
    path = _events_path(file, camera, "ignore")
    for number, name in enumerate(file.config.events_for(camera).ignore):
        try:
            vocabulary.find(name)
        except UnknownLabelError as error:
            if name != _DEFAULT_IGNORED:  # most models have no such label, and need none
                yield Problem((*path, number), str(error))


def _sensor_problems(file: ConfigFile, vocabularies: list[Vocabulary]) -> Iterator[Problem]:
    """Yield the labels with a sensor of their own that no camera can ever show."""
    for number, name in enumerate(file.config.home_assistant.labels):
        found = []
        for vocabulary in vocabularies:
            try:
                vocabulary.find(name)
            except UnknownLabelError as error:
                found.append(str(error))
        if found and len(found) == len(vocabularies):
            yield Problem(("home_assistant", "labels", number), found[0])


def _texts(file: ConfigFile, problems: list[Problem]) -> list[str]:
    ordered = sorted(problems, key=lambda problem: file.document.rank(file.document.place(problem.path)))
    return list(dict.fromkeys(file.problem(problem.path, problem.message) for problem in ordered))
