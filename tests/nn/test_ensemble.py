"""An ensemble: the mean of its members when it predicts, and each row for one member alone in training."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, ShapeError
from wengert.primitives.random import key


def ensemble(members, dtype=np.float64):
    layers = nn.NTKDense(3, 5, "tanh", members=members), nn.NTKDense(5, 2, members=members)
    return nn.Ensemble(members, nn.Sequential(*layers)).initialise(seed=4, dtype=dtype)


def member(net, number):
    """Return one member as a network of its own."""
    alone = [
        nn.NTKDense(
            layer.inputs,
            layer.outputs,
            layer.activation,
            weight=layer.weight[number],
            bias=layer.bias[number, 0],
        )
        for layer in net.network.layers
    ]
    return nn.Sequential(*alone)


def test_it_predicts_the_mean_of_its_members(rng):
    net, x = ensemble(4), rng.normal(size=(7, 3))
    each = [member(net, number)(x) for number in range(4)]
    np.testing.assert_allclose(net(x), np.mean(each, axis=0), rtol=1e-12)
    assert np.ptp(each, axis=0).min() > 1e-3  # they differ
    np.testing.assert_allclose(net(x[2]), net(x)[2], rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 8, 11])
def test_in_training_each_row_goes_through_the_member_whose_turn_it_is(rows, rng):
    net, x = ensemble(4), rng.normal(size=(rows, 3))
    y, after = net.forward_training(x, key(0))
    assert y.shape == (rows, 2)
    for row in range(rows):
        np.testing.assert_allclose(y[row], member(net, row % 4)(x[row : row + 1])[0], rtol=1e-12)
    np.testing.assert_array_equal(after(x), net(x))


def test_a_row_moves_the_weights_of_its_member_only(rng):
    net, x = ensemble(4), rng.normal(size=(2, 3))
    gradient = wg.grad(lambda net, x: np.sum(net.forward_training(x, key(0))[0] ** 2))(net, x)
    moved = [layer.weight.any(axis=(1, 2)).tolist() for layer in gradient.network.layers]
    assert moved == [[True, True, False, False]] * 2


def test_its_gradient_agrees_with_differences(rng):
    net, x = ensemble(3), rng.normal(size=(4, 3))

    def loss(parameters, x):
        return np.sum(nn.with_parameters(net, parameters).forward_training(x, key(0))[0] ** 2)

    assert wg.check_grad(loss, nn.parameters(net), x)


def test_dropout_and_dtype_within(rng):
    layers = nn.NTKDense(3, 50, members=2), nn.Dropout(0.5)
    net = nn.Ensemble(2, nn.Sequential(*layers)).initialise(seed=0)
    x = rng.normal(size=(6, 3)).astype(np.float32)
    y, _ = net.forward_training(x, key(1))
    assert net(x).dtype == y.dtype == np.float32
    assert 0.3 < (y == 0).mean() < 0.7
    assert (net(x) != 0).all()


def test_it_comes_back_from_its_configuration_and_is_told_in_the_summary():
    net = ensemble(4)
    again = nn.from_config(nn.to_config(net)).initialise(seed=4, dtype=np.float64)
    x = np.ones((2, 3))
    np.testing.assert_array_equal(again(x), net(x))
    text = nn.summary(net)
    assert "network.layers.0  NTKDense  (4, N, 5)          80" in text
    assert "total                                         128" in text


def test_what_it_refuses():
    with pytest.raises(
        ShapeError, match=r"input has shape \(2, 1, 3\), an ensemble takes \(rows, features\)"
    ):
        ensemble(2)(np.ones((2, 1, 3)))
    with pytest.raises(ConfigurationError, match="Ensemble: members is an integer above 0, got 0"):
        nn.Ensemble(0, nn.Sequential())
    with pytest.raises(ConfigurationError, match="NTKDense: members is an integer above 0"):
        nn.NTKDense(2, 2, members=0)
