"""numpy.linalg on tensors: NumPy's values, the derivatives of differences, and what singular matrices get."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.derivatives import differences

import wengert as wg
from wengert.errors import ShapeError, UnsupportedFunctionError

rng = np.random.default_rng(5)
A = rng.normal(size=(2, 4, 4))
S = A @ A.mT + np.eye(4)
TALL = rng.normal(size=(2, 5, 3))
WIDE = TALL.mT
B = rng.normal(size=(2, 4, 3))
NORMS = (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)


def symmetric(x: Any) -> Any:
    return (x + x.mT) / 2


FUNCTIONS: dict[str, tuple[Any, np.ndarray]] = {
    "solve, broadcast": (lambda x: np.linalg.solve(x[0], B), A),
    "solve of a vector": (lambda x: np.linalg.solve(S, x), A[0, 0]),
    "inv": (np.linalg.inv, A),
    "det and slogdet": (lambda x: np.linalg.det(x) + np.linalg.slogdet(x)[1], A),
    "cholesky": (
        lambda x: np.linalg.cholesky(symmetric(x)) + np.linalg.cholesky(symmetric(x), upper=True),
        S,
    ),
    "eigh": (
        lambda x: np.abs(np.linalg.eigh(symmetric(x))[1]) + np.linalg.eigh(symmetric(x), "U")[0][..., None],
        S,
    ),
    "eigvalsh": (lambda x: np.linalg.eigvalsh(symmetric(x), UPLO="U"), A),
    "svd": (lambda x: [abs(one) for one in np.linalg.svd(x, full_matrices=False)], TALL),
    "svd, wide": (lambda x: [abs(one) for one in np.linalg.svd(x, False)], WIDE),
    "svd, square": (lambda x: [abs(one) for one in np.linalg.svd(x)], A),
    "svd, values": (lambda x: np.linalg.svd(x, compute_uv=False) + np.linalg.svdvals(x), WIDE),
    "qr": (lambda x: [*np.linalg.qr(x), np.linalg.qr(x, "r")], TALL),
    "qr, wide": (lambda x: [*np.linalg.qr(x), *np.linalg.qr(x, mode="complete")], WIDE),
    "pinv": (
        lambda x: np.linalg.pinv(x) + np.linalg.pinv(x, rcond=1e-10) + np.linalg.pinv(x, rtol=1e-9),
        TALL,
    ),
    "lstsq": (lambda x: np.linalg.lstsq(x, TALL[1], rcond=None)[:2], TALL[0]),
    "lstsq of a vector": (lambda x: np.linalg.lstsq(TALL[0], x)[:2], TALL[0, :, 0]),
    "matrix_power": (lambda x: [np.linalg.matrix_power(x, n) for n in (-2, 0, 1, 5)], A),
    "multi_dot": (
        lambda x: np.linalg.multi_dot([B[0, 0], x.T, TALL[0], WIDE[1], x, x[0]]),
        rng.normal(size=(5, 3)),
    ),
    "norms": (lambda x: [np.linalg.norm(x, one, axis=(-2, -1)) for one in NORMS], TALL),
    "norms of all": (lambda x: [np.linalg.norm(x[0], one, keepdims=True) for one in NORMS], TALL),
    "norm over exchanged axes": (lambda x: np.linalg.norm(x, 1, axis=(2, 0), keepdims=True), TALL),
    "vector_norm": (lambda x: np.linalg.vector_norm(x, axis=(0, 2), keepdims=True, ord=3), TALL),
    "matrix_norm": (lambda x: np.linalg.matrix_norm(x, ord="nuc", keepdims=True), TALL),
    "cond": (lambda x: [np.linalg.cond(x, p) for p in (None, 2, -2, 1, "fro")], A),
    "tensorsolve": (lambda x: np.linalg.tensorsolve(x, B[0]), rng.normal(size=(4, 3, 12))),
    "tensorsolve, axes": (lambda x: np.linalg.tensorsolve(x, B[0], axes=(0,)), rng.normal(size=(12, 4, 3))),
    "tensorinv": (
        lambda x: np.linalg.tensorinv(x, ind=1),
        np.eye(12).reshape(12, 4, 3) + 0.1 * rng.normal(size=(12, 4, 3)),
    ),
    "rearrangements": (
        lambda x: np.linalg.diagonal(x, offset=1) + np.linalg.trace(np.linalg.matrix_transpose(x))[:, None],
        A,
    ),
    "products": (
        lambda x: [
            np.linalg.matmul(x, x),
            np.linalg.tensordot(x, x, axes=3),
            np.linalg.vecdot(x, A, axis=1),
            np.linalg.outer(x[0, 0], x[0, 1]),
        ],
        A,
    ),
}


def weighted(function: Any) -> Any:
    """Return a smooth number made of all results of a function."""

    def number(part: Any) -> Any:
        return np.sum(np.sin(part) * np.cos(np.arange(float(part.size)).reshape(part.shape)))

    def value(x: Any) -> Any:
        results = function(x)
        parts = results if isinstance(results, (list, tuple)) else [results]
        return sum(
            np.sum(np.sin(part) * np.cos(np.arange(float(part.size)).reshape(part.shape))) for part in parts
        )

    return value


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives(name: str) -> None:
    function, x = FUNCTIONS[name]
    value = weighted(function)
    np.testing.assert_allclose(wg.trace(value, x)(x), value(x), rtol=1e-10)
    direction, other = rng.normal(size=(2, *x.shape))
    slope = wg.grad(value)
    np.testing.assert_allclose(np.sum(slope(x) * direction), differences(value, x, direction), rtol=1e-6)

    def along(x: Any) -> Any:
        return np.sum(slope(x) * direction)

    curve = np.sum(wg.grad(along)(x) * other)
    np.testing.assert_allclose(curve, differences(along, x, other), rtol=1e-6, atol=1e-8)


def test_the_determinant_has_a_derivative_at_a_singular_matrix() -> None:
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    np.testing.assert_allclose(wg.grad(np.linalg.det)(singular), [[4, -2], [-2, 1]], atol=1e-14)
    with pytest.raises(np.linalg.LinAlgError):
        wg.hessian(np.linalg.det)(np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.sum(np.linalg.inv(x) ** 2), "Singular matrix"),
        (lambda x: np.sum(np.linalg.solve(x, np.ones(2)) ** 2), "Singular matrix"),
        (lambda x: np.linalg.cholesky(x - np.eye(2)).sum(), "not positive definite"),
    ],
)
def test_what_lapack_refuses_is_numpys_error(function: Any, message: str) -> None:
    for call in (wg.grad(function), wg.compile(wg.grad(function))):
        with pytest.raises(np.linalg.LinAlgError, match=message) as caught:
            call(np.zeros((2, 2)))
        assert "test_linear_algebra.py:" in str(caught.value)


TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
SAME = (TURN * [1.0, 1.0, 2.0]) @ TURN.T  # equal but for rounding
SAME = (SAME + SAME.T) / 2


@pytest.mark.parametrize("x", [np.eye(3), SAME])
def test_what_depends_on_repeated_values_alone_has_its_derivative(x: Any) -> None:
    direction = np.arange(9.0).reshape(3, 3)
    for function in (
        lambda x: np.sum(np.linalg.eigvalsh((x + x.T) / 2) ** 2),
        lambda x: np.sum(np.linalg.svdvals((x + x.T) / 2) ** 2),
        lambda x: np.real(np.sum(np.linalg.eigvals((x + x.T) / 2) ** 2)),
        lambda x: np.linalg.norm((x + x.T) / 2) ** 2,
    ):
        np.testing.assert_allclose(wg.grad(function)(x), 2 * x, atol=1e-13)
        along = wg.jvp(function, (x,), (direction,))[1]
        np.testing.assert_allclose(along, np.sum(2 * x * direction), rtol=1e-12)


@pytest.mark.parametrize("x", [np.eye(3), SAME])
def test_vectors_of_repeated_values_are_refused(x: Any) -> None:
    for function in (
        lambda x: np.linalg.eigh(x)[1][0, 0],
        lambda x: np.sum(np.linalg.svd(x)[0][:, 2]),
        lambda x: np.real(np.sum(np.linalg.eig(x)[1][:, :2] ** 3)),
    ):
        with pytest.raises(np.linalg.LinAlgError, match=r"not determined.*test_linear_algebra\.py"):
            wg.grad(function)(x)
        assert np.isnan(wg.jvp(function, (x,), (np.arange(9.0).reshape(3, 3),))[1])
    with pytest.raises(np.linalg.LinAlgError, match="not determined"):
        wg.compile(wg.grad(lambda x: np.linalg.eigh(x)[1][0, 0]))(x)


def test_the_vector_of_a_value_apart_has_its_derivative() -> None:
    def function(x: Any) -> Any:
        return np.linalg.eigh((x + x.T) / 2)[1][0, 2] ** 2

    for call in (wg.grad(function), wg.compile(wg.grad(function))):
        got = np.sum(call(SAME) * (TURN + TURN.T))
        np.testing.assert_allclose(got, differences(function, SAME, TURN + TURN.T), rtol=1e-7)
    along = wg.jvp(function, (SAME,), (TURN + TURN.T,))[1]
    np.testing.assert_allclose(along, got, rtol=1e-10)


DEFICIENT = np.outer(np.arange(1.0, 5.0), [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("function", "x", "message"),
    [
        (lambda x: np.linalg.qr(x)[0][0, 0], DEFICIENT, "QR of a matrix of less than full rank"),
        (lambda x: np.linalg.qr(x)[1][0, 1], DEFICIENT, "QR of a matrix of less than full rank"),
        (lambda x: np.linalg.svd(x, full_matrices=False)[0][0, 2], DEFICIENT, "not determined"),
        (lambda x: np.linalg.eigvals(x)[0].real, np.array([[1.0, 1.0], [0.0, 1.0]]), "without a full set"),
        (wg.grad(lambda x: wg.grad(np.linalg.det)(x)[0, 0]), np.ones((3, 3)), "at a singular matrix"),
    ],
)
def test_derivatives_that_do_not_exist_are_refused(function: Any, x: Any, message: str) -> None:
    for call in (wg.grad(lambda x: np.sum(function(x))), wg.compile(wg.grad(lambda x: np.sum(function(x))))):
        with pytest.raises(np.linalg.LinAlgError, match=message):
            call(x)


def test_the_first_vectors_of_less_than_full_rank_have_their_derivative() -> None:
    def function(x: Any) -> Any:
        u, _, vh = np.linalg.svd(x, full_matrices=False)
        return u[0, 0] * vh[0, 1]

    direction = np.random.default_rng(0).normal(size=(4, 3))
    got = np.sum(wg.grad(function)(DEFICIENT) * direction)
    np.testing.assert_allclose(got, differences(function, DEFICIENT, direction), rtol=1e-6)
    np.testing.assert_allclose(wg.jvp(function, (DEFICIENT,), (direction,))[1], got, rtol=1e-9)


def test_the_pseudoinverse_of_a_rank_deficient_matrix() -> None:
    """Its derivative is that along changes that keep the rank: it jumps along others."""
    x = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])
    kept = np.outer([1.0, 0.0, 1.0], [1.0, -1.0])  # another left factor

    def value(x: Any) -> Any:
        return np.sum(np.linalg.pinv(x, rcond=1e-8) ** 2)

    np.testing.assert_allclose(np.sum(wg.grad(value)(x) * kept), differences(value, x, kept), rtol=1e-8)


def test_the_nuclear_norm_of_less_than_full_rank_has_a_subgradient() -> None:
    """G with the largest singular value 1 and ⟨G, A⟩ = |A|, so that |B| ≥ |A| + ⟨G, B − A⟩ for all B."""
    x = np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 2.0])
    found = wg.grad(lambda x: np.linalg.norm(x, "nuc"))(x)
    np.testing.assert_allclose(np.linalg.norm(found, 2), 1, rtol=1e-12)
    np.testing.assert_allclose(np.sum(found * x), np.linalg.norm(x, "nuc"), rtol=1e-12)


def test_least_squares_of_less_than_full_rank() -> None:
    x = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])
    got = wg.compile(lambda x: np.linalg.lstsq(x, np.ones(3))[0])(x)
    np.testing.assert_allclose(got, np.linalg.lstsq(x, np.ones(3))[0], atol=1e-12)
    ranks = wg.compile(lambda x: [np.linalg.matrix_rank(x), np.linalg.lstsq(x, np.ones(3))[2]])(x)
    assert [int(one) for one in ranks] == [1, 1]


@pytest.mark.parametrize("shape", [(0, 0), (3, 0, 0), (0, 2, 2)])
def test_empty_matrices(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape)
    for function in (np.linalg.inv, np.linalg.cholesky, np.linalg.det, np.linalg.eigvalsh, np.linalg.svdvals):
        got, wanted = wg.compile(function)(x), function(x)
        assert got.shape == wanted.shape
        assert wg.grad(lambda x, f=function: np.sum(f(x)))(x).shape == shape


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"solve: a matrix of shape \(4, 4\) and right-hand"):
        wg.grad(lambda x: np.sum(np.linalg.solve(x, np.ones(3))))(A[0])
    with pytest.raises(ShapeError, match="tensorsolve"):
        wg.grad(lambda x: np.sum(np.linalg.tensorsolve(x, np.ones(3))))(A[0])


@pytest.mark.parametrize(
    "function",
    [
        lambda a: np.sum(np.linalg.inv(a)),
        lambda a: np.linalg.slogdet(a)[1],
        lambda a: np.sum(np.linalg.cholesky(a)),
        lambda a: np.sum(np.linalg.solve(a, np.ones(3))),
    ],
)
def test_a_singular_matrix_is_numpys_error_with_the_users_line_also_where_the_derivative_meets_it(
    function: Any,
) -> None:
    # A compiled gradient leaves out the value, so that the first to meet the matrix is a line of the rule.
    for slope in (wg.grad(function), wg.compile(wg.grad(function))):
        with pytest.raises(np.linalg.LinAlgError, match=r"at .*test_linear_algebra.py:\d+, in <lambda>"):
            slope(np.zeros((3, 3)))


@pytest.mark.filterwarnings("ignore:divide by zero")  # NumPy's own, of its value
@pytest.mark.parametrize("order", [-0.5, -1, -2, -3.5])
def test_a_norm_of_negative_order_is_0_and_least_where_an_element_is_0(order: float) -> None:
    def function(x: Any) -> Any:
        return np.linalg.norm(x, order, axis=1)

    x = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, -2.0], [3.0, 1.0, -2.0], [0.0, np.nan, 1.0]])
    np.testing.assert_allclose(wg.trace(function, x)(x), function(x), rtol=1e-14)
    slope = wg.grad(lambda x: np.sum(function(x)))(x)
    assert not slope[:2].any()
    # ∂‖x‖ₚ/∂xᵢ = sign(xᵢ) (‖x‖ₚ/|xᵢ|)^(1−p)
    wanted = np.sign(x[2]) * (np.linalg.norm(x[2], order) / np.abs(x[2])) ** (1 - order)
    np.testing.assert_allclose(slope[2], wanted, rtol=1e-13)


def test_a_mode_that_numpy_does_not_know_is_refused() -> None:
    with pytest.raises(UnsupportedFunctionError, match="mode is full, same or valid, got 'foo'"):
        wg.grad(lambda x: np.sum(np.convolve(x, x, "foo")))(np.ones(3))
