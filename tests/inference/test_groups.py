"""Presets: each index is held against the label it means."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeclassify import resources
from edgeclassify.inference.groups import presets, vocabulary_for
from edgeclassify.vocabulary import GroupsError, UnknownLabelError


@pytest.fixture(scope="module")
def imagenet(shared: Path) -> list[str]:
    return (shared / "models/imagenet_labels.txt").read_text().splitlines()


def inaturalist(count: int, known_by: dict[int, str]) -> list[str]:
    """As long as Coral's label file, with the lines that it is known by."""
    return [known_by.get(index, f"Genus species{index} (Common Name)") for index in range(count)]


def members(labels: list[str], group: str) -> list[str]:
    vocabulary = vocabulary_for(labels, "home")
    return [label for index, label in enumerate(labels) if vocabulary.group_of(index) == group]


def commented_ranges() -> Iterator[tuple[int, int, str, str]]:
    """First and last index of each range of ImageNet's, and how the comment behind says their labels begin."""
    text = (resources.models() / "groups.yaml").read_text(encoding="utf-8")
    for line in text[: text.index("iNaturalist 2017")].splitlines():
        if match := re.search(r'"(\d+)(?:-(\d+))?"\]?\s+# (.*?)(?: \.\.\. (.*))?$', line):
            first, last, begin, end = match.groups()
            yield int(first), int(last or first), begin, end or begin


def test_each_range_says_what_its_first_and_last_labels_are(imagenet: list[str]) -> None:
    ranges = list(commented_ranges())
    written = sum(len(texts) for texts in presets()["home"][0].groups.values())
    assert len(ranges) == written
    for first, last, begin, end in ranges:
        assert imagenet[first].startswith(begin), first
        assert imagenet[last].startswith(end), last


@pytest.mark.parametrize("count", [1000, 1001])
def test_imagenet_is_known_with_and_without_background(count: int, imagenet: list[str]) -> None:
    labels = imagenet[-count:]
    assert members(labels, "cat") == [
        "tabby, tabby cat",
        "tiger cat",
        "Persian cat",
        "Siamese cat, Siamese",
        "Egyptian cat",
    ]
    assert members(labels, "fox") == imagenet[278:282]
    assert len(members(labels, "dog")) == 118


def test_wild_relatives_are_not_taken_for_pets(imagenet: list[str]) -> None:
    pets = members(imagenet, "dog") + members(imagenet, "cat")
    wild = re.compile(r"wolf,|coyote|dingo|dhole|hyena|fox,|lion|leopard|lynx|cougar|jaguar|cheetah|Panthera|Canis")
    assert [label for label in pets if wild.search(label)] == []


def test_every_class_whose_name_gives_it_away_is_in_its_group(imagenet: list[str]) -> None:
    patterns = {
        "snake": r"snake$|boa constrictor|viper|rattlesnake|cobra|mamba|python",
        "spider": r"spider$|tarantula|black widow",
        "butterfly": r"butterfly",
        "bear": r" bear$",
        "insect": r"beetle|weevil|^fly$|grasshopper|^cricket$|^mantis|cicada|dragonfly|damselfly",
        "turtle": r"turtle|terrapin",
        "frog": r"frog$",
        "bottle": r"^(beer|pop|water|wine) bottle$",
        "truck": r"truck$",
        "bus": r"(mini|school |trolley)bus$",
    }
    for group, pattern in patterns.items():
        named = {label for label in imagenet if re.search(pattern, label.split(",")[0])}
        assert named, group
        assert named <= set(members(imagenet, group)), group


def test_scores_of_a_group_are_summed(imagenet: list[str]) -> None:
    scores = np.zeros(1001, np.float32)
    scores[[282, 283, 286]] = 0.3
    vocabulary = vocabulary_for(imagenet, "home")
    assert vocabulary.answer_scores(scores)[vocabulary.find("cat")[0]] == pytest.approx(0.9)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_species_count_as_what_they_are(number: int) -> None:
    label_set = presets()["home"][number]
    labels = inaturalist(label_set.count, dict(label_set.known_by))
    (group,) = label_set.groups
    vocabulary = vocabulary_for(labels, "home")
    assert [(answer.label, answer.index) for answer in vocabulary.answers] == [
        ("background", label_set.count - 1),
        (group, None),
    ]


def test_the_starters_labels_are_groups_already(caplog: pytest.LogCaptureFixture) -> None:
    labels = (resources.models() / "starter.txt").read_text().splitlines()
    with caplog.at_level(logging.INFO):
        vocabulary = vocabulary_for(labels, "home")
    assert [answer.label for answer in vocabulary.answers] == labels
    assert "groups already" in caplog.text


@pytest.mark.parametrize("count", [2, 30, 965, 1000, 1001, 1022, 2102])
def test_labels_are_known_by_their_text_not_their_number(count: int) -> None:
    with pytest.raises(UnknownLabelError, match="preset 'home' has nothing for the labels of this model"):
        vocabulary_for([f"thing {n}" for n in range(count)], "home")


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(UnknownLabelError, match="no preset 'garden'; there is: home"):
        vocabulary_for(["cat", "dog"], "garden")


def test_groups_of_the_configuration_are_used_as_they_are() -> None:
    vocabulary = vocabulary_for(["tabby", "beagle", "owl"], {"pet": ["tabby", 1]})
    assert [answer.label for answer in vocabulary.answers] == ["owl", "pet"]
    with pytest.raises(GroupsError, match="no label 'wombat'"):
        vocabulary_for(["tabby"], {"pet": ["wombat"]})
