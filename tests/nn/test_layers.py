"""The layers one by one."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, DTypeError, IndexRangeError, ShapeError
from wengert.primitives.random import key


def test_dense_is_xw_plus_b_with_rows_as_data(rng):
    w, b, x = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(5, 3))
    layer = nn.Dense(3, 2, "tanh", weight=w, bias=b)
    np.testing.assert_array_equal(layer(x), np.tanh(x @ w + b))
    np.testing.assert_allclose(layer(x[0]), layer(x)[0], rtol=1e-14)
    np.testing.assert_array_equal(layer(np.stack([x, x]))[1], layer(x))


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, "3"])
def test_sizes_are_positive_integers(wrong):
    for make in (lambda n: nn.Dense(n, 2), lambda n: nn.Dense(2, n), nn.BatchNorm, nn.LayerNorm):
        with pytest.raises(ConfigurationError, match="is an integer above 0"):
            make(wrong)


def test_sequential_takes_layers_only():
    with pytest.raises(ConfigurationError, match="number 1 is"):
        nn.Sequential(nn.Dense(2, 2), [nn.Dense(2, 2)])
    assert nn.Sequential()(3) == 3


@pytest.mark.parametrize("rate", [0, 0.2, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_its_key_decides(rate):
    x = np.full((200, 500), 3.0, np.float32)
    layer = nn.Dropout(rate)
    y, after = layer.forward_training(x, key(7))
    assert after is layer
    assert y.dtype == np.float32
    kept = y != 0
    np.testing.assert_allclose(y[kept], 3 / (1 - rate), rtol=1e-6)
    # Standard error of the mean of 10⁵ values: √(rate/(1−rate)) · 3 / 316.
    assert abs(y.mean() - 3) <= 5 * np.sqrt(rate / (1 - rate)) * 3 / 316
    np.testing.assert_array_equal(layer.forward_training(x, key(7))[0], y)
    if rate:
        assert np.any(layer.forward_training(x, key(8))[0] != y)
    traced = wg.trace(lambda x, k: layer.forward_training(x, k)[0], x, key(7))
    np.testing.assert_array_equal(traced(x, key(7)), y)


def test_dropout_is_the_identity_in_evaluation_and_its_gradient_is_the_mask():
    x = np.arange(1.0, 9.0)
    assert nn.Dropout(0.5)(x) is x
    layer = nn.Dropout(0.5)
    slope = wg.grad(lambda x: layer.forward_training(x, key(1))[0].sum())(x)
    np.testing.assert_array_equal(slope * x, layer.forward_training(x, key(1))[0])


def test_dropout_does_not_hide_a_nan():
    x = np.full(64, np.nan)
    assert np.isnan(nn.Dropout(0.5).forward_training(x, key(0))[0]).all()


@pytest.mark.parametrize("rate", [1, -0.1, float("nan"), "0.5", True])
def test_dropout_rates_out_of_range(rate):
    with pytest.raises(ConfigurationError, match=r"Dropout: rate lies in \[0, 1\)"):
        nn.Dropout(rate)


def test_two_dropouts_of_a_network_differ():
    net = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    once = nn.Sequential(nn.Dropout(0.5))
    x = np.ones(1000)
    both = net.forward_training(x, key(0))[0]
    first = once.forward_training(x, key(0))[0]
    assert 150 < np.count_nonzero(both) < 350  # a quarter is left, not a half
    assert 400 < np.count_nonzero(first) < 600


def test_embedding_reads_rows_and_collects_gradients(rng):
    table = rng.normal(size=(5, 3))
    layer = nn.Embedding(5, 3, weight=table)
    x = np.array([[1, 4], [1, 0]])
    np.testing.assert_array_equal(layer(x), table[x])
    slope = wg.grad(lambda w: nn.Embedding(5, 3, weight=w)(x).sum())(table)
    np.testing.assert_array_equal(slope[:, 0], [1, 2, 0, 0, 1])


def test_embedding_refuses_what_is_no_category():
    layer = nn.Embedding(5, 3).initialise(0)
    with pytest.raises(DTypeError, match="integer categories, got float64"):
        layer(np.ones(2))
    for wrong in (5, -1):
        with pytest.raises(IndexRangeError, match=rf"category {wrong} at row 1 is out of range.*0 to 4"):
            layer(np.array([0, wrong]))


def test_batch_norm_in_training_normalises_and_moves_its_statistics(rng):
    x = rng.normal(3, 2, size=(50, 4))
    scale, shift = rng.normal(size=4), rng.normal(size=4)
    layer = nn.BatchNorm(4, scale=scale, shift=shift).initialise(0, np.float64)
    y, after = layer.forward_training(x, key(0))
    wanted = scale * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) + shift
    np.testing.assert_allclose(y, wanted, rtol=1e-12)
    np.testing.assert_allclose(after.running_mean, 0.1 * x.mean(0), rtol=1e-14)
    np.testing.assert_allclose(after.running_variance, 0.9 + 0.1 * x.var(0, ddof=1), rtol=1e-14)
    np.testing.assert_array_equal(layer.running_mean, np.zeros(4))
    for _ in range(300):
        _, layer = layer.forward_training(x, key(0))
    adjusted = scale * (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + 1e-5) + shift
    np.testing.assert_allclose(layer(x), adjusted, rtol=1e-10)


def test_batch_norm_statistics_are_no_parameters():
    net = nn.Sequential(nn.Dense(2, 3), nn.BatchNorm(3)).initialise(0)
    assert sorted(nn.state(net)) == ["layers.1.running_mean", "layers.1.running_variance"]
    assert not set(nn.state(net)) & set(nn.parameters(net))
    again = nn.with_state(net, {"layers.1.running_mean": np.ones(3, np.float32)})
    assert nn.state(again)["layers.1.running_mean"].sum() == 3
    with pytest.raises(ConfigurationError, match=r"unknown state array 'layers\.1\.scale'"):
        nn.with_state(net, {"layers.1.scale": np.ones(3)})


def test_batch_norm_gradient_goes_through_the_statistics(rng):
    x = rng.normal(size=(6, 3))
    layer = nn.BatchNorm(3).initialise(0, np.float64)
    direction, weight = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))

    def total(x):
        return np.sum(weight * layer.forward_training(x, key(0))[0])

    mean, spread = x.mean(0), np.sqrt(x.var(0) + 1e-5)
    y = (x - mean) / spread
    # The closed form of Ioffe & Szegedy 2015, section 3.
    wanted = (weight - weight.mean(0) - y * (weight * y).mean(0)) / spread
    np.testing.assert_allclose(wg.grad(total)(x), wanted, rtol=1e-12, atol=1e-14)
    assert np.sum(wg.grad(total)(x) * direction) == pytest.approx(
        (total(x + 1e-6 * direction) - total(x - 1e-6 * direction)) / 2e-6, rel=1e-6
    )


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (4,)])
def test_batch_norm_of_one_row_is_an_error_in_training(shape):
    layer = nn.Sequential(nn.BatchNorm(4)).initialise(0)
    with pytest.raises(ShapeError, match=r"a batch of [01] has no variance.*layers.0"):
        layer.forward_training(np.ones(shape), key(0))
    assert layer(np.ones((1, 4))).shape == (1, 4)


def test_layer_norm_normalises_rows(rng):
    x = rng.normal(3, 2, size=(5, 7)).astype(np.float32)
    y = nn.LayerNorm(7).initialise(0)(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.mean(1), np.zeros(5), atol=1e-6)
    np.testing.assert_allclose(y.var(1), np.ones(5), rtol=1e-4)
    constant = np.ones((1, 7))
    layer = nn.LayerNorm(7).initialise(0, np.float64)
    np.testing.assert_array_equal(layer(constant), np.zeros((1, 7)))
    assert np.isfinite(wg.grad(lambda x: (layer(x) ** 2).sum())(constant)).all()


@pytest.mark.parametrize("layer", [nn.BatchNorm(4), nn.LayerNorm(4)])
def test_normalisation_names_the_features_it_takes(layer):
    with pytest.raises(ShapeError, match=r"input has shape \(2, 3\), the layer takes 4 features"):
        layer.initialise(0)(np.ones((2, 3)))


def test_options_of_normalisation():
    with pytest.raises(ConfigurationError, match=r"momentum lies in \(0, 1\)"):
        nn.BatchNorm(3, momentum=1.0)
    with pytest.raises(ConfigurationError, match=r"epsilon lies in \(0, inf\)"):
        nn.LayerNorm(3, epsilon=0)
