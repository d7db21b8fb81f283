"""What scikit-learn's MLP has not: each argument does what it says."""

import functools
import time
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import wengert as wg
from wengert import nn, optim
from wengert.errors import ConfigurationError, WengertWarning

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)


def data(rng: np.random.Generator, rows: int = 120) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(rows, 4))
    return X, X @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * rng.normal(size=rows)


def classes(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X, y = data(rng)
    return X, np.digitize(y, [-1.0, 1.0])


def one_step(options: dict[str, Any], X: np.ndarray, y: np.ndarray) -> tuple[Any, list[Any], list[Any]]:
    """Return an estimator after one step on all rows, its weights before, and the gradient there."""
    common = {"hidden_layer_sizes": (3,), "batch_size": len(X), "random_state": 0, "alpha": 0.0}
    regressor = wg.MLPRegressor(**{**common, **options})
    regressor._begin(X, y, None, None)
    before = [array.copy() for array in (*regressor.coefs_, *regressor.intercepts_)]
    regressor.history_ = ()  # as if it were fitted
    slopes = [*regressor.gradients(X, y, wrt="coefs"), *regressor.gradients(X, y, wrt="intercepts")]
    after = wg.MLPRegressor(**{**common, **options, "max_iter": 1}).fit(X, y)
    return after, before, slopes


def arrays(estimator: Any) -> list[Any]:
    return [*estimator.coefs_, *estimator.intercepts_]


def test_adamw_decays_the_weights_apart_from_the_gradient(rng: np.random.Generator) -> None:
    X, y = data(rng)
    options = {"solver": "adamw", "weight_decay": 0.2, "learning_rate_init": 0.01}
    after, before, slopes = one_step(options, X, y)
    for place, (new, old, slope) in enumerate(zip(arrays(after), before, slopes, strict=True)):
        kept = old * (1 - 0.01 * 0.2) if place < 2 else old  # weights, not biases
        # After one step Adam's means are the gradient itself: the step is that of its sign.
        np.testing.assert_allclose(
            new, kept - 0.01 * slope / (np.abs(slope) + 1e-8 / np.sqrt(0.001)), atol=1e-9
        )


def test_weight_decay_is_a_percentage_for_adamw_unless_it_is_given(rng: np.random.Generator) -> None:
    X, y = data(rng)
    options = {"max_iter": 5, "random_state": 0}
    default = wg.MLPRegressor(solver="adamw", **options).fit(X, y)
    given = wg.MLPRegressor(solver="adamw", weight_decay=0.01, **options).fit(X, y)
    adam = wg.MLPRegressor(solver="adam", **options).fit(X, y)
    none = wg.MLPRegressor(solver="adamw", weight_decay=0, **options).fit(X, y)
    np.testing.assert_array_equal(default.coefs_[0], given.coefs_[0])
    np.testing.assert_array_equal(adam.coefs_[0], none.coefs_[0])
    assert np.abs(default.coefs_[0]).sum() < np.abs(adam.coefs_[0]).sum()


@pytest.mark.parametrize("solver", ["rmsprop", "muon"])
def test_solvers_are_those_of_optim(solver: str, rng: np.random.Generator) -> None:
    X, y = data(rng)
    after, before, slopes = one_step({"solver": solver, "learning_rate_init": 0.02, "momentum": 0.8}, X, y)
    optimiser = optim.RMSProp(0.02, decay=0.999) if solver == "rmsprop" else optim.Muon(0.02, momentum=0.8)
    wanted, _ = optimiser.update(before, slopes, optimiser.init(before))
    for new, expected in zip(arrays(after), wanted, strict=True):
        np.testing.assert_allclose(new, expected, rtol=1e-9, atol=1e-12)


def test_clipping_scales_the_gradient_of_a_step(rng: np.random.Generator) -> None:
    X, y = data(rng)
    options = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.5, "grad_clip_norm": 0.1}
    after, before, slopes = one_step(options, X, y)
    norm = np.sqrt(sum((slope**2).sum() for slope in slopes))
    assert norm > 0.1
    for new, old, slope in zip(arrays(after), before, slopes, strict=True):
        np.testing.assert_allclose(new, old - 0.5 * 0.1 / norm * slope, atol=1e-12)


