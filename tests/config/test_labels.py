"""Labels that a configuration names: which are wrong, and which line decides about a threshold."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeclassify.config.labels import label_problems
from edgeclassify.config.reader import ConfigFile
from edgeclassify.config.thresholds import EffectiveThreshold, effective_thresholds
from edgeclassify.events.rules import resolve_thresholds
from edgeclassify.inference.groups import vocabulary_for
from edgeclassify.vocabulary import Vocabulary

LABELS = ("background", "tabby, tabby cat", "tiger cat", "dog", "crane", "bird", "crane")
Load = Callable[[str], ConfigFile]


def vocabulary_of(file: ConfigFile) -> Callable[[str], Vocabulary]:
    return lambda camera: vocabulary_for(LABELS, file.config.events_for(camera).groups)


@pytest.fixture
def check(load: Load) -> Callable[[str], tuple[list[str], list[str]]]:
    """Give errors and warnings, each without the path of the file."""

    def check_labels(text: str) -> tuple[list[str], list[str]]:
        file = load(text)
        errors, warnings = label_problems(file, vocabulary_of(file))
        cut = len(f"{file.path}:")
        return [error[cut:] for error in errors], [warning[cut:] for warning in warnings]

    return check_labels


Check = Callable[[str], tuple[list[str], list[str]]]


def test_everything_that_is_wrong_with_labels_is_said_at_once(check: Check) -> None:
    errors, warnings = check("""\
cameras:
  yard: {events: {ignore: [dgo]}}
  door: {events: {thresholds: {brd: 0.5, "*": 0.9}}}
events:
  groups:
    cats: [tabby, tiger cat, lion]
    all:
      - dog
      - TIGER CAT
      - 3-9
      - "5-3"
    none: []
    Bird: [dog]
  thresholds:
    tabby: 0.5
    crane: 0.5
    4: 0.6
    7: 0.6
home_assistant: {labels: [cats, crow]}
""")
    assert errors == [
        "3: cameras.door.events.thresholds.brd: the model has no label 'brd'; did you mean 'bird'?",
        "6: events.groups.cats item 3: the model has no label 'lion'; see: edgeclassify labels",
        "9: events.groups.all item 2: 'tiger cat' is in two groups, 'cats' and 'all'; take it out of one",
        "10: events.groups.all item 3: there is no label 9; the model has 0 to 6",
        "11: events.groups.all item 4: the range '5-3' is empty; write the smaller index first",
        "12: events.groups.none: has no labels; name some, or remove it",
        "13: events.groups.Bird item 1: 'dog' is in two groups, 'all' and 'Bird'; take it out of one",
        "13: events.groups.Bird: has the name of a label that is not in it; add the label, or rename the group",
        (
            "15: events.thresholds.tabby: 'tabby, tabby cat' is counted in the group 'cats'; name the group "
            "(for camera yard)"
        ),
        (
            "15: events.thresholds.tabby: 'tabby, tabby cat' is counted in the group 'cats'; name the group "
            "(for camera door)"
        ),
        "17: events.thresholds.4: means the same label as 'crane' in line 16; remove one",
        "18: events.thresholds.7: there is no label 7; the model has 0 to 6 (for camera yard)",
        "18: events.thresholds.7: there is no label 7; the model has 0 to 6 (for camera door)",
        "19: home_assistant.labels item 2: the model has no label 'crow'; see: edgeclassify labels",
    ]
    assert warnings == ["2: cameras.yard.events.ignore item 1: the model has no label 'dgo'; did you mean 'dog'?"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "events: {thresholds: {TABBY: 0.5, ' tiger cat ': 0.4, 3: 0.2, crane: 0.3}}",
        "events: {groups: {cat: [1-2]}, thresholds: {Cat: 0.4}, ignore: [cat]}",
        "cameras: {a: {events: {groups: {cat: [1, 2]}}}, b: {}}\nhome_assistant: {labels: [cat]}",
    ],
)
def test_labels_may_be_named_by_text_synonym_index_or_group(check: Check, text: str) -> None:
    assert check(text) == ([], [])


def test_a_model_without_background_is_no_reason_to_warn(load: Load) -> None:
    file = load("events: {ignore: [background, sky]}")
    errors, warnings = label_problems(file, lambda _: Vocabulary(["sea"]))
    assert not errors
    assert len(warnings) == 1
    assert "'sky'" in warnings[0]


def test_a_preset_that_is_not_there_is_an_error_of_its_line(check: Check) -> None:
    errors, _ = check("events:\n  groups: hmoe\n")
    assert len(errors) == 1
    assert errors[0].startswith("2: events.groups: there is no preset 'hmoe'")


def _line(rule: EffectiveThreshold) -> int | None:
    return rule.place.line if rule.place else None


def test_each_threshold_is_told_with_the_line_that_it_comes_from(load: Load) -> None:
    file = load("""\
cameras:
  door:
    events:
      thresholds:
        "*": 0.9
        dog: 0.3
  yard:
events:
  groups: {cat: [tabby, tiger cat]}
  thresholds:
    dog: 0.2
    bird: 0.5
""")
    vocabulary = vocabulary_of(file)("door")
    door = effective_thresholds(file, "door", vocabulary)
    assert [(rule.answer.label if rule.answer else "*", rule.threshold, _line(rule)) for rule in door] == [
        ("*", 0.9, 5),
        ("dog", 0.3, 6),
        ("bird", 0.5, 12),
        ("cat", 0.9, 5),
    ]
    assert door[1].path == ("cameras", "door", "events", "thresholds", "dog")
    yard = effective_thresholds(file, "yard", vocabulary)
    assert (yard[0].threshold, yard[0].path, yard[0].place) == (0.60, (), None)


NAMES = st.sampled_from(["'*'", "tabby", "tiger cat", "dog", "3", "crane", "bird"])
THRESHOLDS = st.dictionaries(NAMES, st.sampled_from([0.1, 0.5, 0.9, 1]), max_size=5)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(everywhere=st.none() | THRESHOLDS, own=st.none() | THRESHOLDS)
def test_what_is_told_is_what_decides(
    load: Load, everywhere: dict[str, float] | None, own: dict[str, float] | None
) -> None:
    def section(thresholds: dict[str, float] | None) -> str:
        if thresholds is None:
            return "{}"
        return "{thresholds: {" + ", ".join(f"{name}: {score}" for name, score in thresholds.items()) + "}}"

    file = load(f"cameras: {{door: {{events: {section(own)}}}}}\nevents: {section(everywhere)}\n")
    vocabulary = Vocabulary(LABELS)
    everything, *rules = effective_thresholds(file, "door", vocabulary)
    told = {rule.answer.index: rule.threshold for rule in rules if rule.answer}
    layers = [thresholds for _, thresholds in file.config.threshold_layers("door")]
    decides = resolve_thresholds(layers, vocabulary)
    assert list(decides) == [told.get(index, everything.threshold) for index in range(len(LABELS))]
