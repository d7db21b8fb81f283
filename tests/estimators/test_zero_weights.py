"""Rows of weight 0 are never what a network is judged by; classes that a batch lacks need no weight."""

import warnings
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from sklearn.utils import compute_class_weight

import wengert as wg
from wengert.errors import DataError, WengertWarning
from wengert.estimators.class_weights import weights_by_class
from wengert.estimators.fitting.held_out import split
from wengert.train.inputs import Rows


def says_what_to_do(refusal: str) -> bool:
    return "validation_fraction" in refusal or "X_val" in refusal


SOLVERS = ["lbfgs", "sgd", "adam", "adamw", "rmsprop", "muon"]


@hypothesis.given(
    st.integers(6, 60), st.floats(0.05, 0.9), st.booleans(), st.integers(0, 5), st.floats(0.1, 1)
)
def test_rows_of_weight_zero_are_not_held_out(
    count: int, fraction: float, stratified: bool, seed: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    weights = np.where(rng.uniform(size=count) < share, rng.uniform(0.1, 2, count), 0)
    places = np.arange(count, dtype=float)[:, np.newaxis]
    rows = Rows(places, rng.integers(0, 2, (count, 1)), weights)
    try:
        kept, held = split(rows, fraction, stratified, np.random.RandomState(seed))
    except DataError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert says_what_to_do(refusal)
        return
    assert held.weights.all()
    assert kept.weights.any()
    np.testing.assert_array_equal(np.sort(np.concatenate([kept.features, held.features]), axis=0), places)


@pytest.mark.parametrize("preset", [None, "tabular"])
@pytest.mark.parametrize("classifies", [True, False])
@hypothesis.settings(max_examples=6)
@hypothesis.given(st.sampled_from(SOLVERS), st.integers(0, 9), st.integers(1, 40), st.sampled_from([5, 200]))
def test_any_number_of_rows_that_count(
    preset: str | None, classifies: bool, solver: str, seed: int, counting: int, batch_size: int
) -> None:
    rng = np.random.default_rng(seed)
    X, weights = rng.normal(size=(120, 3)), np.zeros(120)
    weights[rng.permutation(120)[:counting]] = 1
    kind: Any = wg.MLPClassifier if classifies else wg.MLPRegressor
    y = X[:, 0] > 0 if classifies else X[:, 0]
    own = {"preset": preset} if preset else {"solver": solver, "early_stopping": True}
    model = kind(hidden_layer_sizes=(4,), max_iter=2, random_state=seed, batch_size=batch_size, **own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            model.fit(X, y, weights)
        except DataError as error:
            refusal = str(error)
        else:
            refusal = ""
    if refusal:
        assert says_what_to_do(refusal)
        return
    assert np.isfinite(model.loss_curve_).all()
    assert np.isfinite(model.predict(X)).all()
    if model.validation_scores_ is not None and classifies:
        assert np.isfinite(model.validation_scores_).all()


@hypothesis.given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_balanced_weights_of_the_classes_that_are_there(labels: list[int]) -> None:
    y = np.array(labels)
    weights = weights_by_class("balanced", np.arange(5), y)
    there = np.unique(y)
    expected = dict(zip(there.tolist(), compute_class_weight("balanced", classes=there, y=y), strict=True))
    np.testing.assert_allclose(weights, [expected[label] for label in labels])
    totals = [weights[y == label].sum() for label in there]
    np.testing.assert_allclose(totals, len(y) / len(there))


def test_balanced_in_batches_that_lack_a_class(rng: np.random.Generator) -> None:
    X = rng.normal(size=(90, 3))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    model = wg.MLPClassifier((4,), class_weight="balanced", random_state=0, batch_size=30)
    model.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert set(model.partial_fit(X, y).predict(X)) <= {0, 1, 2}
    with pytest.warns(WengertWarning, match="clipped"):
        model.partial_fit(X[y == 1][:5], y[y == 1][:5])


def test_weights_that_leave_nothing_together_are_refused(rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(20, 2)), np.arange(20) % 2
    model = wg.MLPClassifier((3,), class_weight={0: 0.0, 1: 1.0})
    with pytest.raises(DataError, match="sample_weight times class_weight is zero in all rows"):
        model.fit(X, y, sample_weight=1 - y)