def test_schedules(rng: np.random.Generator) -> None:
    X, y = data(rng)
    options = {"hidden_layer_sizes": (3,), "random_state": 0, "solver": "sgd", "momentum": 0.0, "max_iter": 4}
    named = wg.MLPRegressor(lr_schedule="cosine", learning_rate_init=0.05, batch_size=60, **options).fit(X, y)
    own = wg.MLPRegressor(lr_schedule=optim.Cosine(0.05, 8), batch_size=60, **options).fit(X, y)
    np.testing.assert_allclose(named.coefs_[0], own.coefs_[0], rtol=1e-12)
    constant = wg.MLPRegressor(learning_rate_init=0.05, batch_size=60, **options).fit(X, y)
    assert not np.allclose(named.coefs_[0], constant.coefs_[0])
    wg.MLPRegressor(lr_schedule="one_cycle", **options).fit(X, y)


def test_averaged_weights(rng: np.random.Generator) -> None:
    X, y = data(rng)
    options = {"hidden_layer_sizes": (3,), "random_state": 0, "batch_size": 120, "alpha": 0.0}
    path = [wg.MLPRegressor(max_iter=count, **options).fit(X, y).coefs_[0] for count in (1, 2, 3)]
    start = wg.MLPRegressor(**options)
    start._begin(X, y, None, None)
    mean = start.coefs_[0]
    for taken, weights in enumerate(path):
        decay = min(0.5, (1 + taken) / (10 + taken))
        mean = decay * mean + (1 - decay) * weights
    averaged = wg.MLPRegressor(max_iter=3, ema_decay=0.5, **options).fit(X, y)
    np.testing.assert_allclose(averaged.coefs_[0], mean, rtol=1e-10)


