"""The estimators with preset="tabular": they learn, keep to the interface, and say what they refuse."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score

from wengert import nn, train
from wengert.errors import ConfigurationError, DataError
from wengert.estimators import MLPClassifier, MLPRegressor
from wengert.estimators.fitting import forward
from wengert.train.bagging.calibration import without_calibration

QUICK = {"preset": "tabular", "hidden_layer_sizes": (16,), "random_state": 0}


def table(rows=400, seed=0):
    """Return a frame of numbers with gaps and many words, and a target that depends on both."""
    rng = np.random.default_rng(seed)
    x, word = rng.normal(size=rows), rng.integers(0, 12, rows)
    total = x + 0.3 * word
    frame = pd.DataFrame(
        {"x": np.where(np.arange(rows) % 40 == 7, np.nan, x), "word": [f"w{i}" for i in word]}
    )
    return frame, total


def test_classes_of_words_and_gaps_in_a_frame():
    frame, total = table()
    y = np.where(total > 1.5, "high", "low")
    model = MLPClassifier(**QUICK, max_iter=60).fit(frame[:300], y[:300])
    assert model.score(frame[300:], y[300:]) > 0.9
    assert list(model.classes_) == ["high", "low"]
    assert model.feature_names_in_.tolist() == ["x", "word"]
    assert any(isinstance(layer, nn.ColumnBlocks) for _, layer in model.network_.walk())
    shares = model.predict_proba(pl.DataFrame(frame[300:].to_dict("list"), strict=False))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
    assert model.n_iter_ == len(model.loss_curve_) == 60
    ends = [4, 12, 28, 60]  # of the cycles of the learning rate
    assert [epoch.epoch for epoch in model.history_ if epoch.validation_loss is not None] == ends
    assert len(model.validation_loss_curve_) == 4
    assert model.best_epoch_ in ends


def test_several_classes_beside_cross_validation_and_clone():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(**QUICK, max_iter=60)
    assert cross_val_score(clone(model), X, y, cv=3).mean() > 0.9
    shares = model.fit(X, y).predict_proba(X)
    assert shares.shape == (150, 3)
    assert "coefs_" not in dir(model) or not hasattr(model, "coefs_")


def test_labels_that_do_not_exclude_each_other(rng):
    X = rng.normal(size=(300, 3))
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    model = MLPClassifier(**QUICK, max_iter=40).fit(X, y)
    assert (model.predict(X) == y).mean() > 0.93


def test_numbers_in_their_own_units_and_within_their_range():
    X, y = load_diabetes(return_X_y=True)
    y = 1000 + 10 * y
    model = MLPRegressor(**QUICK, max_iter=60).fit(X[:350], y[:350])
    assert model.score(X[350:], y[350:]) > 0.35
    far = model.predict(X * 100)
    assert far.min() >= y[:350].min() - 1
    assert far.max() <= y[:350].max() + 1


def test_numbers_that_differ_in_digits_that_float32_has_not(rng, tmp_path):
    X = rng.normal(size=(200, 2))
    y = 1.7e9 + X[:, 0]
    model = MLPRegressor(**QUICK, max_iter=30).fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    assert model.score(X, y) > 0.9
    model.to_safetensors(tmp_path / "model.safetensors")
    again = MLPRegressor.from_safetensors(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    most = model.permutation_importance(X, y).importances_mean
    assert most[0] > 100 * abs(most[1])
    assert "loss" in str(model.doctor(X, y))


def test_counts_by_the_logarithm_of_their_mean(rng, tmp_path):
    X = rng.normal(size=(400, 2))
    y = 1000 * rng.poisson(np.exp(X[:, 0]))
    model = MLPRegressor("poisson", **QUICK, max_iter=30).fit(X, y)
    predicted = model.predict(X)
    assert predicted.min() > 0
    assert predicted.mean() == pytest.approx(y.mean(), rel=0.1)
    # The network has logarithms of means: of Poisson numbers, those are X₀ and ln 1000.
    assert np.corrcoef(np.log(predicted), X[:, 0])[0, 1] > 0.97
    model.to_safetensors(tmp_path / "model.safetensors")
    again = MLPRegressor.from_safetensors(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X), predicted)
    model.to_onnx(tmp_path / "model.onnx")
    np.testing.assert_allclose(
        MLPRegressor.from_onnx(tmp_path / "model.onnx").predict(X), predicted, rtol=1e-5
    )


def test_many_rows_are_predicted_by_compiled_code(rng, monkeypatch):
    X = rng.normal(size=(120, 2))
    model = MLPRegressor(**QUICK, max_iter=2).fit(X, 1000 + X[:, 0])
    in_numpy = model.predict(X)
    counted = []
    monkeypatch.setattr(forward, "ROWS_TO_COMPILE", 100)
    monkeypatch.setattr(forward, "predict", lambda net, X: counted.append(len(X)) or train.predict(net, X))
    np.testing.assert_allclose(model.predict(X), in_numpy, rtol=1e-8)
    assert counted == [120]
    assert len(model.predict(X[:99])) == 99
    assert counted == [120]


def test_a_quantile(rng):
    X = rng.normal(size=(400, 2))
    y = 50 + X[:, 0] + rng.normal(size=400)
    model = MLPRegressor("quantile", quantile=0.9, **QUICK, max_iter=30).fit(X, y)
    assert 0.83 < np.mean(y <= model.predict(X)) < 0.97


def test_several_numbers(rng):
    X = rng.normal(size=(300, 2))
    y = np.column_stack([5 + X[:, 0], 100 * X[:, 1] - 7])
    model = MLPRegressor(**QUICK, max_iter=60).fit(X, y)
    assert model.predict(X).shape == (300, 2)
    assert model.score(X, y) > 0.95


def test_the_same_seed_gives_the_same_network_and_weights_count(rng):
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] > 0).astype(int)
    first, second, weighted = (MLPClassifier(**QUICK, max_iter=5) for _ in range(3))
    weights = rng.uniform(0.1, 5, 200)
    first.fit(X, y), second.fit(X, y), weighted.fit(X, y, weights)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert (first.predict_proba(X) != weighted.predict_proba(X)).any()


def test_validation_rows_of_the_user(rng):
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] > 0).astype(int)
    model = MLPClassifier(**QUICK, max_iter=10).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    known = model.validation_scores_[model.best_epoch_ - 1]
    model.network_ = without_calibration(model.network_)  # which comes after the last epoch
    assert model.score(X[200:], y[200:]) == pytest.approx(known)


def test_too_few_rows_to_divide_among_the_members():
    X = np.arange(12.0)[:, np.newaxis]
    model = MLPClassifier(**QUICK, max_iter=100).fit(X, X[:, 0] > 5)
    assert model.validation_loss_curve_ == []
    assert model.score(X, X[:, 0] > 5) > 0.9


def test_more_classes_than_rows_in_a_fold(rng):
    y = np.repeat(np.arange(30), 2)
    X = np.column_stack([y, rng.normal(size=60)])
    model = MLPClassifier(**QUICK, max_iter=3).fit(X, y)
    assert model.predict_proba(X).shape == (60, 30)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"preset": "tabula"}, "preset is None or 'tabular', got 'tabula'"),
        ({"solver": "sgd"}, "preset='tabular' does not take solver, got solver='sgd'; leave one of them out"),
        ({"alpha": 0.1}, "preset='tabular' does not take alpha"),
        ({"loss": np.subtract}, "takes a loss by its name only"),
        ({"activation": ("relu",)}, "takes one activation by its name"),
    ],
)
def test_what_has_no_place_beside_the_preset(changed, message):
    with pytest.raises(ConfigurationError, match=message):
        MLPClassifier(**QUICK | changed).fit(np.eye(4), [0, 1, 0, 1])


def test_sparse_matrices_and_partial_fit_are_refused():
    model = MLPClassifier(**QUICK)
    with pytest.raises(DataError, match="preset='tabular' takes tables, not sparse matrices"):
        model.fit(sparse.csr_matrix(np.eye(4)), [0, 1, 0, 1])
    with pytest.raises(ConfigurationError, match="partial_fit does not know when training ends"):
        model.partial_fit(np.eye(4), [0, 1, 0, 1], classes=[0, 1])


def test_what_other_parts_of_scikit_learn_are_told_of_its_input():
    plain, preset = (
        MLPClassifier(preset=preset).__sklearn_tags__().input_tags for preset in (None, "tabular")
    )
    assert (plain.sparse, plain.allow_nan, plain.string) == (True, False, False)
    assert (preset.sparse, preset.allow_nan, preset.string) == (False, True, True)
