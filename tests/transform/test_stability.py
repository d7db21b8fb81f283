"""The formula on the blackboard is the formula that works at |z| = 10⁴: value and gradient against mpmath."""

import mpmath
import numpy as np
import pytest

from wengert.trace.tracing import trace
from wengert.transform.gradient import gradient
from wengert.transform.simplify import simplify

mpmath.mp.dps = 60
LARGE = [-1e4, -800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0, 1e4]


def exact_softplus(z):
    # 10⁴ decimal digits would be needed to see 1 beside exp(10⁴); the series says the same.
    z = mpmath.mpf(z)
    return z + mpmath.log1p(mpmath.exp(-z)) if z > 0 else mpmath.log1p(mpmath.exp(z))


def exact_sigmoid(z):
    return 1 / (1 + mpmath.exp(-mpmath.mpf(z)))


def value_and_slope(function, z):
    program = simplify(trace(function, z))
    return simplify(gradient(program, [0], with_value=True))(z)


SOFTPLUS = [
    lambda z: np.log(1 + np.exp(z)),
    lambda z: np.log(np.exp(z) + 1),
    lambda z: np.log1p(np.exp(z)),
    lambda z: -np.log(1 - 1 / (1 + np.exp(-z))),
    lambda z: -np.log1p(-1 / (1 + np.exp(-z))),
    lambda z: -np.log(1 / (1 + np.exp(z))),
    lambda z: -np.log(np.exp(-z) / (1 + np.exp(-z))),
    lambda z: np.log(np.exp(z) + np.exp(0 * z)),
    lambda z: -np.log(np.maximum(1 - 1 / (1 + np.exp(-z)), 1e-12)),
    lambda z: -np.log(1 - np.clip(1 / (1 + np.exp(-z)), 1e-12, 1 - 1e-12)),
]


@pytest.mark.parametrize("z", LARGE)
@pytest.mark.parametrize("function", SOFTPLUS)
def test_softplus(function, z):
    value, slope = value_and_slope(function, z)
    np.testing.assert_allclose(value, float(exact_softplus(z)), rtol=1e-14)
    np.testing.assert_allclose(slope, float(exact_sigmoid(z)), rtol=1e-14)


SIGMOID = [
    lambda z: 1 / (1 + np.exp(-z)),
    lambda z: 1.0 / (np.exp(-z) + 1.0),
    lambda z: np.exp(z) / (1 + np.exp(z)),
    lambda z: np.reciprocal(1 + np.exp(-z)),
    lambda z: (1 + np.exp(-z)) ** -1,
]


@pytest.mark.parametrize("z", LARGE)
@pytest.mark.parametrize("function", SIGMOID)
def test_sigmoid(function, z):
    value, slope = value_and_slope(function, z)
    np.testing.assert_allclose(value, float(exact_sigmoid(z)), rtol=1e-14)
    exact = exact_sigmoid(z) * exact_sigmoid(-z)
    # σ (1 − σ) loses the last digits of 1 − σ where σ is near 1: an absolute error of one ulp of 1.
    np.testing.assert_allclose(slope, float(exact), rtol=1e-14, atol=2.3e-16)


@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
@pytest.mark.parametrize("z", LARGE)
def test_cross_entropy_of_a_sigmoid(z, target):
    def loss(z):
        p = 1 / (1 + np.exp(-z))
        return -(target * np.log(p) + (1 - target) * np.log(1 - p))

    value, slope = value_and_slope(loss, z)
    exact = target * exact_softplus(-z) + (1 - target) * exact_softplus(z)
    np.testing.assert_allclose(value, float(exact), rtol=1e-14)
    np.testing.assert_allclose(slope, float(exact_sigmoid(z) - target), rtol=1e-14, atol=1e-16)


def probabilities(z):
    return np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)


def expanded(z):
    return np.exp(z) / np.exp(z).sum(1)[:, None]


def reshaped(z):
    return np.exp(z) / np.exp(z).sum(axis=-1).reshape(-1, 1)