def test_label_smoothing_moves_the_targets(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    smoothed = wg.MLPClassifier((4,), label_smoothing=0.3, max_iter=1, random_state=0)
    smoothed._begin(X, y, None, None)
    np.testing.assert_allclose(np.unique(smoothed._encode_target(y, X.dtype)), [0.1, 0.8])
    sure = wg.MLPClassifier((8,), max_iter=300, random_state=0).fit(X, y)
    unsure = wg.MLPClassifier((8,), max_iter=300, random_state=0, label_smoothing=0.3).fit(X, y)
    assert unsure.predict_proba(X).max() < sure.predict_proba(X).max()


def test_dropout_makes_training_random_and_leaves_prediction_alone(rng: np.random.Generator) -> None:
    X, y = data(rng)
    options = {"hidden_layer_sizes": (20,), "max_iter": 3, "random_state": 0}
    plain = wg.MLPRegressor(**options).fit(X, y)
    dropped = wg.MLPRegressor(dropout=0.5, **options).fit(X, y)
    again = wg.MLPRegressor(dropout=0.5, **options).fit(X, y)
    np.testing.assert_array_equal(dropped.coefs_[0], again.coefs_[0])
    assert not np.allclose(plain.coefs_[0], dropped.coefs_[0])
    np.testing.assert_array_equal(dropped.predict(X), dropped.predict(X))
    assert len(dropped.coefs_) == 2


def test_an_activation_for_each_layer_and_of_ones_own(rng: np.random.Generator) -> None:
    def cube(z: Any) -> Any:
        return z**3

    X, y = data(rng)
    regressor = wg.MLPRegressor(
        hidden_layer_sizes=(4, 3), activation=["gelu", cube], random_state=0, max_iter=5
    ).fit(X, y)
    first, last, _ = regressor.activations(X)
    np.testing.assert_allclose(first, nn.gelu(X @ regressor.coefs_[0] + regressor.intercepts_[0]))
    np.testing.assert_allclose(last, (first @ regressor.coefs_[1] + regressor.intercepts_[1]) ** 3)
    assert regressor.loss_curve_[-1] < regressor.loss_curve_[0]
    with pytest.raises(ConfigurationError, match=r"activation has 1 entries, and hidden_layer_sizes 2"):
        wg.MLPRegressor(hidden_layer_sizes=(4, 3), activation=["gelu"]).fit(X, y)


def test_quantiles_and_the_median(rng: np.random.Generator) -> None:
    X = np.zeros((1000, 1))
    y = rng.exponential(size=1000)
    options = {
        "hidden_layer_sizes": (2,),
        "max_iter": 400,
        "tol": 0,
        "random_state": 0,
        "learning_rate_init": 0.02,
    }
    for quantile in (0.2, 0.9):
        regressor = wg.MLPRegressor("quantile", quantile=quantile, **options).fit(X, y)
        assert np.mean(y <= regressor.predict(X[:1])) == pytest.approx(quantile, abs=0.03)
    regressor = wg.MLPRegressor("absolute_error", **options).fit(X, y)
    assert regressor.predict(X[:1]) == pytest.approx(np.median(y), abs=0.03)


def test_a_loss_of_ones_own_is_minimised(rng: np.random.Generator) -> None:
    def fourth_power(prediction: Any, target: Any) -> Any:
        return np.sum((prediction - target) ** 4, axis=1)

    X = np.zeros((200, 1))
    y = rng.exponential(size=200)
    options = {"hidden_layer_sizes": (2,), "max_iter": 600, "tol": 0, "random_state": 0}
    options |= {"learning_rate_init": 0.02, "n_iter_no_change": 600}
    regressor = wg.MLPRegressor(fourth_power, **options).fit(X, y)
    candidates = np.linspace(0, 5, 2001)
    best = candidates[((y[:, None] - candidates) ** 4).mean(axis=0).argmin()]
    assert regressor.predict(X[:1]) == pytest.approx(best, abs=0.02)
    mean = wg.MLPRegressor(lambda z, t: np.mean((z - t) ** 2), **options).fit(X, y)
    assert mean.predict(X[:1]) == pytest.approx(y.mean(), abs=0.02)
    bound = clone(wg.MLPRegressor(functools.partial(nn.huber, delta=0.1), **options)).fit(X, y)
    assert bound.predict(X[:1]) == pytest.approx(np.median(y), abs=0.1)


def test_class_weights_count_like_repeated_rows(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    options = {"hidden_layer_sizes": (4,), "max_iter": 8, "random_state": 0, "batch_size": 400}
    with pytest.warns(WengertWarning, match="batch_size=400 is clipped to the 120 rows"):
        weighted = wg.MLPClassifier(class_weight={1: 3}, **options).fit(X, y)
    repeats = np.where(y == 1, 3, 1)
    with pytest.warns(WengertWarning, match="is clipped"):
        repeated = wg.MLPClassifier(**options).fit(np.repeat(X, repeats, axis=0), np.repeat(y, repeats))
    np.testing.assert_allclose(weighted.coefs_[0], repeated.coefs_[0], rtol=1e-7)
    balanced = wg.MLPClassifier(class_weight="balanced", max_iter=2).fit(X, y)
    assert balanced.n_iter_ == 2


def test_validation_rows_give_a_curve_and_decide_when_to_stop(rng: np.random.Generator) -> None:
    X, y = data(rng)
    options = {"hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 30, "alpha": 0.0}
    plain = wg.MLPRegressor(**options).fit(X[:80], y[:80])
    watched = wg.MLPRegressor(**options).fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    np.testing.assert_array_equal(plain.coefs_[0], watched.coefs_[0])
    assert len(watched.validation_loss_curve_) == 30
    wanted = 0.5 * np.mean((watched.predict(X[80:]) - y[80:]) ** 2)
    assert watched.validation_loss_curve_[-1] == pytest.approx(wanted)
    assert watched.validation_scores_[-1] == pytest.approx(watched.score(X[80:], y[80:]))
    weights = rng.uniform(size=40)
    weighted = wg.MLPRegressor(**options).fit(
        X[:80], y[:80], X_val=X[80:], y_val=y[80:], sample_weight_val=weights
    )
    wanted = 0.5 * np.average((weighted.predict(X[80:]) - y[80:]) ** 2, weights=weights)
    assert weighted.validation_loss_curve_[-1] == pytest.approx(wanted)
    stopped = wg.MLPRegressor(early_stopping=True, tol=0.02, **{**options, "max_iter": 500})
    stopped.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert stopped.n_iter_ < 500
    assert stopped.score(X[80:], y[80:]) == pytest.approx(max(stopped.validation_scores_))


def test_partial_fit_with_early_stopping_ends_with_the_best_weights(rng: np.random.Generator) -> None:
    X, y = data(rng)
    regressor = wg.MLPRegressor(
        hidden_layer_sizes=(5,), early_stopping=True, n_iter_no_change=2, tol=0.5, random_state=0
    )
    for _ in range(4):
        regressor.partial_fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert regressor.stopped_ == "no improvement"
    assert regressor.score(X[80:], y[80:]) == pytest.approx(max(regressor.validation_scores_))
    before = regressor.coefs_[0].copy()
    with pytest.warns(WengertWarning, match="early_stopping ended the training after 4 epochs"):
        regressor.partial_fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    np.testing.assert_array_equal(before, regressor.coefs_[0])


def test_time_limit(rng: np.random.Generator) -> None:
    X, y = data(rng)
    begin = time.perf_counter()
    regressor = wg.MLPRegressor(time_limit=0.05, max_iter=10**7, tol=0, n_iter_no_change=np.inf).fit(X, y)
    assert regressor.stopped_ == "time limit"
    assert 0 < regressor.n_iter_ < 10**7
    assert time.perf_counter() - begin >= 0.05


def test_one_class_is_learnt_and_said(rng: np.random.Generator) -> None:
    X, _ = data(rng)
    with pytest.warns(WengertWarning, match="y holds one class only, 'only'"):
        classifier = wg.MLPClassifier(max_iter=2).fit(X, np.repeat("only", len(X)))
    assert set(classifier.predict(X)) == {"only"}
    np.testing.assert_array_equal(classifier.predict_proba(X), np.ones((len(X), 1)))


def test_verbose_says_what_happens(capsys: pytest.CaptureFixture[str], rng: np.random.Generator) -> None:
    X, y = data(rng)
    wg.MLPRegressor(max_iter=2, verbose=2, random_state=0).fit(X, y, X_val=X, y_val=y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Iteration 1, loss = ")
    assert lines[1].startswith("Validation score: ")
    wg.MLPRegressor(max_iter=2, verbose=True, random_state=0).fit(X, y)
    assert "epoch" in capsys.readouterr().err
    wg.MLPRegressor(max_iter=2, random_state=0).fit(X, y)
    assert capsys.readouterr() == ("", "")


def test_early_stopping_restores_the_best_of_the_averaged_weights(rng: np.random.Generator) -> None:
    """What was measured after the best epoch is what predicts, not the average of the last one."""
    X, y = data(rng, rows=200)
    regressor = wg.MLPRegressor(
        early_stopping=True, ema_decay=0.9, learning_rate_init=0.1, max_iter=300, random_state=0
    )
    regressor.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    scores = regressor.validation_scores_
    assert regressor.stopped_ == "no improvement"
    assert scores[-1] < max(scores)
    assert regressor.score(X[100:], y[100:]) == pytest.approx(max(scores), rel=1e-9)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, bool])
def test_labels_in_an_array_of_whole_numbers_are_those_in_a_list(
    dtype: Any, rng: np.random.Generator
) -> None:
    """An array of few different whole numbers goes a shorter way than other targets."""
    X, y = data(rng)
    labels = (y > 0).astype(dtype)
    options = {"max_iter": 3, "random_state": 0}
    short = wg.MLPClassifier(**options).fit(X, labels[::1])
    long = wg.MLPClassifier(**options).fit(X, labels.tolist())
    assert short.classes_.tolist() == long.classes_.tolist()
    assert short.classes_.dtype == labels.dtype
    np.testing.assert_array_equal(short.predict(X).astype(int), long.predict(X).astype(int))
    for one, other in zip(arrays(short), arrays(long), strict=True):
        np.testing.assert_array_equal(one, other)
