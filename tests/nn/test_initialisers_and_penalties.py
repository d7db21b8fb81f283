"""Initialisers: variance and range; penalties: which arrays they count, and their gradients."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError
from wengert.primitives.random import key

SHAPE = (300, 500)
VARIANCES = {
    "gaussian": 1,
    "glorot_uniform": 2 / 800,
    "glorot_normal": 2 / 800,
    "he_uniform": 2 / 300,
    "he_normal": 2 / 300,
    "lecun_uniform": 1 / 300,
    "lecun_normal": 1 / 300,
}


@pytest.mark.parametrize("name", sorted(VARIANCES))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_and_variance(name, dtype):
    w = nn.initialisers.INITIALISERS[name](key(5), SHAPE, dtype)
    assert w.dtype == dtype
    assert w.shape == SHAPE
    deviation = np.sqrt(VARIANCES[name])
    assert abs(w.mean()) < 5 * deviation / np.sqrt(w.size)
    assert w.var() == pytest.approx(VARIANCES[name], rel=0.02)
    if name.endswith("uniform"):
        assert np.abs(w).max() <= np.sqrt(3) * deviation * (1 + 1e-6)


def test_gaussian_with_a_standard_deviation():
    layer = nn.Dense(300, 500, initialiser=nn.initialisers.Gaussian(0.01)).initialise(0)
    assert layer.weight.std() == pytest.approx(0.01, rel=0.02)
    with pytest.raises(ConfigurationError, match=r"standard_deviation lies in \(0, inf\)"):
        nn.initialisers.Gaussian(0.0)


def test_zeros_and_names():
    np.testing.assert_array_equal(nn.Dense(2, 3, initialiser="zeros").initialise(0).weight, np.zeros((2, 3)))
    assert nn.Dense(2, 3, initialiser=nn.initialisers.zeros).initialiser == "zeros"
    with pytest.raises(ConfigurationError, match="unknown initialiser 'glorot'; did you mean 'glorot_"):
        nn.Dense(2, 3, initialiser="glorot")
    with pytest.raises(ConfigurationError, match="initialiser is a name or a function"):
        nn.Dense(2, 3, initialiser=1)


@pytest.mark.parametrize(
    ("activation", "variance"), [("relu", 2 / 300), ("selu", 1 / 300), ("tanh", 2 / 800)]
)
def test_the_default_suits_the_activation(activation, variance):
    assert nn.Dense(*SHAPE, activation).initialise(0).weight.var() == pytest.approx(variance, rel=0.02)


def test_penalties_count_weights_and_not_biases(rng):
    net = nn.Sequential(nn.Dense(2, 3, bias=rng.normal(size=3)), nn.BatchNorm(3), nn.Dense(3, 1)).initialise(
        0, float
    )
    weights = [net.layers[0].weight, net.layers[2].weight]
    assert nn.L1(0.3)(net) == pytest.approx(0.3 * sum(np.abs(w).sum() for w in weights))
    assert nn.L2(0.3)(net) == pytest.approx(0.15 * sum((w**2).sum() for w in weights))
    slopes = nn.parameters(wg.grad(nn.L2(0.3))(net))
    np.testing.assert_allclose(slopes["layers.0.weight"], 0.3 * weights[0], rtol=1e-14)
    assert not slopes["layers.0.bias"].any()
    assert not slopes["layers.1.scale"].any()
    np.testing.assert_allclose(
        nn.parameters(wg.grad(nn.L1(0.3))(net))["layers.2.weight"], 0.3 * np.sign(weights[1]), rtol=1e-14
    )


def test_penalties_keep_float32_and_refuse_negative_strength():
    net = nn.Dense(2, 2).initialise(0)
    for penalty in (nn.L1(0.1), nn.L2(0.1)):
        assert penalty(net).dtype == np.float32
    with pytest.raises(ConfigurationError, match=r"L2: strength lies in \[0, inf\), got -1"):
        nn.L2(-1)
    assert nn.L2(0.1)(nn.Dropout()) == 0
