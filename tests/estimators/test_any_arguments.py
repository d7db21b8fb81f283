"""Any valid combination of arguments fits, predicts, clones and pickles."""

import pickle
import warnings
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import wengert as wg
from wengert import nn
from wengert.errors import DivergenceWarning, WengertWarning
from wengert.estimators.architecture import SYNONYMS
from wengert.estimators.fitting.losses import REGRESSION_LOSSES

ACTIVATIONS = sorted({*nn.ACTIVATIONS, *SYNONYMS} - {"softmax"})


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments that both estimators have."""
    widths = draw(st.lists(st.integers(1, 5), max_size=2))
    options: dict[str, Any] = {
        "hidden_layer_sizes": tuple(widths),
        "activation": draw(
            st.one_of(
                st.sampled_from(ACTIVATIONS),
                st.lists(st.sampled_from(ACTIVATIONS), min_size=len(widths), max_size=len(widths)),
            )
        ),
        "solver": draw(st.sampled_from(["lbfgs", "sgd", "adam", "adamw", "rmsprop", "muon"])),
        "alpha": draw(st.sampled_from([0, 1e-4, 1.0])),
        "batch_size": draw(st.sampled_from(["auto", 7, 40])),
        "learning_rate": draw(st.sampled_from(["constant", "invscaling", "adaptive"])),
        "max_iter": draw(st.integers(1, 4)),
        "shuffle": draw(st.booleans()),
        "momentum": draw(st.sampled_from([0.0, 0.9])),
        "nesterovs_momentum": draw(st.booleans()),
        "early_stopping": draw(st.booleans()),
        "n_iter_no_change": draw(st.sampled_from([1, 10, np.inf])),
        "dropout": draw(st.sampled_from([0.0, 0.3])),
        "random_state": draw(st.integers(0, 3)),
        "warm_start": draw(st.booleans()),
    }
    if options["solver"] != "lbfgs":
        options["grad_clip_norm"] = draw(st.sampled_from([None, 1.0]))
        options["ema_decay"] = draw(st.sampled_from([None, 0.5]))
        options["weight_decay"] = draw(st.sampled_from([None, 0.1]))
        if options["learning_rate"] == "constant":
            options["lr_schedule"] = draw(st.sampled_from([None, "cosine", "one_cycle"]))
    return options


def check(estimator: Any, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> None:
    with warnings.catch_warnings():
        for category in (ConvergenceWarning, DivergenceWarning, WengertWarning):
            warnings.simplefilter("ignore", category)
        estimator.fit(X, y, weights)
        predicted = estimator.predict(X)
        copy = pickle.loads(pickle.dumps(estimator))
        again = clone(estimator).fit(X, y, weights)
    np.testing.assert_array_equal(copy.predict(X), predicted)
    np.testing.assert_array_equal(again.predict(X), predicted)
    assert len(predicted) == len(X)
    assert all(array.dtype == X.dtype and np.isfinite(array).all() for array in estimator.coefs_)


few = hypothesis.settings(max_examples=10)


@few
@hypothesis.given(
    arguments(),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(["binary", "multiclass", "multilabel"]),
    st.sampled_from([None, "balanced"]),
    st.booleans(),
)
def test_classifier(
    options: dict[str, Any], dtype: Any, task: str, class_weight: Any, weighted: bool
) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)).astype(dtype)
    signal = X @ rng.normal(size=(3, 3))
    labels = {"binary": signal[:, 0] > 0, "multiclass": signal.argmax(axis=1), "multilabel": (signal > 0) + 0}
    weights = rng.uniform(size=40) if weighted else None
    class_weight = None if task == "multilabel" else class_weight
    check(wg.MLPClassifier(class_weight=class_weight, **options), X, labels[task], weights)


@few
@hypothesis.given(
    arguments(),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(sorted(REGRESSION_LOSSES)),
    st.integers(1, 2),
    st.booleans(),
)
def test_regressor(options: dict[str, Any], dtype: Any, loss: str, outputs: int, weighted: bool) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)).astype(dtype)
    y = rng.poisson(2, (40, outputs)).astype(dtype)
    quantile = 0.3 if loss == "quantile" else None
    weights = rng.uniform(size=40) if weighted else None
    target = y[:, 0] if outputs == 1 else y
    check(wg.MLPRegressor(loss, quantile=quantile, **options), X, target, weights)
