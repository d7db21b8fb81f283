"""The range test on curves that are known, on a network, and what it refuses."""

import numpy as np
import pytest

from wengert import nn, optim, train
from wengert.errors import ConfigurationError, DataError
from wengert.train.learning_rate_finder import range_test


def test_the_suggestion_is_where_a_known_curve_falls_fastest():
    # A logistic fall around 1e-3, a minimum, and a rise from 1e-1 on.
    def loss(rate):
        return 1 / (1 + np.exp(3 * np.log10(rate / 1e-3))) + max(0.0, np.log10(rate / 1e-1)) ** 2

    curve = range_test(loss, 1e-6, 10.0, 400)
    assert curve.suggestion == pytest.approx(1e-3, rel=0.5)
    assert 0.03 < curve.highest < 1
    assert len(curve.rates) == len(curve.losses) == len(curve.smoothed)
    assert "learning rate to try" in str(curve)


def test_it_ends_where_the_loss_blows_up():
    curve = range_test(lambda rate: 1.0 if rate < 0.1 else 100.0, 1e-6, 1e3, 100)
    assert curve.rates[-1] < 1e3
    assert curve.suggestion < 0.1
    curve = range_test(lambda rate: 1.0 if rate < 0.1 else np.nan, 1e-6, 1e3, 100)
    assert curve.rates[-1] < 0.1


def test_the_rate_suggested_trains_a_network(rng):
    X = rng.normal(size=(200, 3))
    y = X @ np.array([[1.0], [2.0], [-1.0]])
    net = nn.Sequential(nn.Dense(3, 8, "tanh"), nn.Dense(8, 1)).initialise(0)
    curve = train.find_learning_rate(net, X, y, loss="half_squared_error", optimizer=optim.SGD)
    result = train.fit(
        net, X, y, loss="half_squared_error", optimizer=optim.SGD(curve.suggestion), epochs=20, progress=False
    )
    assert result.history[-1].loss < 0.1 * result.history[0].loss


def test_plot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = range_test(lambda rate: 1 / (1 + rate), 1e-3, 10.0, 50).plot()
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "learning rate"
    assert len(axes.get_lines()) == 3
    matplotlib.pyplot.close("all")


def test_what_is_refused():
    with pytest.raises(ConfigurationError, match=r"0 < low < high, got 1 and 0\.1"):
        range_test(lambda rate: 1.0, 1, 0.1)
    with pytest.raises(ConfigurationError, match="at least 10 steps, got 3"):
        range_test(lambda rate: 1.0, steps=3)
    with pytest.raises(DataError, match="no longer finite after 0 steps"):
        range_test(lambda rate: np.nan)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"optimizer": optim.SGD(0.1)},
            r"makes an optimiser of a learning rate, .* got SGD\(learning_rate=0\.1",
        ),
        ({"low": 0.0}, "0 < low < high"),
        ({"high": -1.0}, "0 < low < high"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_what_a_network_cannot_be_tested_with_is_refused(changes, message):
    net = nn.Dense(2, 1).initialise(seed=0)
    options = {"loss": "half_squared_error", "optimizer": optim.SGD} | changes
    with pytest.raises(ConfigurationError, match=message):
        train.find_learning_rate(net, np.ones((20, 2)), np.ones((20, 1)), **options)
