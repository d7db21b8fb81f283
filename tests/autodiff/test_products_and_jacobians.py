"""vjp, jvp, hvp, jacobian, hessian against each other and against formulas."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import wengert as wg
from wengert.errors import GradientError

STEP = 1e-200


def layer(W, b, x):
    return np.tanh(x @ W + b)


def arguments(rng, rows=3, inputs=4, outputs=2):
    return rng.normal(size=(inputs, outputs)), rng.normal(size=outputs), rng.normal(size=(rows, inputs))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_vjp_and_jvp_are_transposes_of_each_other(seed, rows, inputs, outputs):
    rng = np.random.default_rng(seed)
    args = arguments(rng, rows, inputs, outputs)
    tangents = tuple(rng.normal(size=value.shape) for value in args)
    value, pushed = wg.jvp(layer, args, tangents)
    complex_step = layer(*[a + 1j * STEP * t for a, t in zip(args, tangents, strict=True)]).imag / STEP
    np.testing.assert_allclose(value, layer(*args), rtol=1e-14)
    np.testing.assert_allclose(pushed, complex_step, rtol=1e-11, atol=1e-14)
    cotangent = rng.normal(size=pushed.shape)
    _, pull = wg.vjp(layer, *args)
    pulled = pull(cotangent)
    left = np.sum(cotangent * pushed)
    right = sum(np.sum(p * t) for p, t in zip(pulled, tangents, strict=True))
    assert left == pytest.approx(right, rel=1e-11, abs=1e-13)


def test_selection_in_products(rng):
    W, b, x = arguments(rng)
    _, pull = wg.vjp(layer, W, b, x, argnames="b")
    assert pull(np.ones((3, 2))).shape == (2,)
    _, tangent = wg.jvp(layer, (W, b, x), np.ones(2), argnums=1)
    np.testing.assert_allclose(tangent, 1 - layer(W, b, x) ** 2, rtol=1e-13)
    _, tangent = wg.jvp(lambda x, *, scale: scale * x, (2.0,), 1.0, argnames="scale", kwargs={"scale": 3.0})
    assert tangent == 2


def test_trees_in_products(rng):
    value, pull = wg.vjp(lambda t: {"sum": t["a"] + t["b"], "product": t["a"] * t["b"]}, {"a": 2.0, "b": 3.0})
    assert value == {"sum": 5, "product": 6}
    (slopes,) = pull({"sum": 1.0, "product": 10.0})
    assert slopes == {"a": 31, "b": 21}


@pytest.mark.parametrize(
    "call",
    [
        lambda: wg.vjp(lambda x: x, np.ones(3))[1](np.ones(2)),
        lambda: wg.vjp(lambda x: x, np.ones(3))[1]((np.ones(3),)),
        lambda: wg.jvp(lambda x: x, (np.ones(3),), (np.ones(4),)),
        lambda: wg.jvp(lambda x: x, (np.ones(3),), (np.ones(3), np.ones(3))),
        lambda: wg.jvp(lambda x: x["a"], ({"a": np.ones(3)},), (np.ones(3),)),
        lambda: wg.hvp(np.sum, (np.ones(3),), np.ones(2)),
        lambda: wg.jacobian(lambda x: x > 0)(np.ones(3)),
    ],
)
def test_directions_that_do_not_fit(call):
    with pytest.raises(GradientError):
        call()


def test_a_branch_not_taken_has_no_tangent():
    f = lambda x: np.where(x > 0, np.sqrt(x), 0.0)  # noqa: E731  one expression is the clearest here
    _, tangent = wg.jvp(f, (np.array([0.0, 4.0]),), (np.ones(2),))
    assert np.array_equal(tangent, [0, 0.25])
    _, pull = wg.vjp(f, np.array([0.0, 4.0]))
    assert np.array_equal(pull(np.ones(2))[0], [0, 0.25])


def test_jacobian_of_an_elementwise_square_is_diagonal():
    # Lecture 002, (7.47)-(7.49)
    assert np.array_equal(wg.jacobian(lambda z: z**2)(np.array([1.0, 2.0, 3.0])), np.diag([2.0, 4.0, 6.0]))


@pytest.mark.parametrize("shape", [(2, 3), (5, 1), (1, 1)])
def test_jacobian_by_rows_and_by_columns_agree(rng, shape):
    matrix = rng.normal(size=shape)
    x = rng.normal(size=shape[1])
    by = wg.jacobian(lambda A, x: np.sin(A @ x), argnums=(0, 1))(matrix, x)
    slope = np.cos(matrix @ x)
    np.testing.assert_allclose(by[1], slope[:, None] * matrix, rtol=1e-13)
    expected = np.einsum("i,ij,k->ijk", slope, np.eye(shape[0]), x)
    np.testing.assert_allclose(by[0], expected, rtol=1e-13)


def test_jacobian_of_trees_and_empty_arrays():
    result = wg.jacobian(lambda t: (t["x"] * 2, np.sum(t["y"] ** 2)))({"x": np.ones(2), "y": np.ones(3)})
    assert np.array_equal(result[0]["x"], 2 * np.eye(2))
    assert np.array_equal(result[1]["y"], [2, 2, 2])
    assert result[0]["y"].shape == (2, 3)
    assert wg.jacobian(lambda x: 2 * x)(np.ones(0)).shape == (0, 0)


def test_hessian_is_symmetric_and_agrees_with_hvp(rng):
    W, b, x = arguments(rng)
    f = lambda W: np.sum(layer(W, b, x) ** 2)  # noqa: E731  one expression is the clearest here
    hessian = wg.hessian(f)(W).reshape(W.size, W.size)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12, atol=1e-13)
    direction = rng.normal(size=W.shape)
    product = wg.hvp(f, (W,), direction)
    np.testing.assert_allclose(product.reshape(-1), hessian @ direction.reshape(-1), rtol=1e-11, atol=1e-13)


def test_hessian_blocks_of_several_arguments():
    blocks = wg.hessian(lambda x, y: x**2 * y, argnums=(0, 1))(3.0, 5.0)
    assert [[float(block) for block in row] for row in blocks] == [[10, 6], [6, 0]]


def test_transformations_nest(rng):
    # ∇ₓ Σ H(x) for f = Σ x⁴ / 12: H = diag(x²), so the gradient is 2x.
    x = rng.normal(size=3)
    total = wg.grad(lambda x: np.sum(wg.hessian(lambda y: np.sum(y**4) / 12)(x)))(x)
    np.testing.assert_allclose(total, 2 * x, rtol=1e-12)
    # A directional derivative inside a gradient: ∇ (cos x · v) = −sin x · v
    inner = wg.grad(lambda x: np.sum(wg.jvp(np.sin, (x,), (np.full(3, 2.0),))[1]))(x)
    np.testing.assert_allclose(inner, -2 * np.sin(x), rtol=1e-12)
    third = wg.jacobian(wg.jacobian(wg.jacobian(lambda x: x**3)))(2.0)
    assert third == 6
