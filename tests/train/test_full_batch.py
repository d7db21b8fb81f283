"""L-BFGS through fit."""

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import ConfigurationError

ROWS = 50


@pytest.fixture
def rows(rng):
    X = rng.normal(size=(ROWS, 3))
    return X, X @ rng.normal(size=(3, 2)) + 0.1 * rng.normal(size=(ROWS, 2))


def fit(net, X, y, **options):
    options = {
        "loss": "half_squared_error",
        "progress": False,
        "optimizer": optim.LBFGS(tolerance=1e-10),
    } | options
    return train.fit(net, X, y, **options)


@pytest.mark.parametrize("weighted", [False, True])
def test_linear_regression_is_least_squares(rows, rng, weighted):
    X, y = rows
    weights = rng.random(ROWS) if weighted else np.ones(ROWS)
    result = fit(
        nn.Dense(3, 2).initialise(seed=0, dtype=np.float64), X, y, sample_weight=weights if weighted else None
    )
    root = np.sqrt(weights)[:, None]
    expected = np.linalg.lstsq(root * np.column_stack([X, np.ones(ROWS)]), root * y, rcond=None)[0]
    np.testing.assert_allclose(result.net.weight, expected[:3], rtol=1e-7)
    np.testing.assert_allclose(result.net.bias, expected[3], rtol=1e-7)
    assert result.stopped == "converged"
    assert result.history[0].learning_rate is None
    losses = [epoch.loss for epoch in result.history]
    assert losses == sorted(losses, reverse=True)
    loss = train.evaluate(result.net, X, y, loss="half_squared_error", sample_weight=weights).loss
    assert losses[-1] == pytest.approx(loss, rel=1e-12)


def test_a_penalty_is_ridge_regression(rows):
    X, y = rows
    net = nn.Dense(3, 2, bias=False).initialise(seed=0, dtype=np.float64)
    result = fit(net, X, y, penalty=nn.L2(0.5))
    expected = np.linalg.solve(X.T @ X + 0.5 * ROWS * np.eye(3), X.T @ y)
    np.testing.assert_allclose(result.net.weight, expected, rtol=1e-7)


def test_float32_and_a_network_with_state_and_dropout(rows):
    net = nn.Sequential(nn.Dense(3, 8, "tanh"), nn.BatchNorm(8), nn.Dropout(0.2), nn.Dense(8, 2)).initialise(
        seed=0
    )
    one, other = (fit(net, *rows, epochs=20, seed=4) for _ in range(2))
    assert one.history[-1].loss < 0.5 * one.history[0].loss
    assert np.array_equal(one.net.layers[0].weight, other.net.layers[0].weight)
    assert one.net.layers[0].weight.dtype == np.float32
    assert not np.array_equal(one.net.layers[1].running_mean, np.zeros(8))
    assert one.stopped == "epochs"
    assert len(one.history) == one.steps == 20


def test_early_stopping_callbacks_and_time_limit(rows):
    net = nn.Sequential(nn.Dense(3, 16, "tanh"), nn.Dense(16, 2)).initialise(seed=0, dtype=np.float64)
    rng = np.random.default_rng(1)
    held = rng.normal(size=(ROWS, 3)), rng.normal(size=(ROWS, 2))
    result = fit(net, *rows, early_stopping=3, validation_data=held)
    assert result.stopped == "early stopping"
    losses = [epoch.validation_loss for epoch in result.history]
    assert train.evaluate(result.net, *held, loss="half_squared_error").loss == min(losses)
    limited = fit(net, *rows, time_limit=1e-9)
    assert limited.stopped == "time limit"
    assert limited.steps == 1


def test_options_of_training_in_steps_are_refused(rows, tmp_path):
    net = nn.Dense(3, 2).initialise(seed=0)
    in_steps = {
        "batch_size": 5,
        "drop_last": True,
        "clip_norm": 1.0,
        "ema_decay": 0.0,
        "checkpoint": tmp_path / "run",
    }
    for option in ({name: value} for name, value in in_steps.items()):
        with pytest.raises(ConfigurationError, match=f"L-BFGS .* leave {next(iter(option))} out"):
            fit(net, *rows, **option)
