"""Heads: what they find, that it is the same each time, and that scores mean what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeclassify.inference.head import Gate, gated
from edgeclassify.inference.quantization import softmax
from edgeclassify.tools.learn import calibration, validation
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.softmax import fit_softmax
from edgeclassify.tools.learn.spread import measured
from edgeclassify.tools.learn.stored_features import StoredFeatures, stored
from edgeclassify.tools.learn.training import train
from edgeclassify.tools.learn.validation import Recipe
from tests.learned import examples


def loss(found, features, labels, classes, strength):  # type: ignore[no-untyped-def]
    share = 1 / (classes * np.bincount(labels)[labels])
    scores = softmax(found.logits(features).astype(np.float64))
    own = scores[np.arange(len(labels)), labels]
    return -(share * np.log(own)).sum() + (found.weights.astype(np.float64) ** 2).sum() / (2 * strength * len(labels))


@pytest.mark.parametrize("per_class", [3, 60])  # fewer pictures than features, and more
def test_softmax_regression_finds_the_lowest_loss(per_class: int) -> None:
    given = examples(per_class, noise=1.5)
    found = fit_softmax(given.features, given.labels, 4, 10.0)
    lowest = loss(found, given.features.floats(), given.labels, 4, 10.0)
    rng = np.random.default_rng(1)
    for size in (1e-1, 1e-2):
        for _ in range(20):
            other = type(found)(
                found.weights + size * rng.normal(size=found.weights.shape).astype(np.float32),
                found.bias + size * rng.normal(size=found.bias.shape).astype(np.float32),
            )
            assert loss(other, given.features.floats(), given.labels, 4, 10.0) > lowest - 1e-5


def test_it_is_what_scikit_learn_finds() -> None:
    from sklearn.linear_model import LogisticRegression

    given = examples(20, noise=1.5)
    found = fit_softmax(given.features, given.labels, 4, 10.0)
    # Theirs sums the losses where ours takes the mean of the classes: with equal classes C is the same.
    theirs = LogisticRegression(C=10.0, max_iter=5000, tol=1e-8).fit(given.features.floats(), given.labels)
    ours, other = softmax(found.logits(given.features.floats())), theirs.predict_proba(given.features.floats())
    assert np.abs(ours - other).max() < 0.01


def test_a_class_of_few_pictures_counts_as_much_as_one_of_many() -> None:
    many = examples(60, classes=2, noise=2.0)
    few = many.rows_of([*range(60), *range(60, 66)])
    found = fit_softmax(few.features, few.labels, 2, 1.0)
    told = found.logits(many.features.floats()).argmax(axis=1)
    assert (told[60:] == 1).mean() > 0.4  # unbalanced, nearly everything is taken for the large class


@pytest.mark.parametrize("kind", ["softmax", "imprinting"])
def test_learning_twice_gives_the_same_bits(kind: str) -> None:
    first, second = (train(examples(8), kind).head for _ in range(2))
    assert np.array_equal(first.weights, second.weights)
    assert (first.temperature, first.gate) == (second.temperature, second.gate)


def test_a_class_that_is_imprinted_leaves_the_weights_of_the_others_alone() -> None:
    given = examples(6, classes=5)
    before = train(given.without("class 2"), "imprinting")
    more = given.without("class 2").joined(given.subset([*range(12, 18)]))
    after = train(more, "imprinting", before.imprint).head
    assert len(after.weights) == 5
    assert np.array_equal(before.head.weights, after.weights[[0, 1, 3, 4]])
    assert np.array_equal(before.head.bias, after.bias[[0, 1, 3, 4]])
    assert (after.scores_of_many(given.features.floats()).argmax(axis=1) == given.labels).mean() > 0.9


def test_a_class_of_few_pictures_is_imprinted_as_fairly_as_one_of_many() -> None:
    many = examples(60, classes=2, width=200, noise=2.0)
    few = many.rows_of([*range(40), *range(60, 62)])
    head = train(few, "imprinting").head
    unseen = many.rows_of([*range(40, 60), *range(70, 120)])
    told = head.scores_of_many(unseen.features.floats())[:, :2].argmax(axis=1)
    assert min((told[unseen.labels == number] == number).mean() for number in (0, 1)) > 0.6


def test_few_pictures_that_can_be_told_apart_fall_to_none() -> None:
    given = examples(60, classes=4, width=64, noise=1.2)
    head = train(given.rows_of(np.flatnonzero(np.arange(240) % 2 == 0).tolist()), "auto").head
    fresh = given.rows_of(np.flatnonzero(np.arange(240) % 2 == 1).tolist())
    assert (head.scores_of_many(fresh.features.floats()).argmax(axis=1) == 4).mean() < 0.1


def test_auto_takes_what_is_right_more_often_on_held_out_pictures() -> None:
    given = examples(30, noise=2.5)
    both = {kind: train(given, kind) for kind in ("softmax", "imprinting")}
    best = max(found.held_out.right for found in both.values() if found.held_out)
    chosen = train(given, "auto")
    assert chosen.held_out is not None
    assert chosen.held_out.right == best


def test_the_temperature_of_scores_that_are_too_sure_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3)).astype(np.float32) * 2
    scores = softmax(logits)
    labels = np.array([rng.choice(3, p=row / row.sum()) for row in scores.astype(np.float64)])
    assert calibration.fitted_temperature(logits * 5, labels) == pytest.approx(5, rel=0.1)


def test_scores_are_as_sure_as_they_are_right() -> None:
    given = examples(200, noise=2.2)
    found = train(given.rows_of(np.flatnonzero(np.arange(800) % 2 == 0).tolist()), "softmax")
    fresh = given.rows_of(np.flatnonzero(np.arange(800) % 2 == 1).tolist())
    scores = found.head.scores_of_many(fresh.features.floats())
    assert float(scores.max(axis=1).mean()) == pytest.approx((scores.argmax(axis=1) == fresh.labels).mean(), abs=0.06)


@pytest.mark.parametrize(("per_class", "most"), [(1, 0.6), (2, 0.6), (20, 0.8)])  # of few pictures it is guessed
def test_what_is_far_off_falls_to_none(per_class: int, most: float) -> None:
    head = train(examples(per_class), "auto").head
    far = np.random.default_rng(5).normal(size=(200, 32)).astype(np.float32)
    near = examples(per_class + 5).features.floats()
    assert (head.scores_of_many(far).argmax(axis=1) == 4).mean() > most
    assert (head.scores_of_many(near).argmax(axis=1) == 4).mean() < 0.1


def test_pictures_of_nothing_make_none_one_of_the_classes() -> None:
    given = examples(10)
    named = Examples.of(
        given.features.bytes(), ["none" if given.label_of(r) == "class 0" else given.label_of(r) for r in range(40)],
        list(given.keys), list(given.names),
    )  # fmt: skip
    found = train(named, "softmax")
    assert named.classes[-1] == "none"
    scores = found.head.scores_of_many(named.features.floats())
    assert scores.shape == (40, 4)
    assert (scores[named.labels == 3].argmax(axis=1) == 3).all()


@given(st.integers(1, 6), st.integers(2, 5), st.floats(-1, 1), st.floats(0.01, 500), st.floats(1e-3, 100))
@settings(deadline=None)
def test_scores_always_sum_to_one(pictures: int, classes: int, middle: float, slope: float, temperature: float) -> None:
    rng = np.random.default_rng(classes)
    logits, near = rng.normal(size=(pictures, classes)) * 50, rng.uniform(-1, 1, pictures)
    for learned in (True, False):
        scores = gated(logits, near, temperature, Gate(middle, slope), none_learned=learned)
        assert scores.shape == (pictures, classes + (not learned))
        assert np.isfinite(scores).all()
        assert scores.min() >= 0
        assert scores.sum(axis=1) == pytest.approx(1, abs=1e-4)


@given(st.lists(st.integers(1, 12), min_size=2, max_size=5))
@settings(deadline=None)
def test_every_picture_is_held_out_once_unless_it_is_the_only_one(counts: list[int]) -> None:
    labels = [f"class {number}" for number, count in enumerate(counts) for _ in range(count)]
    rng = np.random.default_rng(0)
    keys = [f"{row:04d}" for row in range(len(labels))]
    given = Examples.of(stored(rng.normal(size=(len(labels), 8))), labels, keys, keys)
    folds = validation.folds_of(given)
    assert (folds < 0).sum() == sum(count == 1 for count in counts)
    if folds.max() >= 0:
        found = validation.held_out(given, [Recipe("imprinting", 0.9)], folds)[0]
        assert sorted(found.rows) == np.flatnonzero(folds >= 0).tolist()
        assert all(set(given.labels[folds != fold]) == set(given.labels) for fold in range(folds.max() + 1))


def test_a_gate_loses_few_of_the_pictures_it_was_fitted_on() -> None:
    rng = np.random.default_rng(0)
    near, sure, far = rng.normal(4, 2, 500), rng.uniform(0.4, 1, 500), rng.normal(-2, 3, 500)
    gate = calibration.fitted_gate(near, sure, far)
    none = sure * gate.share(near) < 1 - gate.share(near)
    assert 0.02 <= none.mean() <= calibration.LOST
    assert (gate.share(far) < 0.5).mean() > 0.5


def test_a_gate_of_few_pictures_loses_none_of_them() -> None:
    near = np.array([3.0, 3.5, 4.1, 4.4, 5.0, 5.2, 6.1, 6.3, 7.0, 8.0])
    gate = calibration.fitted_gate(near, np.ones(10), np.array([-3.0, -1.0, 0.5]))
    assert (gate.share(near) > 0.5).all()


@pytest.mark.parametrize("count", [3, 60, 400])  # fewer pictures than features, and more
def test_what_varies_in_every_class_is_undone_as_by_the_inverse_covariance(count: int) -> None:
    given = examples(count, classes=3, width=24)
    found = measured(given.features, given.labels, 3)
    spread = found.variation.spread(0.5)
    covariance = spread.rest * np.eye(24) + (spread.directions.T * spread.variances) @ spread.directions
    wanted = np.linalg.solve(covariance, found.means.T).T
    assert np.allclose(spread.undone(found.means), wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_nearness_is_the_ratio_of_two_bell_curves() -> None:
    given = examples(20, classes=3, width=24)
    found = measured(given.features, given.labels, 3)
    spread = found.variation.spread(0.8)
    near = spread.nearness(found.means, found.counts)
    inner = spread.rest * np.eye(24) + (spread.directions.T * spread.variances) @ spread.directions
    outer = inner + spread.between * np.eye(24)
    shown = given.features.floats()[:5]

    def distances(covariance, centre):  # type: ignore[no-untyped-def]
        away = (shown - centre).astype(np.float64)
        return np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away)

    wanted = (distances(outer, spread.centre) - distances(inner, found.means[1])) / 2 + spread.noise / 40
    assert np.allclose(near.to_each(shown)[:, 1], wanted, rtol=1e-3, atol=0.05)


def test_bytes_keep_the_direction_of_features_and_stay_what_they_are() -> None:
    features = np.random.default_rng(0).normal(size=(50, 300)).astype(np.float32)
    kept = StoredFeatures.of(stored(features))
    cosines = (kept.floats() * features).sum(axis=1) / np.linalg.norm(features, axis=1)
    assert cosines.min() > 0.999
    assert np.array_equal(stored(kept.floats()), kept.matrix)
