"""What an estimator refuses, before any work and in its own words; and what it survives."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import wengert as wg
from wengert import nn, optim, train
from wengert.errors import (
    ConfigurationError,
    DataError,
    DivergenceWarning,
    DTypeError,
    InterruptionWarning,
    ShapeError,
)
from wengert.train import Callback

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)


def classes(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(60, 3))
    return X, np.array(["a", "b", "c"])[(X @ rng.normal(size=(3, 3))).argmax(axis=1)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -1}, r"alpha is a number in \[0, inf\), got -1"),
        ({"alpha": "much"}, "alpha is a number"),
        ({"batch_size": 0}, "batch_size is 'auto' or an integer above 0, got 0"),
        ({"max_iter": 2.5}, "max_iter is an integer above 0, got 2.5"),
        ({"momentum": 1.5}, r"momentum is a number in \[0, 1\], got 1.5"),
        ({"dropout": 1.0}, r"dropout is a number in \[0, 1\), got 1.0"),
        ({"ema_decay": 2}, "ema_decay is None or a number"),
        ({"time_limit": 0}, "time_limit is None or a number"),
        ({"shuffle": "yes"}, "shuffle is True or False, got 'yes'"),
        ({"random_state": "seed"}, r"random_state is None, an integer in \[0, 4294967295\] or .* got 'seed'"),
        ({"random_state": -1}, "random_state is None, an integer .* got -1"),
        ({"random_state": np.random.default_rng(0)}, r"a Generator is none\), got Generator\(PCG64\)"),
        ({"solver": "adm"}, "unknown solver 'adm'; did you mean 'adam'"),
        ({"activation": "rellu"}, "unknown activation 'rellu'; did you mean 'relu'"),
        ({"activation": 3}, "activation is a name, a function or one of them for each hidden layer"),
        ({"learning_rate": "const"}, "unknown learning_rate 'const'; did you mean 'constant'"),
        ({"lr_schedule": "cosin"}, "unknown lr_schedule 'cosin'; did you mean 'cosine'"),
        ({"hidden_layer_sizes": (4, 0)}, r"hidden_layer_sizes must be > 0, got \(4, 0\)"),
        ({"hidden_layer_sizes": "wide"}, "hidden_layer_sizes must be > 0, got 'wide'"),
        ({"loss": "hinge"}, "unknown loss 'hinge'; known: log_loss"),
        ({"categorical_features": [0]}, "categorical_features is None or 'from_dtype'"),
        (
            {"solver": "lbfgs", "grad_clip_norm": 1},
            "grad_clip_norm=1 is for training in steps, and solver='lbfgs'",
        ),
        (
            {"lr_schedule": "cosine", "learning_rate": "adaptive"},
            "lr_schedule='cosine' and learning_rate='adaptive'",
        ),
        (
            {"loss": lambda z, t: (z - t)[:, 0], "label_smoothing": 0.1},
            "label_smoothing=0.1 belongs to loss='log_loss'",
        ),
    ],
)  # fmt: skip
def test_arguments_out_of_range_or_at_odds(
    options: dict[str, Any], message: str, rng: np.random.Generator
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        wg.MLPClassifier(**options).fit(*classes(rng))


def test_quantile_and_its_loss_belong_together(rng: np.random.Generator) -> None:
    X = rng.normal(size=(20, 2))
    with pytest.raises(
        ConfigurationError, match=r"quantile=0\.9 belongs to loss='quantile', and loss is 'squared_error'"
    ):
        wg.MLPRegressor(quantile=0.9).fit(X, X[:, 0])
    with pytest.raises(ConfigurationError, match="loss='quantile' needs quantile"):
        wg.MLPRegressor("quantile").fit(X, X[:, 0])
    with pytest.raises(DataError, match=r"y holds -1, and loss='poisson' takes counts of 0 or more"):
        wg.MLPRegressor("poisson").fit(X, np.full(20, -1.0))
    with pytest.raises(DataError, match=r"y holds -1, and loss='tweedie' takes amounts of 0 or more"):
        wg.MLPRegressor("tweedie").fit(X, np.full(20, -1.0))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda z, t: (z - t) ** 2, r"returned f64\[7,1\] for 7 rows of 1 outputs"),
        (lambda z, t: np.sum(z > t, axis=1), "one floating number a row"),
        (
            lambda z, t: np.sum(t, axis=1),
            "not differentiable by the prediction: its derivative is 0 everywhere",
        ),
        (lambda z, t: np.roots(z[0]), "cannot be traced: np.roots has no rule"),
        (lambda z: z, "cannot be traced"),
        (lambda z, t: 1 / 0, "cannot be traced: ZeroDivisionError: division by zero"),
        (lambda z, t: None, "returned nothing for 7 rows of 1 outputs"),
        (lambda z, t: ((z - t)[:, 0], z[:, 0]), r"returned f64\[7\] and f64\[7\] for 7 rows"),
    ],
)
def test_a_loss_that_cannot_be_minimised_is_named(loss: Any, message: str, rng: np.random.Generator) -> None:
    X = rng.normal(size=(20, 2))
    with pytest.raises(ConfigurationError, match=f"loss '<lambda>' .*{message}"):
        wg.MLPRegressor(loss).fit(X, X[:, 0])


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (lambda z: np.roots(z), "cannot be used: np.roots has no rule"),
        (lambda z: 1 / 0, "raises ZeroDivisionError: division by zero. An activation is a function of one"),
        (lambda z, w: z, "raises TypeError: .* missing 1 required positional argument"),
        (lambda z: z if z > 0 else 0 * z, "cannot be used: bool.. of an array of shape"),
        (
            lambda z: np.sum(z),
            r"returns f64\[\] for an array of shape \(7, 11\); an activation keeps",
        ),
        (lambda z: (z, z), r"returns f64\[7,11\] and f64\[7,11\] for an array"),
        (lambda z: z > 0, "cannot be used: "),
        (math.tanh, "'tanh' cannot be used: math.tanh takes numbers, got an array of shape"),
    ],
)
def test_an_activation_that_is_none_is_named(activation: Any, message: str, rng: np.random.Generator) -> None:
    X, y = classes(rng)
    for given in (activation, ["relu", activation]):
        with pytest.raises(ConfigurationError, match=f"activation .*{message}"):
            wg.MLPClassifier((3,) if given is activation else (3, 4), given).fit(X, y)


def test_a_mean_cannot_be_weighted(rng: np.random.Generator) -> None:
    X = rng.normal(size=(20, 2))
    with pytest.raises(ConfigurationError, match="loss '<lambda>' returns a mean, which cannot be weighted"):
        wg.MLPRegressor(lambda z, t: np.mean((z - t) ** 2)).fit(X, X[:, 0], np.ones(20))


def test_targets_of_another_task(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    with pytest.raises(DataError, match=r"Unknown label type: continuous: .* MLPRegressor predicts numbers"):
        wg.MLPClassifier().fit(X, X[:, 0])
    with pytest.raises(DataError, match="Unknown label type: unknown: y holds no classes"):
        wg.MLPClassifier().fit(X, np.array([1, "a"] * 30, object))
    for words in (y, y.astype(object)):
        with pytest.raises(DataError, match="y holds words, and MLPRegressor predicts numbers") as caught:
            wg.MLPRegressor().fit(X, words)
        assert str(caught.value).endswith("For classes there is MLPClassifier.")
    with pytest.raises(DataError, match="requires y to be passed"):
        wg.MLPRegressor().fit(X, None)
    with pytest.raises(DataError, match="y contains NaN, in row 3; a target is a number"):
        wg.MLPRegressor().fit(X, np.where(np.arange(60) == 3, np.nan, X[:, 0]))
    with pytest.raises(DataError, match="y contains -infinity, in row 2, and 57 more"):
        wg.MLPRegressor().fit(X, np.where(np.arange(60) >= 2, -np.inf, X[:, 0]))
    with pytest.raises(DataError, match="y contains NaN, in row 3, and 1 more"):
        wg.MLPRegressor().fit(X, np.where(np.arange(60)[:, None] == 3, np.nan, X[:, :2]))
    with pytest.raises(DataError, match="y contains NaN, in row 3; each row needs a class"):
        wg.MLPClassifier().fit(X, np.where(np.arange(60) == 3, np.nan, 1.0))
    for missing in (None, np.nan, pd.NA, pd.NaT):
        words = y.astype(object)
        words[4] = missing
        with pytest.raises(DataError, match=rf"y has no class in row 4: {missing!r}; each row needs one"):
            wg.MLPClassifier().fit(X, words)
    with pytest.raises(ShapeError, match="X has 60 rows and y has 59"):
        wg.MLPClassifier().fit(X, y[1:])


def test_weights(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    with pytest.raises(DataError, match=r"sample_weight is negative \(-1\) in row 7"):
        wg.MLPClassifier().fit(X, y, np.where(np.arange(60) == 7, -1.0, 1.0))
    with pytest.raises(DataError, match="sample_weight is zero in all 60 rows"):
        wg.MLPClassifier().fit(X, y, np.zeros(60))
    with pytest.raises(
        ShapeError, match=r"sample_weight has shape \(59,\); it needs one number for each of the 60"
    ):
        wg.MLPClassifier().fit(X, y, np.ones(59))
    for wrong, value in ((-1, "-1"), ("much", "'much'"), (np.nan, "nan"), (np.inf, "inf"), (True, "True")):
        with pytest.raises(
            ConfigurationError, match=f"number of 0 or more for each class, got {value} for the class 'b'"
        ):
            wg.MLPClassifier(class_weight={"b": wrong}).fit(X, y)
    for wrong in ("foo", [1.0, 2.0, 1.0], 2):
        with pytest.raises(
            ConfigurationError, match=r"class_weight is None, 'balanced' or a dict such as \{'a': 2.0\}, got"
        ):
            wg.MLPClassifier(class_weight=wrong).fit(X, y)
    with pytest.raises(
        ConfigurationError, match="names the class 'd', which y does not have; the classes are 'a', 'b', 'c'"
    ):
        wg.MLPClassifier(class_weight={"a": 2, "d": 3}).fit(X, y)
    for weight, said in ((np.nan, "NaN"), (np.inf, "infinity")):
        with pytest.raises(DataError, match=f"sample_weight contains {said}, in row 7; leave such rows out"):
            wg.MLPClassifier().fit(X, y, np.where(np.arange(60) == 7, weight, 1.0))
    with pytest.raises(DataError, match="sample_weight holds what is no number: could not convert"):
        wg.MLPClassifier().fit(X, y, ["heavy"] * 60)
    with pytest.raises(DataError, match="class_weight is zero for all classes of y"):
        wg.MLPClassifier(class_weight=dict.fromkeys(set(y), 0)).fit(X, y)
    with pytest.raises(ConfigurationError, match="class_weight is for one class a row"):
        wg.MLPClassifier(class_weight="balanced").fit(X, np.eye(3)[[0, 1, 2] * 20].astype(int) | 1)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda t: -1.0, r"the schedule <lambda> at step 0 gives -1.0. It has to give a finite number of 0"),
        (lambda t: np.nan, "at step 0 gives nan"),
        (lambda t: 0.1 - 0.02 * t, "at step 6 gives -0.0"),
        (lambda t: "fast", "gives 'fast' of shape .* and dtype <U4. It has to give one number"),
        (lambda t: None, "gives None .* It has to give one number"),
        (lambda t: np.ones(3), r"of shape \(3,\) and dtype float64. It has to give one number"),
        (lambda t: 1j * t, "gives 0j .* It has to give one number"),
        (lambda t, u: 0.1, "raises TypeError: .* A schedule is a function of one argument"),
        (lambda t: 1 / 0, "at step 0 raises ZeroDivisionError: division by zero"),
    ],
)
def test_schedules_that_give_no_rates(schedule: Any, message: str, rng: np.random.Generator) -> None:
    """They are refused where they are given: to an estimator, and to an optimiser, alone and in a group."""
    X, y = classes(rng)
    with pytest.raises(ConfigurationError, match=f"MLPClassifier: lr_schedule: .*{message}"):
        wg.MLPClassifier(lr_schedule=schedule, batch_size=30, max_iter=4).fit(X, y)
    net = nn.Dense(3, 1).initialise(seed=0)
    optimizer = optim.AdamW(weight_decay=schedule)
    groups = optim.ParameterGroups((("bias", optim.SGD(schedule)),), optim.Adam())
    for name, one in (("AdamW: weight_decay", optimizer), ("SGD: learning_rate", groups)):
        with pytest.raises(ConfigurationError, match=f"{name}: .*{message}"):
            train.fit(net, X, X[:, :1], loss="half_squared_error", optimizer=one, batch_size=30, epochs=4)


def test_a_class_of_one_row_cannot_be_held_out(rng: np.random.Generator) -> None:
    X = rng.normal(size=(60, 3))
    with pytest.raises(DataError, match="held out of each class, and one class of y has 1 row"):
        wg.MLPClassifier(early_stopping=True).fit(X, np.arange(60) == 0)


def test_masked_arrays(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    masked = np.ma.masked_less(X, 0)
    with pytest.raises(DTypeError, match="X: masked arrays are refused"):
        wg.MLPClassifier().fit(masked, y)
    with pytest.raises(DTypeError, match="y: masked arrays are refused"):
        wg.MLPRegressor().fit(X, masked[:, 0])
    with pytest.raises(DTypeError, match="sample_weight: masked arrays are refused"):
        wg.MLPClassifier().fit(X, y, np.ma.masked_less(np.ones(60), 0))


def test_validation_rows_of_another_form(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    classifier = wg.MLPClassifier(max_iter=2)
    with pytest.raises(ConfigurationError, match="X_val is given without y_val"):
        classifier.fit(X, y, X_val=X)
    with pytest.raises(ConfigurationError, match="y_val is given without X_val"):
        classifier.fit(X, y, y_val=y)
    with pytest.raises(ConfigurationError, match="sample_weight_val is given without X_val and y_val"):
        classifier.fit(X, y, sample_weight_val=np.ones(60))
    with pytest.raises(DataError, match="X_val: X has 2 features, but MLPClassifier is expecting 3"):
        classifier.fit(X, y, X_val=X[:, :2], y_val=y)
    with pytest.raises(DataError, match=r"y_val: .*'d' in row 5"):
        classifier.fit(X, y, X_val=X, y_val=np.where(np.arange(60) == 5, "d", y))
    with pytest.raises(ShapeError, match="X_val has 60 rows and y_val has 59"):
        classifier.fit(X, y, X_val=X, y_val=y[1:])
    with pytest.raises(DataError, match="sample_weight_val is negative"):
        classifier.fit(X, y, X_val=X, y_val=y, sample_weight_val=-np.ones(60))
    frame = pd.DataFrame(X, columns=["u", "v", "w"])
    with pytest.raises(DataError, match=r"X_val: The feature names should match"):
        classifier.fit(frame, y, X_val=frame.rename(columns={"u": "q"}), y_val=y)
    with pytest.raises(DataError, match="y_val has 2 columns, and y has 1"):
        wg.MLPRegressor(max_iter=2).fit(X, X[:, 0], X_val=X, y_val=X[:, :2])
    # A validation set may lack a class.
    classifier.fit(X, y, X_val=X[y != "c"], y_val=y[y != "c"])


def test_classes_of_partial_fit(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    with pytest.raises(DataError, match="classes must be passed on the first call"):
        wg.MLPClassifier().partial_fit(X, y)
    classifier = wg.MLPClassifier().partial_fit(X, y, classes=["a", "b", "c", "d"])
    assert classifier.predict_proba(X).shape == (60, 4)
    with pytest.raises(DataError, match=r"`y` has classes not in `self.classes_`: .*'e'.* in row 0"):
        classifier.partial_fit(X, np.repeat("e", 60))
    with pytest.raises(DataError, match="is not the same as on last call to partial_fit"):
        classifier.partial_fit(X, y, classes=["a", "b"])
    assert not hasattr(wg.MLPClassifier(solver="lbfgs"), "partial_fit")
    with pytest.raises(DataError, match="warm_start can only be used where `y` has the same classes"):
        wg.MLPClassifier(warm_start=True, max_iter=2).fit(X, y).fit(X[y != "a"], y[y != "a"])


def test_before_fit(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    for call in ("predict", "predict_proba", "transform", "activations"):
        with pytest.raises(NotFittedError):
            getattr(wg.MLPClassifier(), call)(X)
    with pytest.raises(NotFittedError):
        wg.MLPClassifier().gradients(X, y)
    assert not hasattr(wg.MLPClassifier(), "coefs_")
    with pytest.raises(AttributeError, match="'MLPClassifier' object has no attribute 'coefs_' before fit"):
        wg.MLPClassifier().coefs_ = [X]


def test_words_and_gaps_name_the_argument_that_takes_them(rng: np.random.Generator) -> None:
    X, y = classes(rng)
    for table in (np.array([["x", 1]] * 60, object), np.where(X > 2, np.nan, X)):
        with pytest.raises(DataError, match="categorical_features='from_dtype'"):
            wg.MLPClassifier().fit(table, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_are_those_of_the_dense_matrix(dtype: Any, rng: np.random.Generator) -> None:
    X, y = classes(rng)
    X = np.where(X > 0, X, 0).astype(dtype)
    options = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, "batch_size": 25}
    dense = wg.MLPClassifier(**options).fit(X, y)
    for form in (sparse.csr_matrix, sparse.csc_array):
        thin = wg.MLPClassifier(**options).fit(form(X), y)
        for mine, other in zip(thin.coefs_, dense.coefs_, strict=True):
            assert mine.dtype == dtype
            np.testing.assert_allclose(mine, other, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-7)
        np.testing.assert_array_equal(thin.predict(form(X)), dense.predict(X))
    assert dense.predict_proba(X).dtype == dtype


def test_a_divergence_ends_the_training_with_the_best_weights_and_the_cause(rng: np.random.Generator) -> None:
    X = rng.normal(size=(60, 3))
    options = {"solver": "sgd", "activation": "identity", "learning_rate_init": 30.0, "random_state": 0}
    with pytest.warns(
        DivergenceWarning, match=r"training diverged at step \d+ .*learning_rate_init=3 in place of 30"
    ):
        regressor = wg.MLPRegressor(**options).fit(X, X[:, 0])
    assert regressor.stopped_ == "diverged"
    assert np.isfinite(regressor.predict(X)).all()
    start = wg.MLPRegressor(**{**options, "learning_rate_init": 1e-9}, max_iter=1).fit(X, X[:, 0])
    assert regressor.score(X, X[:, 0]) >= start.score(X, X[:, 0]) - 1e-6
    assert "divergence" in {finding.kind for finding in regressor.doctor(X, X[:, 0]).findings}


def test_ctrl_c_keeps_what_was_learnt(rng: np.random.Generator) -> None:
    class Impatient(Callback):
        def on_epoch_end(self, state: Any) -> None:
            if len(state.history) == 3:
                raise KeyboardInterrupt

    X, y = classes(rng)
    classifier = wg.MLPClassifier(random_state=0).set_callbacks(Impatient())
    with pytest.warns(InterruptionWarning, match="interrupted after 3 epochs; the estimator is usable"):
        classifier.fit(X, y)
    np.testing.assert_array_equal(
        classifier.coefs_[0], wg.MLPClassifier(random_state=0, max_iter=3).fit(X, y).coefs_[0]
    )
