"""Modules: trees of arrays, names, initialisation, regions, errors."""

import copy
import pickle
from typing import Any

import numpy as np
import optree
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, DTypeError, ShapeError
from wengert.primitives.random import key
from wengert.trace.tree import NAMESPACE, flatten, leaf_paths, unflatten


def network():
    return nn.Sequential(nn.Dense(4, 8, "tanh"), nn.Dropout(0.3), nn.LayerNorm(8), nn.Dense(8, 3))


class Residual(nn.Module):
    """A module of a user's own: two sub-modules in a dictionary, a parameter and a setting."""

    parts: dict[str, nn.Module]
    scale: float = 2.0
    offset: Any = nn.parameter()

    def array_rules(self):
        return {"offset": ((3,), nn.initialisers.zeros)}

    def __call__(self, x):
        return x + self.scale * self.parts["second"](self.parts["first"](x)) + self.offset


def residual():
    return Residual({"second": nn.Dense(5, 3), "first": nn.Dense(3, 5, "relu")})


def test_names_of_arrays():
    net = network().initialise(0)
    assert list(nn.parameters(net)) == [
        "layers.0.weight",
        "layers.0.bias",
        "layers.2.scale",
        "layers.2.shift",
        "layers.3.weight",
        "layers.3.bias",
    ]
    assert leaf_paths(net) == list(nn.parameters(net))
    own = residual().initialise(0)
    assert sorted(nn.parameters(own)) == sorted(leaf_paths(own))
    assert "parts.first.weight" in nn.parameters(own)


def test_a_network_is_a_tree():
    net = network().initialise(0)
    leaves, structure = flatten(net)
    again = unflatten(structure, [2 * leaf for leaf in leaves])
    assert type(again) is nn.Sequential
    for path, value in nn.parameters(again).items():
        np.testing.assert_array_equal(value, 2 * nn.parameters(net)[path])
    assert flatten(network().initialise(1))[1] == structure
    assert flatten(nn.Sequential(nn.Dense(4, 8, "relu")).initialise(0))[1] != structure
    assert optree.tree_leaves(network(), namespace=NAMESPACE) == []  # a specification has no arrays


def test_initialise_is_reproducible_and_every_array_has_its_own_stream():
    first, second = nn.parameters(network().initialise(3)), nn.parameters(network().initialise(3))
    for path in first:
        np.testing.assert_array_equal(first[path], second[path])
        assert first[path].dtype == np.float32
    pair = nn.Sequential(nn.Dense(6, 6), nn.Dense(6, 6)).initialise(3, dtype=np.float64)
    arrays = nn.parameters(pair)
    assert arrays["layers.0.weight"].dtype == np.float64
    assert not np.any(arrays["layers.0.weight"] == arrays["layers.1.weight"])
    assert not np.any(first["layers.0.weight"] == nn.parameters(network().initialise(4))["layers.0.weight"])


def test_initialise_keeps_what_is_given_and_refuses_other_dtypes():
    net = nn.Dense(2, 2, weight=np.eye(2)).initialise(0)
    np.testing.assert_array_equal(net.weight, np.eye(2, dtype=np.float32))
    assert net.weight.dtype == np.float32
    for wrong in (np.int64, np.float16, complex):
        with pytest.raises(DTypeError, match="parameters are float32 or float64"):
            network().initialise(0, dtype=wrong)


def test_given_arrays_need_no_initialisation():
    net = nn.Dense(2, 2, "relu", weight=[[1, 0], [0, 1]], bias=False)
    np.testing.assert_array_equal(net(np.array([[1.0, -1.0]])), [[1, 0]])
    assert list(nn.parameters(net)) == ["weight"]
    with pytest.raises(ShapeError, match=r"weight has shape \(3, 2\), expected \(2, 2\)"):
        nn.Dense(2, 2, weight=np.ones((3, 2)))


