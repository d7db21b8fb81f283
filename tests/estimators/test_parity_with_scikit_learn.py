"""The same data, arguments and random state give the network that scikit-learn's MLP gives."""

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as reference
from sklearn.exceptions import ConvergenceWarning

import wengert as wg
from wengert.errors import ConfigurationError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)

ROWS, FEATURES = 83, 5

SOLVERS: dict[str, dict[str, Any]] = {
    "adam": {},
    "adam, alpha": {"alpha": 0.5, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd, plain momentum": {"solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False},
    "sgd, no momentum": {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.0},
    "sgd, invscaling": {
        "solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "learning_rate_init": 0.1,
    },
    "sgd, adaptive": {
        "solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.3, "n_iter_no_change": 1,
        "tol": 0.05,
    },
    "lbfgs": {"solver": "lbfgs", "alpha": 0.1},
    "no shuffling": {"shuffle": False},
    "tanh": {"activation": "tanh", "hidden_layer_sizes": (7, 4)},
    "logistic": {"activation": "logistic"},
    "identity": {"activation": "identity"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 40},
    "stops by itself": {"tol": 0.02, "n_iter_no_change": 3, "max_iter": 200},
}  # fmt: skip


def targets(task: str, X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    signal = X @ rng.normal(size=(FEATURES, 3)) + 0.3 * rng.normal(size=(len(X), 3))
    return {
        "binary": np.where(signal[:, 0] > 0, "yes", "no"),
        "multiclass": signal.argmax(axis=1) * 10,
        "multilabel": (signal > 0).astype(int),
        "regression": signal[:, 0],
        "multi-output": signal,
        "counts": rng.poisson(np.exp(0.3 * signal[:, 0])).astype(float),
    }[task]


def pair(task: str, options: dict[str, Any]) -> tuple[Any, Any]:
    name = "MLPClassifier" if task in ("binary", "multiclass", "multilabel") else "MLPRegressor"
    options = {"hidden_layer_sizes": (6,), "max_iter": 12, "batch_size": 20, "random_state": 3} | options
    return getattr(wg, name)(**options), getattr(reference, name)(**options)


def assert_same(ours: Any, theirs: Any, tolerance: float = 1e-9) -> None:
    for mine, other in zip(
        [*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=0, atol=tolerance)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-8)
    for name in ("n_iter_", "t_", "n_outputs_", "n_layers_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    if theirs.solver != "lbfgs":
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-8)
        for name in ("best_loss_", "best_validation_score_", "validation_scores_"):
            expected = getattr(theirs, name)
            assert getattr(ours, name) == (None if expected is None else pytest.approx(expected)), name


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_fit_gives_the_same_network(task: str, solver: str, rng: np.random.Generator) -> None:
    X = rng.normal(size=(ROWS, FEATURES))
    y = targets(task, X, rng)
    ours, theirs = pair(task, SOLVERS[solver])
    # L-BFGS amplifies rounding from step to step.
    assert_same(ours.fit(X, y), theirs.fit(X, y), 1e-6 if "lbfgs" in solver else 1e-9)
    np.testing.assert_array_equal(
        ours.predict(X) > 0 if task == "regression" else ours.predict(X),
        theirs.predict(X) > 0 if task == "regression" else theirs.predict(X),
    )
    if task != "regression":
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("task", ["multi-output", "counts"])
def test_multi_output_and_counts(task: str, solver: str, rng: np.random.Generator) -> None:
    X = rng.normal(size=(ROWS, FEATURES))
    y = targets(task, X, rng)
    options = {"solver": solver, "loss": "poisson" if task == "counts" else "squared_error", "alpha": 0.3}
    ours, theirs = pair(task, options)
    assert_same(ours.fit(X, y), theirs.fit(X, y))
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


@pytest.mark.parametrize("solver", ["adam", "sgd, adaptive", "early stopping", "lbfgs"])
def test_sample_weights(solver: str, rng: np.random.Generator) -> None:
    X = rng.normal(size=(ROWS, FEATURES))
    y = targets("multiclass", X, rng)
    weights = rng.uniform(0, 3, ROWS)
    ours, theirs = pair("multiclass", SOLVERS[solver])
    tolerance = 1e-6 if solver == "lbfgs" else 1e-9
    assert_same(ours.fit(X, y, weights), theirs.fit(X, y, sample_weight=weights), tolerance)


def test_partial_fit_goes_on_where_it_stopped(rng: np.random.Generator) -> None:
    X = rng.normal(size=(ROWS, FEATURES))
    y = targets("multiclass", X, rng)
    ours, theirs = pair("multiclass", {"solver": "sgd", "learning_rate": "adaptive"})
    for first in range(0, 60, 20):
        part = slice(first, first + 30)
        ours.partial_fit(X[part], y[part], classes=np.unique(y))
        theirs.partial_fit(X[part], y[part], classes=np.unique(y))
    assert_same(ours, theirs)


def test_warm_start_goes_on_where_it_stopped(rng: np.random.Generator) -> None:
    X = rng.normal(size=(ROWS, FEATURES))
    y = targets("regression", X, rng)
    ours, theirs = pair("regression", {"warm_start": True, "max_iter": 3})
    for _ in range(3):
        ours.fit(X, y)
        theirs.fit(X, y)
    assert_same(ours, theirs)


def test_weights_put_in_from_outside_are_where_partial_fit_begins(rng: np.random.Generator) -> None:
    X = rng.normal(size=(ROWS, FEATURES))
    y = targets("binary", X, rng)
    ours, theirs = pair("binary", {})
    for estimator in (ours, theirs):
        estimator.partial_fit(X, y, classes=np.unique(y))
        estimator.coefs_ = [np.full_like(coefs, 0.1) for coefs in estimator.coefs_]
    for mine in ours.coefs_:
        assert np.unique(mine) == [0.1]
    assert_same(ours, theirs)


def test_no_warning_of_its_own(rng: np.random.Generator) -> None:
    X = rng.normal(size=(ROWS, FEATURES))
    ours, _ = pair("binary", {"max_iter": 1000, "tol": 0.5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.fit(X, targets("binary", X, rng))
    assert ours.stopped_ == "no improvement"


def test_weights_can_be_assigned_as_there(rng: np.random.Generator) -> None:
    X = rng.normal(size=(40, 3))
    y = (X[:, 0] > 0).astype(int)
    found = []
    for kind in (reference.MLPClassifier, wg.MLPClassifier):
        classifier = kind((4,), max_iter=3, random_state=0).fit(X, y)
        kept = copy.deepcopy(classifier.coefs_)
        assert type(kept) is list
        classifier.coefs_[0] = classifier.coefs_[0] * 2
        classifier.coefs_[1][:] = 0.5
        classifier.intercepts_[0] += 1
        steps = [classifier.predict_proba(X)]
        steps.append(classifier.partial_fit(X, y).predict_proba(X))
        classifier.coefs_ = kept
        steps.append(classifier.predict_proba(X))
        found.append(steps)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)
    with pytest.raises(ShapeError, match=r"'layers.0.weight' has shape \(3, 4\), got \(2, 2\)"):
        classifier.coefs_[0] = np.ones((2, 2))
    assert classifier.coefs_[0].shape == (3, 4)
    with pytest.raises(ConfigurationError, match="1 arrays for the weight of 2 layers"):
        classifier.coefs_ = [np.ones((3, 4))]
