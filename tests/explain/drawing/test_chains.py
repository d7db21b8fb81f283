"""Networks as neurons: lines are derivatives, circles are activations, and nothing is left out."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError


def scaled(W, b, V, x):
    z = 3 * (W @ x) + 2 * b
    h = np.tanh(z)
    y = (V @ h) / 4 - 1.0
    J = np.sum((y - 2) ** 2)
    return J


def halved(W, b, V, x):
    h = np.tanh(x @ W.T / 2 - b)
    y = (0.5 * h) @ (2 * V.T)
    J = np.sum(y**2)
    return J


def column(W, b, V, x):
    h = np.tanh(W @ x[:, None] + b[:, None])
    y = V @ h
    J = np.sum(y**2)
    return J


SLOPES = {  # the derivatives of pre-activations by what is before, and what is added
    scaled: lambda W, b, V: [(3 * W, 2 * b), (V / 4, None)],
    halved: lambda W, b, V: [(W / 2, -b), (V, None)],
    column: lambda W, b, V: [(W, b), (V, None)],
}


@pytest.mark.parametrize("function", SLOPES)
def test_a_line_is_a_derivative_whatever_scales_the_weights(function, rng):
    W, b, V, x = (rng.normal(size=shape) for shape in [(3, 2), (3,), (2, 3), (2,)])
    drawn = wg.draw(function, W, b, V, x, wrt=["W", "b", "V"], view="neurons").network

    for layer, (slopes, bias) in zip(drawn.columns[1:], SLOPES[function](W, b, V), strict=True):
        np.testing.assert_allclose(layer.weights.values, slopes, rtol=1e-12)
        if bias is None:
            assert layer.weights.bias is None
        else:
            np.testing.assert_allclose(layer.weights.bias, bias, rtol=1e-12)
    hidden, slopes = drawn.columns[1], SLOPES[function](W, b, V)[0]
    np.testing.assert_allclose(hidden.values, np.tanh(slopes[0] @ x + slopes[1]), rtol=1e-12)


def test_the_weights_of_an_ntk_layer_are_drawn_with_their_factor(rng):
    net, x = nn.NTKDense(4, 2, "identity").initialise(0, np.float64), rng.normal(size=4)
    output = wg.draw(net, x, view="neurons").network.columns[-1]

    np.testing.assert_allclose(output.weights.values, wg.jacobian(lambda x: net(x))(x), rtol=1e-12)
    np.testing.assert_allclose(output.weights.bias, net(np.zeros(4)), rtol=1e-12)


ACTIVATIONS = ["tanh", "selu", lambda z: z**2, lambda z: z * wg.sigmoid(z), None]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    "between", [nn.Activation("relu"), nn.Clip(-1, 1), nn.Scale(3), nn.BatchNorm(3), nn.LayerNorm(3)]
)
def test_the_circles_of_a_network_are_what_its_layers_give(activation, between, rng):
    dense = nn.Dense(2, 3, activation or "identity"), nn.Dense(3, 2, activation or "identity")
    net = nn.Sequential(dense[0], between, dense[1]).initialise(0, np.float64)
    x = rng.normal(size=2)
    for drawing in (
        wg.draw(net, x, view="neurons"),
        wg.draw(net, x, np.ones(2), loss=nn.squared_error, view="neurons"),
    ):
        _, hidden, output = drawing.network.columns
        np.testing.assert_allclose(hidden.values, net.layers[1](net.layers[0](x)), rtol=1e-12)
        np.testing.assert_allclose(output.values, net(x), rtol=1e-12)
        np.testing.assert_allclose(output.weights.values, net.layers[2].weight.T, rtol=1e-12)


def test_a_function_that_ends_in_its_activation_has_that_in_its_circle():
    def logistic(theta, x):
        a = theta @ x
        y = wg.sigmoid(a)
        return y

    theta, x = np.array([0.5, -1.0]), np.array([1.0, 2.0])
    drawn = wg.draw(logistic, theta, x, wrt="theta", view="neurons").network

    assert drawn.loss is None
    assert len(drawn.columns) == 2
    np.testing.assert_allclose(drawn.columns[1].values, [logistic(theta, x)], rtol=1e-15)
    np.testing.assert_allclose(drawn.columns[1].deltas, [wg.grad(wg.sigmoid)(theta @ x)], rtol=1e-12)


def test_a_value_without_a_name_gets_one(rng):
    W, x = rng.normal(size=(2, 2)), rng.normal(size=2)

    def function(W, x):
        z = W @ x
        return np.sum(np.tanh(z))

    drawn = wg.draw(function, W, x, view="neurons").network

    np.testing.assert_allclose(drawn.columns[1].values, np.tanh(W @ x), rtol=1e-12)
    np.testing.assert_allclose(drawn.loss.value, function(W, x), rtol=1e-12)


def test_the_weights_are_told_from_the_inputs_by_their_shape(rng):
    def relu_network(W1, w2, x, c):
        h = np.maximum(0, W1 @ x)
        z = w2 @ h
        return 0.5 * (c - z) ** 2

    W1, w2, x = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)
    inputs, hidden, _ = wg.draw(relu_network, W1, w2, x, 1.0, view="neurons").network.columns

    np.testing.assert_array_equal(inputs.values, x)
    np.testing.assert_array_equal(hidden.weights.values, W1)


def skipping(W, V, x):
    h = np.tanh(W @ x)
    z = V @ (h + x)
    return np.sum(z**2)


def branching(W, V, x):
    h = np.tanh(W @ x)
    z = V @ h
    return np.sum(z**2) + np.sum(np.exp(W @ h))


def loss_of_hidden(W, V, x):
    h = np.tanh(W @ x)
    z = V @ h
    J = np.sum(z**2) + np.sum(h**2)
    return J


def inputs_added(W, V, x):
    h = np.tanh(W @ x)
    b = V @ h + x[0]
    return b


def gated(W, V, x):
    h = np.tanh(W @ x)
    return V @ (h * x)


def reversed_order(W, V, x):
    h = np.tanh(W @ x)
    z = V @ h[::-1]
    return z


def fewer(W, V, x):
    h = np.tanh(W @ x)
    return V[:, :1] @ h[:1]


def masked(W, V, x):
    return np.tanh((W * V) @ x)


def two_results(W, V, x):
    z = W @ x
    return np.tanh(z), np.exp(z)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (skipping, "layer 2 takes x past layer 1, and no line shows that; view='graph'"),
        (branching, "layer 3 takes h, not the output of layer 2"),
        (loss_of_hidden, "J takes h past the last layer"),
        (inputs_added, "the output takes x past layer 2"),
        (gated, "layer 2 takes x past layer 1"),
        (reversed_order, "flip stands between the pre-activations of layer 1 and its activations"),
        (fewer, "layer 1 makes 1 values of 2 pre-activations"),
        (masked, "the weights of layer 1 are computed"),
        (two_results, "no neuron shows it"),
    ],
)
def test_what_the_picture_cannot_show_is_refused(function, message):
    with pytest.raises(ConfigurationError, match=message):
        wg.draw(function, np.eye(2), np.eye(2), np.array([1.0, 2.0]), wrt=["W", "V"], view="neurons")


def test_two_vectors_either_of_which_may_be_the_weights_are_refused():
    with pytest.raises(ConfigurationError, match="wrt='w' or wrt='x'"):
        wg.draw(lambda w, x: wg.sigmoid(w @ x), np.ones(2), np.ones(2), view="neurons")