def test_calling_a_specification_says_what_to_do():
    with pytest.raises(ConfigurationError, match=r"layer 'layers.0' \(Dense\) has no weight yet.*initialise"):
        network()(np.ones((1, 4)))
    with pytest.raises(ConfigurationError, match="Dense has no bias yet"):
        nn.Dense(1, 1, weight=[[1]])(np.ones((1, 1)))


def test_with_parameters():
    net = network().initialise(0)
    changed = nn.with_parameters(net, {"layers.0.bias": np.ones(8, np.float32)})
    assert changed.layers[0].bias.sum() == 8
    assert net.layers[0].bias.sum() == 0
    assert changed.layers[3] is not None
    with pytest.raises(
        ConfigurationError, match=r"unknown parameter 'layers.0.wieght'; did you mean 'layers.0.weight'"
    ):
        nn.with_parameters(net, {"layers.0.wieght": 1})
    with pytest.raises(ShapeError, match=r"'layers.0.bias' has shape \(8,\), got \(7,\)"):
        nn.with_parameters(net, {"layers.0.bias": np.ones(7)})
    for numbers in ([1] * 8, [1.0] * 8, np.ones(8, np.int64)):
        bias = nn.with_parameters(net, {"layers.0.bias": numbers}).layers[0].bias
        assert (type(bias), bias.dtype, bias.sum()) == (np.ndarray, np.float32, 8)
    for nonsense in ("heavy", None, [1, [2]], ["a"] * 8):
        with pytest.raises(DTypeError, match=r"parameter 'layers.0.bias' is an array of numbers, got "):
            nn.with_parameters(net, {"layers.0.bias": nonsense})


def test_modules_are_frozen_and_replaced():
    layer = nn.Dense(2, 3).initialise(0)
    with pytest.raises(AttributeError):
        layer.weight = None
    assert layer.replace(activation="relu").activation == "relu"
    with pytest.raises(
        ConfigurationError, match=r"Dense.replace: unknown field 'activatoin'; did you mean 'activation'"
    ):
        layer.replace(activatoin="relu")


def test_pickle_and_copy():
    net = network().initialise(0)
    for again in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        np.testing.assert_array_equal(again(np.ones((2, 4))), net(np.ones((2, 4))))


def test_a_module_of_ones_own():
    net = residual().initialise(0, np.float64)
    x = np.array([[1.0, 2.0, 3.0]])
    first, second = net.parts["first"], net.parts["second"]
    wanted = x + 2 * (np.maximum(0, x @ first.weight + first.bias) @ second.weight + second.bias)
    np.testing.assert_allclose(net(x), wanted, rtol=1e-15)
    y, after = net.forward_training(x, key(0))
    assert after is net
    np.testing.assert_array_equal(y, net(x))


def test_a_module_that_would_lose_dropout_in_training_is_refused():
    net = Residual({"first": nn.Dense(3, 3), "second": nn.Dropout()}).initialise(0)
    with pytest.raises(
        ConfigurationError, match=r"holds 'parts.second' \(Dropout\).*Residual.forward_training"
    ):
        net.forward_training(np.ones((1, 3)), key(0))


def test_an_array_in_an_undeclared_field_is_refused():
    class Scaled(nn.Module):
        factor: Any

        def __call__(self, x):
            return self.factor * x

    with pytest.raises(ConfigurationError, match=r"Scaled.factor holds an array.*nn.parameter\(\)"):
        wg.trace(lambda net, x: net(x), Scaled(np.ones(3)), np.ones(3))


def regions(program, kind):
    found = []
    for node in program.lines:
        found += [r.name for r in program.provenance[node].regions if r.kind == kind]
    return found


