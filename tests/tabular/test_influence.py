"""Importance and partial dependence: against known functions, scikit-learn, and how often intervals cover."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.inspection

import wengert as wg
from wengert.errors import ConfigurationError
from wengert.io.report.influence_figures import dependence_figure, influence_figures
from wengert.tabular.scoring.influence import importances, partial_dependence
from wengert.tabular.scoring.permutation import permutation_importance
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable


def trained(frame, target, **settings):
    table = TrainingTable.infer(frame, target)
    plain = {"hidden": (), "optimizer": "lbfgs", "epochs": 60, **settings}
    return table.train(np.arange(table.rows), TrainingSettings("plain", **plain))[0]


@pytest.fixture(scope="module")
def line():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    day = pl.date_range(pl.date(2020, 1, 1), pl.date(2021, 8, 22), "1d", eager=True)
    word = rng.choice(["low", "high"], 600)
    y = 3 * x[:, 0] - x[:, 1] + 2 * (word == "high") + 0.1 * rng.normal(size=600)
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "day": day, "word": word, "y": y})
    return frame, trained(frame, "y")


def test_of_a_linear_function_the_importance_is_known(line):
    """Permuting an independent column doubles the part of the variance that it makes: 2 w² var x / var y."""
    frame, model = line
    found = {one.column: one for one in importances(model, frame)}
    variance = frame["y"].var()
    wanted = {"a": 18 / variance, "b": 2 / variance, "word": 2 / variance, "c": 0, "day": 0}
    for name, value in wanted.items():
        assert found[name].value == pytest.approx(value, abs=0.1 * value + 0.01)
        assert found[name].low <= found[name].value <= found[name].high
    assert importances(model, frame)[0].column == "a"
    assert importances(model, frame) == importances(model, frame)  # the same seed


def test_intervals_cover_as_often_as_they_say():
    """Of squared errors of z = x, permuted: E (x − x')² = 2 for standard normal x."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        x = rng.normal(size=(80, 1))
        growth, interval = permutation_importance(
            lambda permuted, x=x: np.square(permuted - x)[:, 0], x, [[0]], 5, rng
        )
        assert growth.shape == (1, 5)
        covered += interval[0, 0] <= 2 <= interval[0, 1]
    assert 0.91 < covered / 400 < 0.99


def test_partial_dependence_of_a_linear_function(line):
    frame, model = line
    a = partial_dependence(model, frame, "a")
    slopes = np.diff(a.means[:, 0]) / np.diff(a.values)
    np.testing.assert_allclose(slopes, 3, atol=0.05)
    assert len(a.values) == 20
    assert np.quantile(frame["a"], 0.02) < a.values[0] < a.values[-1] < np.quantile(frame["a"], 0.98)
    word = partial_dependence(model, frame, "word")
    by_word = dict(zip(word.values, word.means[:, 0], strict=True))
    assert by_word["high"] - by_word["low"] == pytest.approx(2, abs=0.05)
    assert partial_dependence(model, frame.with_columns(a=pl.lit(1.0)), "a") is None
    assert partial_dependence(model, frame.with_columns(a=pl.lit(None, pl.Float64)), "a") is None


def test_the_figures_of_every_kind_of_column(line):
    frame, model = line
    figures = influence_figures(model, frame)
    assert "R² falls" in figures[0][1]
    assert len(figures) >= 4
    day = dependence_figure(model, partial_dependence(model, frame, "day"))
    assert "day, year" in day[0]
    for svg, _ in [*figures, day]:
        ElementTree.fromstring(svg)
    quarter = np.searchsorted(np.quantile(frame["y"], [0.25, 0.5, 0.75]), frame["y"])
    classes = frame.with_columns(y=pl.Series(np.array(["p", "q", "r", "s"])[quarter]))
    model = trained(classes, "y", epochs=5)
    shown = influence_figures(model, classes)
    assert "log-loss grows" in shown[0][1]
    assert any("y by a" in svg and ">p<" in svg for svg, _ in shown)


def test_estimators_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = (X[:, 0] + 0.5 * X[:, 1] + 0.2 * rng.normal(size=400) > 0).astype(int)
    model = wg.MLPClassifier((), solver="lbfgs", max_iter=50, random_state=0).fit(X[:200], y[:200])
    ours = model.permutation_importance(X[200:], y[200:], n_repeats=8, random_state=0)
    theirs = sklearn.inspection.permutation_importance(
        model, X[200:], y[200:], scoring="neg_log_loss", n_repeats=8, random_state=0
    )
    assert ours.importances.shape == theirs.importances.shape == (3, 8)
    np.testing.assert_allclose(ours.importances_mean, theirs.importances_mean, rtol=0.15, atol=0.02)
    assert (ours.intervals[:, 0] <= ours.importances_mean).all()
    assert ours.intervals[0, 0] > 0
    with pytest.raises(ConfigurationError, match="n_repeats is a whole number, 1 or more, got 0"):
        model.permutation_importance(X, y, n_repeats=0)


@pytest.mark.filterwarnings("ignore:columns of X that are left out")
def test_estimators_of_tables_count_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=120), "same": 1.0, "word": rng.choice(["u", "v", "w"], 120)})
    y = np.where(frame["word"] == "u", 5.0, 0.0) + 0.1 * rng.normal(size=120)
    model = wg.MLPRegressor(
        hidden_layer_sizes=(), categorical_features="from_dtype", solver="lbfgs", random_state=0
    )
    found = model.fit(frame, y).permutation_importance(frame, y, random_state=0)
    assert found.importances_mean[1] == 0
    assert found.importances_mean[2] > 100 * abs(found.importances_mean[0])
    weighted = model.permutation_importance(frame, y, np.full(120, 3.0), random_state=0)
    np.testing.assert_allclose(weighted.importances, found.importances, rtol=1e-5)
