"""Jacobians of functions that return arrays, and Hessians, in the form of the literature."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.explain.test_asked_functions import MOVES, assert_letters_have_one_role

import wengert as wg
from wengert.errors import ConfigurationError, GradientError
from wengert.explain.printers.blocks import plain

RNG = np.random.default_rng(12)


def softmax(z):
    p = np.exp(z) / np.sum(np.exp(z))
    return p


def log_softmax(z):
    return z - np.log(np.sum(np.exp(z)))


def layer(x, W, b):
    h = np.tanh(W @ x + b)
    return h


def two_layers(x, W, V):
    h = np.tanh(W @ x)
    y = V @ h
    return y


def normalised(x):
    r = np.linalg.norm(x)
    u = x / r
    return u


def logistic(w, X, y):
    p = wg.sigmoid(X @ w)
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def cross_entropy(z, y):
    p = wg.softmax(z)
    return -np.sum(y * np.log(p))


def least_squares(w, X, y):
    return 0.5 * np.sum((X @ w - y) ** 2)


VECTOR, SQUARE, TALL = RNG.normal(size=3), RNG.normal(size=(3, 3)), RNG.normal(size=(4, 3))
LABELS = np.array([1.0, 0, 1, 0])
# The function, its arguments, the argument to differentiate by, and the result; vectors are columns.
JACOBIANS = {
    "softmax": (softmax, (VECTOR,), "z", "diag(p) − p pᵀ"),
    "log-softmax": (log_softmax, (VECTOR,), "z", "I − 𝟏 softmax(z)ᵀ"),
    "linear": (lambda x, A: A @ x, (VECTOR, TALL), "x", "A"),
    "affine": (lambda x, A, b: A @ x + b, (VECTOR, TALL, np.ones(4)), "b", "I"),
    "elementwise": (lambda x: np.sin(x), (VECTOR,), "x", "diag(cos(x))"),
    "layer of tanh": (layer, (VECTOR, TALL, np.ones(4)), "x", "diag(1 − h²) W"),
    "two layers": (two_layers, (VECTOR, TALL, TALL.T.copy()), "x", "V diag(1 − h²) W"),
    "normalised": (normalised, (VECTOR,), "x", "I/r − u uᵀ/r"),
    "product with a scalar": (lambda x, c: c * x, (VECTOR, 2.0), "c", "x"),
}
HESSIANS = {
    "quadratic form": (lambda x, A: x @ A @ x, (VECTOR, SQUARE), "x", "A + Aᵀ"),
    "logistic regression": (logistic, (VECTOR, TALL, LABELS), "w", "Xᵀ diag(p ⊙ (1 − p)) X"),
    "softmax regression": (cross_entropy, (VECTOR, np.eye(3)[1]), "z", "diag(p) − p pᵀ"),
    "least squares": (least_squares, (VECTOR, TALL, LABELS), "w", "Xᵀ X"),
    "linear": (lambda x, b: b @ x, (VECTOR, VECTOR), "x", "0"),
    "elementwise": (lambda x: np.sum(np.exp(x)), (VECTOR,), "x", "diag(exp(x))"),
}


def result(derivation):
    (section,) = [one for one in derivation.tree.sections if one.title == "Result"]
    return section.steps[-1]


@pytest.mark.parametrize("name", JACOBIANS)
def test_a_jacobian_is_that_of_the_textbook(name):
    function, arguments, by, expected = JACOBIANS[name]
    derivation = wg.explain(function, *arguments, wrt=by, view="matrix", notation="columns")

    assert plain(result(derivation).after) == expected
    place = list(JACOBIANS[name][0].__code__.co_varnames).index(by)
    jacobian = wg.jacobian(function, argnums=place)(*arguments)
    np.testing.assert_allclose(result(derivation).value.reshape(jacobian.shape), jacobian, rtol=1e-9)
    turned = wg.explain(function, *arguments, wrt=by, view="matrix", layout="denominator")
    np.testing.assert_allclose(result(turned).value.T, result(derivation).value, rtol=1e-9)


@pytest.mark.parametrize("name", HESSIANS)
def test_a_hessian_is_that_of_the_textbook(name):
    function, arguments, by, expected = HESSIANS[name]
    derivation = wg.explain(function, *arguments, wrt=by, view="matrix", notation="columns", order=2)

    assert plain(result(derivation).after) == expected
    hessian = wg.hessian(function)(*arguments)
    np.testing.assert_allclose(
        result(derivation).value.reshape(hessian.shape), hessian, rtol=1e-9, atol=1e-12
    )


def test_arrays_of_more_axes_have_index_forms_in_both_views():
    def outer(u, v):
        return np.outer(u, v)

    for view in ("index", "matrix"):
        text = str(wg.explain(outer, VECTOR, np.ones(2), view=view))
        assert "∂f_ij/∂u_i′ = δ_ii′ v_j" in text
        assert "∂f_ij/∂v_j′ = u_i δ_jj′" in text


def test_several_arguments_have_mixed_second_derivatives():
    def product(x, y):
        return x**2 * y

    text = str(wg.explain(product, 2.0, 3.0, order=2))

    assert "∂²L/∂x² = 2 y = 6" in text
    assert "∂²L/(∂x ∂y) = 2 x = 4" in text
    assert "∂²L/∂y² = 0 " in text


def test_each_printer_shows_jacobians_and_hessians():
    for shown in (wg.explain(softmax, VECTOR), wg.explain(logistic, VECTOR, TALL, LABELS, wrt="w", order=2)):
        for view in ("index", "matrix"):
            derivation = shown.view(view)
            assert "partial" in derivation.to_latex()
            assert "<math" in derivation.to_html()
            assert "Result" in derivation.to_json()


@settings(max_examples=25, deadline=None)
@given(
    shape=st.sampled_from([(4,), (3,), (1, 4), (4, 1), (2, 3)]),
    moves=st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 2)), min_size=1, max_size=2),
    view=st.sampled_from(["index", "matrix"]),
    notation=st.sampled_from(["rows", "columns"]),
    seed=st.integers(0, 100),
)
def test_jacobians_of_compositions_agree_with_the_engine(shape, moves, view, notation, seed):
    x = np.random.default_rng(seed).normal(size=shape)

    def function(x):
        y = x
        for name, axis in moves:
            y = MOVES[name](y, axis)
        return y

    derivation = wg.explain(function, x, view=view, notation=notation, layout="numerator")
    assert_letters_have_one_role(derivation)
    jacobian = wg.jacobian(function)(x)
    np.testing.assert_allclose(result(derivation).value.ravel(), jacobian.ravel(), rtol=1e-8, atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(
    moves=st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 1)), min_size=1, max_size=1),
    view=st.sampled_from(["index", "matrix"]),
    seed=st.integers(0, 100),
)
def test_hessians_of_compositions_agree_with_the_engine(moves, view, seed):
    x = np.random.default_rng(seed).normal(size=3)

    def function(x):
        y = x
        for name, axis in moves:
            y = MOVES[name](y, axis)
        return np.sum(y**2)

    derivation = wg.explain(function, x, view=view, order=2)
    assert_letters_have_one_role(derivation)
    hessian = wg.hessian(function)(x)
    np.testing.assert_allclose(result(derivation).value.ravel(), hessian.ravel(), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"view": "delta"}, ConfigurationError, "index, matrix"),
        ({"step_size": 0.1}, ConfigurationError, "step_size= goes with the gradient of a scalar"),
        ({"tensors": True}, ConfigurationError, "tensors= goes with the gradient of a scalar"),
        ({"order": 2}, GradientError, "shape (3,)"),
        ({"order": 3}, ConfigurationError, "order=3"),
    ],
)
def test_what_a_jacobian_does_not_have_is_refused(options, error, says):
    with pytest.raises(error) as refused:
        wg.explain(softmax, VECTOR, **options)
    assert says in str(refused.value)


@pytest.mark.parametrize("view", ["index", "matrix"])
def test_a_hessian_of_stacked_values_has_their_second_derivatives(view):
    def stacked(x, s):
        return np.log(1 + np.sum(np.stack([x, s * x]) ** 2)) * s

    x = np.array([1.0, 2.0, 0.5])
    for place, wrt in enumerate(("x", "s")):
        derivation = wg.explain(stacked, x, 2.0, wrt=wrt, view=view, order=2)
        hessian = wg.hessian(stacked, argnums=place)(x, 2.0)
        np.testing.assert_allclose(result(derivation).value.ravel(), hessian.ravel(), rtol=1e-8)


def test_a_hessian_has_elements_at_fixed_places():
    derivation = wg.explain(lambda x: x[1] ** 3 * x[0], np.array([2.0, 3.0, 1.0]), order=2)
    np.testing.assert_allclose(result(derivation).value, [[0, 27, 0], [27, 36, 0], [0, 0, 0]])


def test_the_log_determinant_by_cholesky_has_a_hessian():
    def logarithm(A):
        C = np.linalg.cholesky(A)
        return np.sum(np.log(np.diag(C)))

    derivation = wg.explain(logarithm, np.eye(2) + 1, order=2)
    np.testing.assert_allclose(
        derivation.tree.sections[-1].steps[-1].value, wg.hessian(logarithm)(np.eye(2) + 1), atol=1e-12
    )


def test_a_gradient_without_a_formula_has_no_second_derivative_on_paper():
    def squared(A):
        return np.sum(np.linalg.pinv(A) ** 2)

    with pytest.raises(GradientError, match=r"wengert\.hessian"):
        wg.explain(squared, np.eye(2) + 1, order=2)


@pytest.mark.parametrize(
    "function",
    [
        lambda S: np.sum(np.linalg.eigvalsh(S) ** 2),
        lambda S: np.sum(np.linalg.svd(S, compute_uv=False)[:1]),
        lambda S: np.sum(np.log(np.abs(np.diag(np.linalg.qr(S)[1])))),
    ],
)
def test_a_gradient_written_with_factors_beside_the_function_has_no_hessian_on_paper(function):
    with pytest.raises(GradientError, match=r"does not compute itself.*wengert\.hessian"):
        wg.explain(function, np.diag([1.0, 2.0]) + 0.25, order=2)


def weibull(k, x):
    return np.sum(np.log(k) + (k - 1) * np.log(x) - x**k)


def convolved(x):
    return np.sum(np.convolve(x, np.array([1.0, 2.0, -1.0])) ** 2)


@pytest.mark.parametrize(
    ("function", "arguments", "place"),
    [
        (weibull, (1.5, np.array([0.5, 2.0])), 0),
        (weibull, (1.5, np.array([0.5, 2.0])), 1),
        (convolved, (np.array([1.0, -1.0, 0.5, 2.0]),), 0),
    ],
)
def test_a_hessian_has_variable_exponents_and_places_read_from_arrays(function, arguments, place):
    derivation = wg.explain(function, *arguments, wrt="kx"[place] if len(arguments) > 1 else "x", order=2)
    np.testing.assert_allclose(
        result(derivation).value, wg.hessian(function, argnums=place)(*arguments), atol=1e-12
    )
