"""L-BFGS on a quadratic, on Rosenbrock's function and on a network; stopping and failures."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.errors import NonFiniteError


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_rosenbrock():
    found = optim.LBFGS(tolerance=1e-8).minimise(wg.value_and_grad(rosenbrock), np.full(6, -1.0))
    assert found.converged
    np.testing.assert_allclose(found.parameters, np.ones(6), rtol=1e-7)
    assert found.value == pytest.approx(0, abs=1e-14)
    assert 5 < found.iterations < 200


def test_linear_regression_reaches_the_normal_equations(rng):
    x, t = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))

    def loss(w):
        return nn.half_squared_error(x @ w.reshape(3, 1), t)

    found = optim.LBFGS(tolerance=1e-10).minimise(wg.value_and_grad(loss), np.zeros(3))
    np.testing.assert_allclose(found.parameters, np.linalg.lstsq(x, t)[0].ravel(), rtol=1e-8, atol=1e-9)


def test_the_callback_sees_every_iteration_and_can_stop():
    seen = []

    def callback(iteration, parameters, value):
        seen.append((iteration, value))
        parameters[:] = np.nan  # its own copy
        return iteration == 4

    found = optim.LBFGS().minimise(wg.value_and_grad(rosenbrock), np.full(3, -1.0), callback)
    assert [iteration for iteration, _ in seen] == [1, 2, 3, 4]
    assert not found.converged
    assert found.iterations == 4
    assert found.value == seen[-1][1] < seen[0][1]


def test_the_limit_of_iterations():
    found = optim.LBFGS(max_iterations=3).minimise(wg.value_and_grad(rosenbrock), np.full(3, -1.0))
    assert found.iterations == 3
    assert not found.converged
    assert "ITERATIONS" in found.message.upper()


def test_single_precision_comes_to_an_end():
    def value_and_gradient(x):
        value, slope = wg.value_and_grad(rosenbrock)(x.astype(np.float32))
        return value, slope

    found = optim.LBFGS(tolerance=0.0, max_iterations=500).minimise(value_and_gradient, np.full(3, -1.0))
    assert found.iterations < 200
    np.testing.assert_allclose(found.parameters, np.ones(3), rtol=1e-2)


def test_the_start_is_not_written():
    start = np.full(3, -1.0)
    start.flags.writeable = False
    optim.LBFGS().minimise(wg.value_and_grad(rosenbrock), start)


@pytest.mark.parametrize(("value", "slope"), [(np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan), (1.0, np.inf)])
def test_not_finite_at_the_start(value, slope):
    with pytest.raises(NonFiniteError, match=r"L-BFGS: at the start .* is not finite"):
        optim.LBFGS().minimise(lambda x: (value, np.full(2, slope)), np.zeros(2))
