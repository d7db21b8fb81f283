"""Networks with one illness each, which the doctor finds and nothing else."""

from itertools import pairwise

import numpy as np
import pytest

from wengert import nn, train


def network(activation="tanh", layers=2, width=6, seed=0):
    widths = [4] + [width] * layers
    dense = [nn.Dense(a, b, activation, initialiser="glorot_uniform") for a, b in pairwise(widths)]
    return nn.Sequential(*dense, nn.Dense(width, 1)).initialise(seed, np.float64)


@pytest.fixture
def rows(rng):
    X = rng.normal(size=(100, 4))
    return X, X[:, :1] ** 2


def kinds(diagnosis):
    return [finding.kind for finding in diagnosis.findings]


def test_a_healthy_network(rows):
    diagnosis = train.diagnose(network(), *rows, nn.half_squared_error)
    assert kinds(diagnosis) == []
    assert str(diagnosis).endswith("Nothing stands out.")
    assert [layer.layer for layer in diagnosis.layers] == ["layers.0", "layers.1", "layers.2"]
    assert diagnosis.loss == pytest.approx(nn.half_squared_error(network()(rows[0]), rows[1]))


def test_dead_units(rows):
    net = network("relu")
    bias = np.where(np.arange(6) < 3, -99.0, 0.5)
    net = nn.with_parameters(net, {"layers.0.bias": bias})
    diagnosis = train.diagnose(net, *rows, nn.half_squared_error)
    assert ("dead units", "layers.0") in [(one.kind, one.layer) for one in diagnosis.findings]
    assert diagnosis.layers[0].dead == 0.5
    assert "50% of the units are dead" in str(diagnosis)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturation(activation, rows):
    net = network(activation)
    net = nn.with_parameters(net, {"layers.0.weight": 50 * nn.parameters(net)["layers.0.weight"]})
    diagnosis = train.diagnose(net, *rows, nn.half_squared_error)
    assert "saturation" in kinds(diagnosis)
    assert diagnosis.layers[0].saturated > 0.8
    assert diagnosis.layers[1].saturated < 0.5


def test_gradients_that_vanish_and_explode(rows):
    deep = train.diagnose(network("sigmoid", layers=12), *rows, nn.half_squared_error)
    assert kinds(deep) == ["vanishing gradient"]
    assert deep.findings[0].layer == "layers.0"
    net = network("identity", layers=8)
    net = nn.with_parameters(net, {path: 10 * value for path, value in nn.parameters(net).items()})
    assert "exploding gradient" in kinds(train.diagnose(net, *rows, nn.half_squared_error))


@pytest.mark.parametrize(("factor", "kind"), [(0.5, "large update"), (1e-8, "small update")])
def test_steps_of_the_wrong_size(factor, kind, rows):
    net = network()

    def step(net):
        return nn.with_parameters(net, {path: (1 + factor) * v for path, v in nn.parameters(net).items()})

    diagnosis = train.diagnose(net, *rows, nn.half_squared_error, step=step, rate=0.1)
    assert kinds(diagnosis) == [kind] * 3
    assert diagnosis.layers[0].update_ratio == pytest.approx(factor)
    if kind == "large update":
        assert "try 0.0002" in diagnosis.findings[0].advice


def test_data_divergence_and_numbers_that_are_not_finite(rows):
    X, y = rows
    scaled = train.diagnose(network("identity"), X * [1, 1, 1, 1e4], y, nn.half_squared_error)
    assert "scales" in kinds(scaled)
    assert "feature 3 varies by" in str(scaled)
    broken = nn.with_parameters(network(), {"layers.2.bias": np.array([np.inf])})
    assert "not finite" in kinds(train.diagnose(broken, X, y, nn.half_squared_error))
    told = train.diagnose(network(), X, y, nn.half_squared_error, rate=0.5, diverged="it diverged at step 3")
    assert str(told.findings[0]) == "it diverged at step 3. Try the learning rate 0.05."
