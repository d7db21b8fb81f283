"""Activations against mpmath: values, first and second derivatives; stability at |z| = 10⁴."""

import mpmath
import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError

mpmath.mp.dps = 60

POINTS = np.array([-30.0, -8.0, -3.3, -1.0, -0.3, -1e-3, 1e-3, 0.4, 1.0, 2.7, 7.0, 29.0])
HUGE = np.array([-1e4, -800.0, 800.0, 1e4])

SELU_SCALE, SELU_ALPHA = mpmath.mpf("1.0507009873554804934193"), mpmath.mpf("1.6732632423543772848170")


def sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def softplus(z):
    return mpmath.log1p(mpmath.exp(-abs(z))) + max(z, 0)


ORACLES = {
    "step": lambda z: mpmath.mpf(z >= 0),
    "identity": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": mpmath.tanh,
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "softplus": softplus,
    "gelu": lambda z: z * mpmath.ncdf(z),
    "silu": lambda z: z * sigmoid(z),
    "selu": lambda z: SELU_SCALE * (z if z > 0 else SELU_ALPHA * mpmath.expm1(z)),
    "mish": lambda z: z * mpmath.tanh(softplus(z)),
    "exp": mpmath.exp,
}
ELEMENTWISE = sorted(ORACLES)


def derivatives(name):
    activation = nn.ACTIVATIONS[name]
    first = wg.grad(lambda z: activation(z).sum())
    second = wg.grad(lambda z: first(z).sum())
    return activation, first, second


def test_all_activations_have_an_oracle():
    assert set(ORACLES) | {"softmax"} == set(nn.ACTIVATIONS)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_value_and_derivatives(name, order):
    got = derivatives(name)[order](POINTS)
    step = mpmath.mpf(10) ** -20
    wanted = [mpmath.diff(ORACLES[name], mpmath.mpf(z), order, h=step) for z in POINTS]
    wanted = np.array([float(w) for w in wanted])
    scale = np.maximum(np.maximum(1, np.abs(POINTS)), np.abs(wanted))
    np.testing.assert_allclose(got / scale, wanted / scale, rtol=0, atol=1e-14)


# eᶻ itself is beyond float64 there.
@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name != "exp"])
def test_finite_and_right_at_huge_arguments(name):
    value, first, second = (derivative(HUGE) for derivative in derivatives(name))
    np.testing.assert_allclose(value, [float(ORACLES[name](mpmath.mpf(z))) for z in HUGE], rtol=1e-15)
    step = mpmath.mpf(10) ** -20
    slopes = [float(mpmath.diff(ORACLES[name], mpmath.mpf(z), h=step)) for z in HUGE]
    np.testing.assert_allclose(first, slopes, rtol=1e-15, atol=1e-15)
    np.testing.assert_array_equal(second, np.zeros(4))


@pytest.mark.parametrize("name", sorted(nn.ACTIVATIONS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_on_arrays_and_in_traces(name, dtype):
    z = np.linspace(-3, 3, 8).reshape(2, 4).astype(dtype)
    activation = nn.ACTIVATIONS[name]
    plain = activation(z)
    traced = wg.trace(activation, z)(z)
    assert plain.dtype == traced.dtype == dtype
    np.testing.assert_allclose(plain, traced, rtol=1e-6)
    assert wg.grad(lambda z: activation(z).sum())(z).dtype == dtype


@pytest.mark.parametrize(
    ("name", "slope"),
    [("step", 0), ("relu", 0), ("leaky_relu", 0.01), ("selu", float(SELU_SCALE * SELU_ALPHA)), ("tanh", 1)],
)
def test_slope_at_zero(name, slope):
    assert wg.grad(nn.ACTIVATIONS[name])(0.0 * np.ones(())) == pytest.approx(slope, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_limits_at_infinity(name, dtype):
    function, ends = getattr(nn, name), np.array([-np.inf, np.inf], dtype)
    slope = wg.grad(lambda z: np.sum(function(z)))
    np.testing.assert_array_equal(wg.compile(function)(ends), [0, np.inf])
    np.testing.assert_array_equal(function(ends), [0, np.inf])
    np.testing.assert_array_equal(slope(ends), [0, 1])
    np.testing.assert_array_equal(wg.grad(lambda z: np.sum(slope(z)))(ends), 0)


def test_table_of_derivatives_of_the_lecture():
    # 002: step, ReLU, sigmoid, tanh at points where each is easily done by hand.
    z = np.array([-np.log(3), 0.0, np.log(3)])
    slopes = {name: derivatives(name)[1](z) for name in ("step", "relu", "sigmoid", "tanh")}
    np.testing.assert_array_equal(nn.step(z), [0, 1, 1])
    np.testing.assert_array_equal(slopes["step"], [0, 0, 0])
    np.testing.assert_array_equal(slopes["relu"], [0, 0, 1])
    np.testing.assert_allclose(nn.sigmoid(z), [0.25, 0.5, 0.75], rtol=1e-15)
    np.testing.assert_allclose(slopes["sigmoid"], [0.1875, 0.25, 0.1875], rtol=1e-15)
    np.testing.assert_allclose(nn.tanh(z), [-0.8, 0, 0.8], rtol=1e-15)
    np.testing.assert_allclose(slopes["tanh"], [0.36, 1, 0.36], rtol=1e-14)


def test_softmax_is_a_distribution_with_the_lecture_jacobian(rng):
    z = rng.normal(size=5)
    p = nn.softmax(z)
    assert p.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_allclose(wg.jacobian(nn.softmax)(z), np.diag(p) - np.outer(p, p), atol=1e-15)
    huge = np.array([[1e4, 0.0], [-1e4, -1e4]])
    np.testing.assert_allclose(nn.softmax(huge), [[1, 0], [0.5, 0.5]], rtol=1e-12)


def test_a_name_that_does_not_exist_gets_the_nearest():
    with pytest.raises(ConfigurationError, match=r"Dense: unknown activation 'rellu'; did you mean 'relu'\?"):
        nn.Dense(2, 2, "rellu")
    with pytest.raises(ConfigurationError, match=r"activation is a name .* or a function, got 3"):
        nn.Dense(2, 2, 3)


def test_functions_are_activations_too():
    assert nn.Dense(2, 2, nn.relu).activation == "relu"
    own = nn.Dense(1, 1, np.sin, weight=[[1]], bias=False)
    assert own(np.array([[0.5]])) == np.sin(0.5)
