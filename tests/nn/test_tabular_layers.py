"""The layers for tables, each against its formula in plain loops."""

import math

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, ShapeError
from wengert.primitives.random import key

LAYERS = {
    "scale": nn.Scale(3),
    "ntk": nn.NTKDense(3, 2, "selu"),
    "parametric": nn.ParametricActivation(3, "mish"),
    "periodic": nn.PeriodicEmbedding(3, waves=5, outputs=3),
    "categories": nn.CategoryEmbeddings((4, 2, 6), outputs=2),
    "trees": nn.ObliviousTrees(3, 2, ((0, 2, 0), (1, 1, 2))),
    "blocks": nn.ColumnBlocks((1, 2), (nn.Scale(1), nn.NTKDense(2, 4))),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_keep_dtype_check_shapes_and_come_back_from_their_configuration(name, rng):
    layer = LAYERS[name].initialise(seed=1)
    x = np.abs(rng.normal(size=(5, 3))).astype(np.float32)
    assert layer(x).dtype == np.float32
    traced = wg.trace(lambda layer, x: layer(x), layer, x)
    np.testing.assert_allclose(traced(layer, x), layer(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(np.stack([x, x]))[1], layer(x), rtol=1e-6)
    again = nn.from_config(nn.to_config(layer)).initialise(seed=1)
    np.testing.assert_array_equal(again(x), layer(x))
    for wrong in (x[:, :2], np.float32(1)):
        with pytest.raises(ShapeError, match="the input has shape"):
            layer(wrong)


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "categories"])
def test_gradients_of_the_layers(name, rng):
    layer = LAYERS[name].initialise(seed=2, dtype=np.float64)
    x, cotangent = rng.normal(size=(4, 3)), rng.normal(size=layer(np.zeros((4, 3))).shape)

    def loss(parameters, x):
        return np.sum(nn.with_parameters(layer, parameters)(x) * cotangent)

    assert wg.check_grad(loss, nn.parameters(layer), x)


def test_scale_multiplies_each_feature(rng):
    x = rng.normal(size=(4, 3))
    np.testing.assert_array_equal(nn.Scale(3, scale=[2.0, 0.0, -1.0])(x), x * [2, 0, -1])
    np.testing.assert_array_equal(nn.Scale(3).initialise(0, np.float64)(x), x)


def test_ntk_dense_divides_by_the_root_of_its_inputs(rng):
    w, b, x = rng.normal(size=(9, 2)), rng.normal(size=2), rng.normal(size=(5, 9))
    np.testing.assert_allclose(
        nn.NTKDense(9, 2, "tanh", weight=w, bias=b)(x), np.tanh(x @ w / 3 + b), rtol=1e-14
    )
    np.testing.assert_allclose(nn.NTKDense(9, 2, weight=w, bias=False)(x), x @ w / 3, rtol=1e-14)


def test_ntk_dense_starts_standard_normal_or_as_asked():
    layer = nn.NTKDense(400, 300).initialise(seed=0)
    for value, count in ((layer.weight, 120_000), (layer.bias, 300)):
        assert abs(value.mean()) < 5 / math.sqrt(count)
        assert abs(value.std() - 1) < 5 / math.sqrt(2 * count)
    last = nn.NTKDense(4, 3, initialiser="zeros").initialise(seed=0)
    assert not last.weight.any()
    assert not last.bias.any()


def test_parametric_activation_lies_between_identity_and_function(rng):
    z = rng.normal(size=(6, 3))
    y = nn.ParametricActivation(3, "relu", shape=[0.0, 1.0, 0.75])(z)
    np.testing.assert_array_equal(y[:, 0], z[:, 0])
    np.testing.assert_array_equal(y[:, 1], np.maximum(z[:, 1], 0))
    np.testing.assert_allclose(y[:, 2], np.where(z[:, 2] > 0, z[:, 2], 0.25 * z[:, 2]), rtol=1e-14)
    assert (nn.ParametricActivation(3, "selu").initialise(0).shape == 1).all()


def test_periodic_embedding_is_the_feature_and_mixtures_of_its_waves(rng):
    layer = nn.PeriodicEmbedding(2, waves=3, outputs=4).initialise(seed=5, dtype=np.float64)
    x = rng.normal(size=(4, 2))
    y = layer(x)
    assert y.shape == (4, 8)
    np.testing.assert_array_equal(y[:, :2], x)
    for row in range(4):
        for feature in range(2):
            for place in range(3):
                total = layer.shift[feature, place]
                for wave in range(3):
                    angle = 2 * math.pi * x[row, feature] * layer.frequency[feature, wave]
                    weight = layer.mixture[feature, wave, place]
                    total += math.cos(angle + layer.phase[feature, wave]) * weight
                assert y[row, 2 + 3 * feature + place] == pytest.approx(total, rel=1e-12)


