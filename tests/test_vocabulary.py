"""Labels and groups: every score counts once, and every name is found or explained."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeclassify.vocabulary import Answer, GroupsError, UnknownLabelError, Vocabulary, synonyms

IMAGENET = ["background", "tabby, tabby cat", "tiger cat", "Egyptian cat", "crane", "dog", "crane", "1-2"]
LABELS = st.lists(st.text(max_size=6), min_size=1, max_size=12)


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    labels = draw(st.lists(st.text(alphabet="abc ,", max_size=5), min_size=1, max_size=12))
    parts = draw(st.lists(st.integers(0, 3), min_size=len(labels), max_size=len(labels)))
    groups = {f"group {n}": [i for i, part in enumerate(parts) if part == n] for n in range(1, 4) if n in parts}
    return Vocabulary(labels, groups)


@given(vocabularies(), st.data())
def test_the_sum_of_all_scores_stays_the_same(vocabulary: Vocabulary, data: st.DataObject) -> None:
    weights = data.draw(hnp.arrays(np.float32, len(vocabulary.labels), elements=st.floats(0, 1, width=32)))
    scores = weights / max(float(weights.sum()), 1.0)
    answers = vocabulary.answer_scores(scores)
    assert answers.shape == (len(vocabulary.answers),)
    assert answers.sum() == pytest.approx(scores.sum(), abs=1e-5)
    assert answers.max() <= 1
    for answer, score in zip(vocabulary.answers, answers, strict=True):
        if answer.index is not None:
            assert score == pytest.approx(scores[answer.index])


@given(vocabularies())
def test_every_label_is_answered_by_itself_or_by_one_group(vocabulary: Vocabulary) -> None:
    single = [answer.index for answer in vocabulary.answers if answer.index is not None]
    assert len(single) == len(set(single))
    for index, label in enumerate(vocabulary.labels):
        for name in (index, label, *synonyms(label)):
            try:
                found = vocabulary.find(name)
            except UnknownLabelError as error:
                assert "name the group" in str(error)
            else:
                assert all(0 <= number < len(vocabulary.answers) for number in found)
                assert name != index or vocabulary.answers[found[0]] == Answer(label, index)


@given(LABELS, st.text(max_size=200) | st.integers())
def test_a_name_is_found_or_the_error_says_so(labels: list[str], name: str | int) -> None:
    try:
        found = Vocabulary(labels).find(name)
    except UnknownLabelError as error:
        assert str(error).startswith(("the model has no label", "there is no label"))
        assert "\n" not in str(error)
    else:
        assert found


@given(LABELS, st.text(max_size=20))
def test_suggestions_are_names_that_can_be_used(labels: list[str], text: str) -> None:
    vocabulary = Vocabulary(labels)
    suggestions = vocabulary.suggestions(text)
    assert len(suggestions) <= 3
    for name in suggestions:
        assert vocabulary.find(name)


@pytest.mark.parametrize(
    ("name", "indexes"),
    [("TABBY", [1]), ("tabby, tabby cat", [1]), (" tabby cat", [1]), (3, [3]), ("crane", [4, 6]), ("1-2", [7])],
)
def test_a_label_is_found_by_line_synonym_or_index(name: str | int, indexes: list[int]) -> None:
    vocabulary = Vocabulary(IMAGENET)
    assert [vocabulary.answers[number].index for number in vocabulary.find(name)] == indexes


def test_a_group_replaces_its_members() -> None:
    vocabulary = Vocabulary(IMAGENET, {"Cat": ["tabby", "2-3"], "birds": ["crane"]})
    assert [answer.label for answer in vocabulary.answers] == ["background", "dog", "1-2", "Cat", "birds"]
    assert vocabulary.answers[vocabulary.find("cat")[0]] == Answer("Cat", None)
    with pytest.raises(UnknownLabelError, match="counted in the group 'Cat'; name the group"):
        vocabulary.find("tiger cat")
    scores = np.array([0, 0.54, 0.15, 0.30, 0, 0, 0.01, 0], np.float32)
    assert vocabulary.answer_scores(scores) == pytest.approx([0, 0, 0, 0.99, 0.01])


def test_wrong_groups_are_all_told_and_the_rest_stays_usable() -> None:
    groups = {"cat": ["tabby", "lion"], "CAT": ["dog"], "crane": [4], "big": ["0-99", 99]}
    with pytest.raises(GroupsError) as caught:
        Vocabulary(IMAGENET, groups)
    assert list(caught.value.by_member) == [
        ("cat", 1), ("big", 0), ("big", 1), ("CAT", None), ("crane", None)
    ]  # fmt: skip
    assert caught.value.usable.find("cat")


def test_an_absurd_name_does_not_flood_the_screen() -> None:
    with pytest.raises(UnknownLabelError) as caught:
        Vocabulary(IMAGENET).find("x" * 1_000_000)
    assert len(str(caught.value)) < 200