def shifted(z):
    powers = np.exp(z - np.max(z, axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def shifted_by_one_number(z):
    powers = np.exp(z - z.max())
    return powers / powers.sum(axis=1, keepdims=True)


def broadcast(z):
    return np.exp(z) / np.broadcast_to(np.exp(z).sum(1, keepdims=True), z.shape)


ROWS = np.array([[1e4, 0.0, -3.0], [-1e4, 1e4, 2.0], [0.1, 0.2, 0.3], [700.0, 710.0, 720.0]])
LABELS = np.array([1, 0, 2, 0])
SOFTMAX = [probabilities, expanded, reshaped, shifted, shifted_by_one_number, broadcast]


def exact_logsumexp(row):
    row = [mpmath.mpf(float(one)) for one in row]
    top = max(row)
    return top + mpmath.log(sum(mpmath.exp(one - top) for one in row))


def exact_softmax(rows):
    return np.array([[float(mpmath.exp(float(z) - exact_logsumexp(row))) for z in row] for row in rows])


@pytest.mark.parametrize("softmax", SOFTMAX)
def test_softmax(softmax):
    np.testing.assert_allclose(simplify(trace(softmax, ROWS))(ROWS), exact_softmax(ROWS), rtol=1e-11)


PICK = {
    "log, then pick": lambda p: np.log(p)[np.arange(4), LABELS],
    "pick, then log": lambda p: np.log(p[np.arange(4), LABELS]),
    "along the axis": lambda p: np.take_along_axis(np.log(p), LABELS[:, None], 1),
    "one-hot": lambda p: np.sum(np.eye(3)[LABELS] * np.log(p), axis=1),
    "guarded by clip": lambda p: np.log(np.clip(p, 1e-15, 1))[np.arange(4), LABELS],
    "guarded by maximum": lambda p: np.log(np.maximum(1e-12, p))[np.arange(4), LABELS],
}


@pytest.mark.parametrize("pick", PICK.values(), ids=PICK)
@pytest.mark.parametrize("softmax", SOFTMAX)
def test_cross_entropy_of_a_softmax(softmax, pick):
    value, slope = value_and_slope(lambda z: -np.sum(pick(softmax(z))), ROWS)
    exact = sum(exact_logsumexp(row) - float(row[label]) for row, label in zip(ROWS, LABELS, strict=True))
    np.testing.assert_allclose(value, float(exact), rtol=1e-13)
    np.testing.assert_allclose(slope, exact_softmax(ROWS) - np.eye(3)[LABELS], rtol=1e-11, atol=1e-15)


LOGSUMEXP = [
    lambda z: np.log(np.exp(z).sum(axis=1)),
    lambda z: np.log(np.sum(np.exp(z), axis=1, keepdims=True)),
    lambda z: (
        np.max(z, axis=1, keepdims=True)
        + np.log(np.sum(np.exp(z - np.max(z, axis=1, keepdims=True)), axis=1, keepdims=True))
    ),
]


@pytest.mark.parametrize("function", LOGSUMEXP)
def test_logsumexp(function):
    value, slope = value_and_slope(lambda z: np.sum(function(z)), ROWS)
    np.testing.assert_allclose(value, float(sum(exact_logsumexp(row) for row in ROWS)), rtol=1e-14)
    np.testing.assert_allclose(slope, exact_softmax(ROWS), rtol=1e-11)


def test_nothing_possible_has_no_softmax():
    rows = np.full((1, 3), -np.inf)
    value, slope = value_and_slope(lambda z: np.sum(np.log(np.sum(np.exp(z), axis=1))), rows)
    assert value == -np.inf
    np.testing.assert_array_equal(slope, np.zeros((1, 3)))


def test_a_guard_that_models_something_stays():
    program = simplify(trace(lambda z: np.log(np.maximum(1 / (1 + np.exp(-z)), 0.1)), -5.0))
    np.testing.assert_allclose(program(-5.0), np.log(0.1), rtol=1e-15)
