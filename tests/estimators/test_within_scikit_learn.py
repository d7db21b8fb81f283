"""The estimators inside scikit-learn's tools."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import BaggingClassifier, StackingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import wengert as wg
from wengert.estimators.fitting.plan import _training_step

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)

X, Y = load_breast_cancer(return_X_y=True)
X, Y = X[:200, :6], Y[:200]


def classifier(**options: object) -> wg.MLPClassifier:
    return wg.MLPClassifier(**{"hidden_layer_sizes": (6,), "max_iter": 30, "random_state": 0, **options})


class WithOneMore(wg.MLPClassifier):
    def __init__(self, threshold: float = 0.5, max_iter: int = 30) -> None:
        super().__init__((6,), max_iter=max_iter, random_state=0)
        self.threshold = threshold


def test_a_subclass_may_have_arguments_of_its_own() -> None:
    one = clone(WithOneMore(threshold=0.7, max_iter=20))
    assert one.get_params() == {"threshold": 0.7, "max_iter": 20}
    np.testing.assert_array_equal(one.fit(X, Y).predict(X), classifier(max_iter=20).fit(X, Y).predict(X))


def test_pipeline_and_cross_validation() -> None:
    scores = cross_val_score(make_pipeline(StandardScaler(), classifier(learning_rate_init=0.02)), X, Y, cv=3)
    assert scores.min() > 0.8


def test_grid_search_compiles_one_program_for_all_rates_and_penalties() -> None:
    _training_step.cache_clear()
    grid = {"alpha": [1e-4, 1e-1, 10.0], "learning_rate_init": [1e-3, 1e-2]}
    search = GridSearchCV(classifier(max_iter=3), grid, cv=2, error_score="raise").fit(X, Y)
    assert set(search.best_params_) == set(grid)
    assert _training_step.cache_info().misses == 1


@pytest.mark.filterwarnings("ignore:.*os.fork.*:DeprecationWarning")
def test_joblib_gives_the_same_in_other_processes() -> None:
    alone = cross_val_score(classifier(), X, Y, cv=2)
    np.testing.assert_array_equal(cross_val_score(classifier(), X, Y, cv=2, n_jobs=2), alone)


def test_calibration_bagging_and_permutation() -> None:
    calibrated = CalibratedClassifierCV(classifier(), cv=2).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    bagged = BaggingClassifier(classifier(max_iter=3), n_estimators=2, random_state=0).fit(X, Y)
    assert bagged.predict(X).shape == Y.shape
    fitted = classifier().fit(StandardScaler().fit_transform(X), Y)
    importance = permutation_importance(
        fitted, StandardScaler().fit_transform(X), Y, n_repeats=2, random_state=0
    )
    assert importance.importances_mean.max() > 0


def test_stacking_regressors() -> None:
    y = X[:, 0]
    stack = StackingRegressor([("mlp", wg.MLPRegressor(max_iter=3)), ("ridge", Ridge())], Ridge(), cv=2)
    assert stack.fit(X, y).score(X, y) > 0.9


def test_decision_boundary() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from sklearn.inspection import DecisionBoundaryDisplay

    fitted = classifier().fit(X[:, :2], Y)
    display = DecisionBoundaryDisplay.from_estimator(fitted, X[:, :2], grid_resolution=10)
    assert display.response.shape == (10, 10)
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.9, "dropout": 0.2}, {"solver": "lbfgs"}])
def test_pickle_goes_on_where_it_was(options: dict[str, object]) -> None:
    fitted = classifier(max_iter=3, **options).fit(X, Y)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))
    if "solver" not in options:
        np.testing.assert_array_equal(
            copy.partial_fit(X, Y).predict_proba(X), fitted.partial_fit(X, Y).predict_proba(X)
        )
    assert not hasattr(clone(fitted), "network_")


def test_transform_and_names_of_its_columns() -> None:
    frame = pd.DataFrame(X, columns=list("abcdef"))
    fitted = classifier().fit(frame, Y)
    assert list(fitted.feature_names_in_) == list("abcdef")
    hidden = fitted.set_output(transform="pandas").transform(frame)
    assert list(hidden.columns) == [f"mlpclassifier{unit}" for unit in range(6)]
    np.testing.assert_allclose(hidden, np.maximum(0, X @ fitted.coefs_[0] + fitted.intercepts_[0]))