def test_every_layer_opens_its_region():
    net = network().initialise(0)
    program = wg.trace(lambda net, x: net(x), net, np.ones((2, 4), np.float32))
    assert list(dict.fromkeys(regions(program, "layer"))) == ["layers.0", "layers.2", "layers.3"]
    training = wg.trace(lambda net, x: net.forward_training(x, key(0))[0], net, np.ones((2, 4), np.float32))
    assert set(regions(training, "layer")) == {"layers.0", "layers.1", "layers.2", "layers.3"}
    alone = wg.trace(lambda net, x: net(x), nn.Dense(4, 2, "relu").initialise(0), np.ones((2, 4)))
    assert set(regions(alone, "layer")) == {"Dense"}
    assert regions(alone, "composite") == ["relu"]
    nested = nn.Sequential(nn.Sequential(nn.Dense(4, 4)), residual_of(4)).initialise(0)
    deep = wg.trace(lambda net, x: net(x), nested, np.ones((2, 4)))
    assert set(regions(deep, "layer")) == {"layers.0.layers.0", "layers.1", "layers.1.parts.first"} | {
        "layers.0", "layers.1.parts.second",
    }  # fmt: skip


def residual_of(size):
    class Own(Residual):
        def array_rules(self):
            return {"offset": ((size,), nn.initialisers.zeros)}

        def __call__(self, x):
            return super().__call__(x)

    return Own({"first": nn.Dense(size, size), "second": nn.Dense(size, size)})


def test_a_shape_mismatch_names_layer_and_both_shapes():
    net = nn.Sequential(nn.Dense(4, 8), nn.Dense(9, 3)).initialise(0)
    text = (
        r"input has shape \(2, 8\), but the weight has shape \(9, 3\) and takes 9 features.*in layer layers.1"
    )
    with pytest.raises(ShapeError, match=text):
        wg.trace(lambda net, x: net(x), net, wg.abstract((2, 4)))
    with pytest.raises(ShapeError, match=text):
        net(np.ones((2, 4)))


def test_gradient_of_a_network_against_complex_step(rng):
    net = network().initialise(0, np.float64)
    x = rng.normal(size=(5, 4))

    def loss(parameters):
        return np.sum(nn.with_parameters(net, parameters)(x) ** 2)

    values = nn.parameters(net)
    slopes = wg.grad(loss)(values)
    for path, value in values.items():
        direction = rng.normal(size=value.shape)
        step = loss({**values, path: value + 1e-200j * direction}).imag / 1e-200
        assert np.sum(slopes[path] * direction) == pytest.approx(step, rel=1e-12)


def test_summary():
    assert network().summary() == (
        "layer     kind       output  parameters\n"
        "---------------------------------------\n"
        "layers.0  Dense      (N, 8)          40\n"
        "layers.1  Dropout    (N, 8)           0\n"
        "layers.2  LayerNorm  (N, 8)          16\n"
        "layers.3  Dense      (N, 3)          27\n"
        "---------------------------------------\n"
        "total                                83"
    )
    assert network().initialise(0).summary() == network().summary()
    assert "Dense  (N, 7, 2)           8" in nn.Dense(3, 2).summary((7, 3))
    assert "(N, 5)" in nn.Sequential(nn.Embedding(9, 5)).summary()
    assert nn.Dense(3, 2, bias=False).summary().endswith("6")
    with pytest.raises(ConfigurationError, match="input_shape"):
        nn.Dropout().summary()


class Pair(nn.Module):
    """Two arrays in one module, and a tuple of which only a part is modules."""

    first: Any = nn.parameter()
    second: Any = nn.parameter()
    mixed: tuple[Any, ...] = ()

    def array_rules(self):
        return dict.fromkeys(("first", "second"), ((4,), nn.initialisers.gaussian))


def test_two_arrays_of_one_module_have_streams_of_their_own():
    net = Pair().initialise(0)
    assert not np.any(net.first == net.second)


def test_a_tuple_of_modules_and_settings():
    net = Pair(mixed=(nn.Dense(2, 2), "a setting")).initialise(0)
    assert net.mixed[1] == "a setting"
    assert "mixed.0.weight" in nn.parameters(net)


def test_an_array_without_a_rule_is_refused():
    class Ruleless(nn.Module):
        weight: Any = nn.parameter()

        def __call__(self, x):
            return self.weight * x

    with pytest.raises(ConfigurationError, match=r"Ruleless.array_rules gives no rule for 'weight'"):
        Ruleless().initialise(0)
