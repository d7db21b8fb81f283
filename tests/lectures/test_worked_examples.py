"""The seven worked examples of the lectures, their errata corrected, number by number."""

import numpy as np
import pytest
from tests.lectures import scripts

import wengert as wg
from wengert import nn


def test_1_linear_regression():
    # The gradient is −(t − z)·x = +1·x: with the sign that the notes lose, and the step they take.
    loss, slopes, after = scripts.load("000").linear_regression()
    assert loss == 0.5
    np.testing.assert_array_equal(slopes.weight, [[1], [0]])
    np.testing.assert_array_equal(slopes.bias, [1])
    np.testing.assert_array_equal(after.weight, [[0.5], [0]])
    np.testing.assert_array_equal(after.bias, [1.5])


def test_1_forward():
    assert nn.Dense(2, 1, weight=[[1], [0]], bias=[2])(np.array([[1.0, 0.0]])) == 3


def test_2_relu_network():
    # J = ½ with its ½, negative gradients, ReLU′(0) = 0 for the second hidden unit.
    loss, slopes, after = scripts.load("000").relu_network()
    assert loss == 0.5
    hidden, output = slopes.layers
    np.testing.assert_array_equal(output.weight, [[-1], [0]])
    np.testing.assert_array_equal(hidden.weight, [[-1, 0], [0, 0]])
    np.testing.assert_array_equal(after.layers[1].weight, [[2], [2]])
    np.testing.assert_array_equal(after.layers[0].weight, [[2, 0], [0, 1]])
    x = np.array([[1.0, 0.0]])
    before = nn.Dense(2, 2, "relu", weight=np.eye(2), bias=False)
    np.testing.assert_array_equal(before(x), [[1, 0]])
    assert after(x) == 4


def test_3_forward_pass():
    program, values = scripts.load("002").forward_pass()
    assert values == (12, 36, np.sin(36))
    assert program(10.0) == values
    assert [node.primitive.name for node in program.lines] == ["add", "mul", "sin"]


def test_4_elementwise_jacobian():
    np.testing.assert_array_equal(scripts.load("002").elementwise_jacobian(), np.diag([2, 4, 6]))


@pytest.mark.parametrize("x", [-1.3, 0.0, 0.7, 2.0])
def test_5_two_paths_meet(x):
    program, derived, by_hand = scripts.load("003").reverse_mode(x)
    assert derived == pytest.approx(by_hand, rel=1e-14)
    assert program(x) == derived
    step = np.cos(np.sin((x + 1e-200j) ** 2) + 3 * (x + 1e-200j) ** 2).imag / 1e-200
    assert derived == pytest.approx(step, rel=1e-14)


def test_6_row_vectors():
    lecture = scripts.load("004")
    a, W, V, y = lecture.a, lecture.W, lecture.V, lecture.y
    c = np.tanh(a @ W)
    slope = 2 * (c @ V - y)
    dW, dV = wg.grad(lecture.error, argnums=(0, 1))(W, V)
    np.testing.assert_allclose(dV, c.T @ slope, rtol=1e-14)
    np.testing.assert_allclose(dW, a.T @ ((slope @ V.T) * (1 - c**2)), rtol=1e-14)
    for way in (lecture.by_indices(), lecture.by_matrices()):
        np.testing.assert_allclose(way[0], dW, rtol=1e-14)
        np.testing.assert_allclose(way[1], dV, rtol=1e-14)
    assert (dW.shape, dV.shape) == (W.shape, V.shape)


def test_7_losses_are_negative_log_likelihoods(rng):
    # Answer E: a loss and its −ln p differ by a constant that no prediction and no weight changes.
    lecture = scripts.load("003")
    z, t, theta = rng.normal(size=20), rng.integers(0, 2, size=20).astype(float), rng.normal(size=20)
    for difference in lecture.likelihoods(z, t, theta).values():
        np.testing.assert_allclose(difference, np.full(20, difference[0]), rtol=0, atol=1e-14)


def test_7_hinge_asks_for_a_margin_and_no_more():
    z, t = np.array([2.0, 1.5, 0.5, -1.0]), np.ones(4)
    np.testing.assert_array_equal(nn.hinge(z, t, reduction="none"), [0, 0, 0.5, 2])
    np.testing.assert_array_equal(wg.grad(lambda z: nn.hinge(z, t, reduction="sum"))(z), [0, 0, -1, -1])