def test_periodic_embedding_starts_with_slow_waves():
    layer = nn.PeriodicEmbedding(100, waves=16, spread=0.1).initialise(seed=0)
    assert layer.frequency.std() == pytest.approx(0.1, rel=0.1)
    assert np.abs(layer.phase).max() <= np.float32(np.pi)
    assert layer.phase.std() == pytest.approx(np.pi / math.sqrt(3), rel=0.1)
    for array in (layer.mixture, layer.shift):
        assert np.abs(array).max() <= 0.25
        assert array.std() == pytest.approx(0.25 / math.sqrt(3), rel=0.1)


def test_category_embeddings_read_the_table_of_their_column(rng):
    layer = nn.CategoryEmbeddings((3, 2), outputs=2, weight=rng.normal(size=(5, 2)))
    w = layer.weight
    y = layer(np.array([[2.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_array_equal(y, [[*w[2], *w[3]], [*w[0], *w[4]]])
    np.testing.assert_array_equal(layer(np.array([[2, 0], [0, 1]])), y)
    # Out of range is category 0 of its own column, not a row of the neighbour's.
    np.testing.assert_array_equal(layer(np.array([[3.0, -1.0]])), [[*w[0], *w[3]]])


def test_category_zero_starts_as_zeros():
    layer = nn.CategoryEmbeddings((3, 1, 4)).initialise(seed=0)
    empty = [0, 3, 4]
    assert not layer.weight[empty].any()
    assert (layer.weight[[1, 2, 5, 6, 7]] != 0).all()


def test_column_blocks_give_each_layer_its_columns_also_in_training():
    net = nn.ColumnBlocks(
        (2, 3), (nn.Sequential(), nn.Sequential(nn.Dropout(0.5), nn.BatchNorm(3)))
    ).initialise(0)
    x = np.arange(40.0, dtype=np.float32).reshape(8, 5)
    np.testing.assert_array_equal(net(x)[:, :2], x[:, :2])
    y, after = net.forward_training(x, key(0))
    np.testing.assert_array_equal(y[:, :2], x[:, :2])
    assert y.shape == (8, 5)
    moved = nn.state(after)["layers.1.layers.1.running_mean"]
    assert (moved != 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.ColumnBlocks((1,), (nn.Scale(1), nn.Scale(1))), "1 widths and 2 layers"),
        (lambda: nn.ColumnBlocks((), ()), "0 widths and 0 layers"),
        (lambda: nn.ColumnBlocks((1, 0), (nn.Scale(1), nn.Scale(1))), r"widths\[1\] is an integer above 0"),
        (lambda: nn.ColumnBlocks((1,), ("relu",)), r"layers\[0\] is no layer: 'relu'"),
        (lambda: nn.CategoryEmbeddings(()), "the number of each column"),
        (lambda: nn.CategoryEmbeddings((2, 0)), r"categories\[1\] is an integer above 0"),
        (lambda: nn.PeriodicEmbedding(2, outputs=1), "outputs is 2 or more"),
        (lambda: nn.PeriodicEmbedding(2, spread=0.0), r"spread lies in \(0, inf\)"),
        (lambda: nn.NTKDense(2, 2, "tahn"), "tanh"),
        (lambda: nn.ParametricActivation(2, "mich"), "mish"),
    ],
)
def test_options_out_of_range(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_clip_limits_in_evaluation_only():
    x = np.array([[-3.0, 0.5, 9.0]])
    layer = nn.Clip(-1.0, 2.0)
    np.testing.assert_array_equal(layer(x), [[-1, 0.5, 2]])
    y, after = layer.forward_training(x, key(0))
    assert y is x
    assert after is layer
    for limits, message in (((2.0, 1.0), "lies above"), ((0.0, math.inf), "highest is a finite number")):
        with pytest.raises(ConfigurationError, match=message):
            nn.Clip(*limits)


def test_oblivious_trees_add_up_the_leaves_of_two_comparisons(rng):
    values, x = rng.normal(size=(8, 1)), np.array([[0.0, 5.0], [1.0, 2.0], [1.0, 2.5]])
    layer = nn.ObliviousTrees(
        2, 1, ((0, 1), (1, 0)), thresholds=[[0.0, 2.0], [4.0, 0.5]], values=values, bias=[10.0]
    )
    leaves = [(2, 1), (1, 2), (1, 3)]  # 1 for the first level, 2 for the second, beyond and not at
    expected = [[10 + values[one, 0] + values[4 + two, 0]] for one, two in leaves]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-14)
    np.testing.assert_allclose(layer(x[1]), expected[1], rtol=1e-14)
    np.testing.assert_allclose(layer(x[:, np.newaxis]), np.expand_dims(expected, 1), rtol=1e-14)
    for columns, said in (
        (((0, 1), (1,)), r"each with one feature a tree, got levels of \[1, 2\] trees"),
        ((), r"got levels of \[\] trees"),
        (((0,), (2,)), r"columns\[1\] has 2, and features are 0 to 1"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            nn.ObliviousTrees(2, 1, columns)
