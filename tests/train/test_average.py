"""The exponential moving average of the parameters, with which the network of `fit` predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from wengert import nn, optim, train
from wengert.errors import ConfigurationError

X = np.linspace(-1, 1, 30).reshape(10, 3)
Y = X[:, :1] * X[:, 1:2]


class Parameters(train.Callback):
    """Keeps the parameters after each epoch."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def on_epoch_end(self, state: train.TrainingState) -> None:
        self.kept.append(nn.parameters(state.net))


def fit(epochs: int = 6, **options: Any) -> train.FitResult:
    net = nn.Sequential(nn.Dense(3, 4, "tanh"), nn.Dense(4, 1)).initialise(seed=0, dtype=np.float64)
    options = {"optimizer": optim.SGD(0.1, momentum=0.5), "batch_size": 10, **options}
    return train.fit(net, X, Y, loss="half_squared_error", epochs=epochs, **options)


@settings(max_examples=5)
@given(st.sampled_from([0.0, 0.05, 0.3, 0.9, 0.999]), st.sampled_from(["llvm", "numpy"]))
def test_the_result_has_the_average_of_the_parameters_after_each_step(decay: float, executor: str) -> None:
    steps = Parameters()
    net = nn.Sequential(nn.Dense(3, 4, "tanh"), nn.Dense(4, 1)).initialise(seed=0, dtype=np.float64)
    average = nn.parameters(net)
    fit(callbacks=[steps], executor=executor)
    for taken, parameters in enumerate(steps.kept):
        weight = 1 - min(decay, (1 + taken) / (10 + taken))
        average = {path: mean + weight * (parameters[path] - mean) for path, mean in average.items()}
    seen = Parameters()
    result = fit(callbacks=[seen], executor=executor, ema_decay=decay)
    for path, value in nn.parameters(result.net).items():
        np.testing.assert_allclose(value, average[path], rtol=1e-12)
        np.testing.assert_array_equal(value, seen.kept[-1][path])


def test_validation_measures_the_averaged_network() -> None:
    result = fit(ema_decay=0.9, validation_data=(X, Y))
    measured = train.evaluate(result.net, X, Y, loss="half_squared_error").loss
    assert result.history[-1].validation_loss == measured


def test_a_resumed_run_has_the_same_average(tmp_path: Path) -> None:
    path = tmp_path / "run"
    fit(3, ema_decay=0.9, checkpoint=path, batch_size=4)
    resumed, whole = fit(7, ema_decay=0.9, checkpoint=path, batch_size=4), fit(7, ema_decay=0.9, batch_size=4)
    for name, value in nn.parameters(whole.net).items():
        np.testing.assert_array_equal(nn.parameters(resumed.net)[name], value)


def test_the_best_epoch_is_that_of_the_average() -> None:
    result = fit(40, ema_decay=0.5, validation_data=(X, -Y), early_stopping=2)
    assert result.stopped == "early stopping"
    assert result.best_epoch is not None
    best = result.history[result.best_epoch - 1].validation_loss
    assert train.evaluate(result.net, X, -Y, loss="half_squared_error").loss == best


@pytest.mark.parametrize("decay", [1.0, -0.1, "much", np.nan])
def test_a_decay_out_of_range_is_refused(decay: Any) -> None:
    with pytest.raises(ConfigurationError, match="ema_decay"):
        fit(ema_decay=decay)


def test_lbfgs_takes_no_steps_to_average() -> None:
    with pytest.raises(ConfigurationError, match="ema_decay"):
        fit(optimizer=optim.LBFGS(), batch_size=None, ema_decay=0.9)
