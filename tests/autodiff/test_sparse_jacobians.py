"""Sparse Jacobians and Hessians: patterns found from programs, and few products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize._numdiff import approx_derivative

import wengert as wg
from wengert.autodiff.sparse_jacobians import colours
from wengert.errors import GradientError, ShapeError, TraceError, UnsupportedFunctionError
from wengert.transform.simplify import simplify
from wengert.transform.sparsity import sparsity


def diffusion(u: Any) -> Any:
    """∂(k(u) ∂u) − sin(u) ∂u by finite differences, with walls."""
    padded = np.concatenate([u[:1], u, u[-1:]])
    flux = (1 + 0.5 * (padded[1:] + padded[:-1]) ** 2) * (padded[1:] - padded[:-1])
    return flux[1:] - flux[:-1] - np.sin(u) * (padded[2:] - padded[:-2])


PLACES = np.array([2, 0, 0, 3])
FUNCTIONS = {
    "stencil": diffusion,
    "plane": lambda u: np.roll(u.reshape(3, 4), 1, axis=0) ** 2 + u.reshape(3, 4)[:, ::-1],
    "gather": lambda u: u[PLACES] * np.exp(u[PLACES[::-1]]),
    "scatter": lambda u: np.concatenate([u[:6][[1, 1, 4]] ** 2, np.zeros(3)]) * 2,
    "sums": lambda u: np.sum(u.reshape(3, 4) ** 2, axis=1),
    "running": lambda u: np.cumsum(u.reshape(4, 3) ** 2, axis=1),
    "blocks": lambda u: np.einsum("bij,bj->bi", u[:8].reshape(2, 2, 2), u[8:12].reshape(2, 2)),
    "product": lambda u: u.reshape(3, 4) @ np.arange(8.0).reshape(4, 2),
    "dense": lambda u: np.linalg.inv(np.outer(u, u) + np.eye(12))[0],
    "constant": lambda u: np.where(np.arange(12) > 5, u, 1.0) * np.sign(u),
    "tall": lambda u: np.concatenate([u**2, u * u[0]]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_the_dense_one_and_the_pattern_covers_it(name: str, rng: np.random.Generator) -> None:
    function, u = FUNCTIONS[name], rng.normal(size=12)
    wanted = np.asarray(wg.jacobian(function)(u)).reshape(-1, 12)
    got = wg.jacobian(function, sparsity=True)(u)
    assert sp.issparse(got)
    np.testing.assert_allclose(got.toarray(), wanted, rtol=1e-12, atol=1e-13)
    pattern = sparsity(simplify(wg.trace(function, u)), [0]).toarray()
    assert not wanted[~pattern].any()
    if name not in ("dense", "constant"):
        assert pattern.sum() <= 1.5 * np.count_nonzero(wanted)


def test_the_hessian_of_a_chain() -> None:
    def rosenbrock(x: Any) -> Any:
        return np.sum((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2)

    x = np.linspace(-1, 1, 20)
    got = wg.hessian(rosenbrock, sparsity=True)(x)
    assert got.nnz == 3 * 20 - 2
    np.testing.assert_allclose(got.toarray(), wg.hessian(rosenbrock)(x), rtol=1e-12)


def test_a_long_stencil_takes_three_products() -> None:
    u = np.random.default_rng(0).normal(size=2000)
    got = wg.jacobian(diffusion, sparsity=True)(u)
    assert colours(got.astype(bool)).max() == 2
    bands = sp.diags_array([np.ones(1999), np.ones(2000), np.ones(1999)], offsets=[-1, 0, 1])
    wanted = approx_derivative(diffusion, u, method="cs", sparsity=bands)
    assert abs(got - wanted).max() < 1e-10
    again = wg.jacobian(diffusion, sparsity=bands)(u)
    assert abs(got - again).max() == 0


@pytest.mark.parametrize("shape", [(30, 30), (20, 50), (40, 10)])
def test_columns_of_a_colour_have_no_row_in_common(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    pattern = sp.csr_array(rng.random(shape) < 0.08)
    found = colours(pattern)
    for row in pattern.toarray():
        own = found[np.flatnonzero(row)]
        assert len(set(own)) == len(own)
    assert found.max() < pattern.shape[1]


def test_rows_are_gone_through_where_they_are_fewer() -> None:
    def few(u: Any) -> Any:  # one full row: a product with the transpose for it
        return np.stack([np.sum(u**2), u[0]])

    u = np.arange(50.0)
    np.testing.assert_array_equal(wg.jacobian(few, sparsity=True)(u).toarray(), wg.jacobian(few)(u))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda u: wg.jacobian(diffusion, sparsity=np.eye(5, dtype=bool))(u),
            GradientError,
            r"sparsity lacks entries: row \d of the Jacobian has others than \[\d\]",
        ),
        (
            lambda u: wg.jacobian(diffusion, sparsity=np.eye(4, dtype=bool))(u),
            ShapeError,
            r"sparsity has shape \(4, 4\); the Jacobian is of shape \(5, 5\)",
        ),
        (
            lambda u: wg.jacobian(lambda x, y: x * y, (0, 1), sparsity=True)(u, u),
            GradientError,
            r"of one array by one array, not of 1 by 2: join them with np\.concatenate",
        ),
        (
            lambda u: wg.trace(wg.jacobian(diffusion, sparsity=True), u),
            TraceError,
            r"a matrix of SciPy, which a program cannot hold",
        ),
        (
            lambda u: wg.jacobian(lambda x: x * 1j, sparsity=True)(u),
            GradientError,
            r"of real numbers",
        ),
        (
            lambda u: wg.jacobian(np.sort, sparsity=True)(np.arange(9000.0)),
            UnsupportedFunctionError,
            r"the elements of .*f64\[9000\].* too many of the arguments",
        ),
    ],
)
def test_what_cannot_be_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(np.linspace(0.1, 1, 5))
