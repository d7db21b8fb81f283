"""Views and copies in traced functions: where NumPy's choice is known it is followed, elsewhere refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from wengert.autodiff.gradients import grad, value_and_grad
from wengert.autodiff.vmap import vmap
from wengert.errors import TraceError
from wengert.run.compile import compile as compiled
from wengert.trace.tracing import trace

X = np.arange(1.0, 7.0)

_KNOWN = (
    "b = x.reshape(2, 3) * 1; t = b.T.reshape(-1); v = t[1:]; v[0] = 0; return b.sum() + t.sum()",
    "b = x.reshape(2, 3) * 1; t = b[:, :2].ravel(); t[1:] -= 5; return b.sum() + (t**2).sum()",
    "b = x.reshape(2, 3) * 1; t = b.T.reshape(-1); v = t[1:]; u = t[2:]; b[0] = 2; t[2] = x[1]; return u @ u",
    "b = x * 1; t = b[::-1].ravel(); t[0] = 50; return b.sum()",
    "b = x * 1; t = np.ascontiguousarray(b[::2]); t[0] = 50; return b.sum()",
    "b = x * 1; t = np.ascontiguousarray(b); t[0] = 50; return b.sum()",
    "b = x.reshape(2, 3) * 1; t = np.asfortranarray(b); t[0] = 50; return b.sum()",
    "b = x.reshape(2, 3) * 1; t = np.asfortranarray(b.T); t[0] = 50; return b.sum()",
    "b = x.reshape(2, 3).T.copy(); b.ravel()[0] = 50; return b.sum()",
    "b = x.reshape(2, 3)[[1, 0]]; b.reshape(-1)[0] = 9; return b.sum()",
    "b = x.reshape(2, 3) * 1; np.einsum('ii->i', b[:, :2])[:] = 0; return b.sum()",
    "b = x.reshape(2, 3) * 1; np.einsum('ij->ji', b)[0] = 0; return b.sum()",
    "b = x[:4] * 1; t = np.diag(b.reshape(2, 2)); b[0] = 9; return t.sum()",
    "b = x * 1; t, u = np.broadcast_arrays(b, np.zeros((2, 1))); b[0] = 9; return t.sum()",
    "b = np.zeros(3); t, u = np.atleast_2d(b, x); b[0] = 9; return t.sum()",
    "b = x.reshape(2, 3) * 1; b.flat = 0.5; b.T.flat[1] = x[0]; b.put([2], x[:1]); return (b * b).sum()",
    "b = np.zeros(3); v = b.view(); b[0] = x[1]; return (v**2).sum()",
)
_UNKNOWN = (
    "b = x.reshape(2, 3).T + 0.0; b.ravel()[0] = 50; return b.sum()",
    "b = np.array(x.reshape(2, 3).T); t = b.ravel(); b[0] = 50; return t.sum()",
    "b = np.zeros_like(x.reshape(2, 3).T); b.ravel()[0] = x[0]; return b.sum()",
    "b = np.zeros((2, 3), order='F'); b[0] = x[0]; c = b * 2; c.ravel()[0] = 5; return c.sum()",
    "b = x.reshape(2, 3)[:, [2, 0]]; b.reshape(-1)[0] = 9; return b.sum()",
    "a = np.where(np.zeros_like(x.reshape(3, 2).T) > 0, 0, 1.0); b = a.reshape(2, -1) * x[0]; "
    "c = b.reshape(3, 2); b[0] = 5; return c.sum()",
)


def function_of(source: str) -> Any:
    names: dict[str, Any] = {"np": np}
    exec("def function(x):\n    " + source.replace("; ", "\n    "), names)
    return names["function"]


@pytest.mark.parametrize("source", _KNOWN)
def test_views_and_copies_are_numpys(source: str) -> None:
    function = function_of(source)
    assert trace(function, X)(X) == function(X.copy())


@pytest.mark.parametrize("source", _UNKNOWN)
def test_what_cannot_be_known_is_refused(source: str) -> None:
    with pytest.raises(TraceError, match=r"order in memory is not known.*\.copy\(\)"):
        trace(function_of(source), X)


def test_an_argument_in_fortran_order_is_another_program() -> None:
    function = function_of("b = x * 1; b.ravel()[0] = 9; return b.sum()")
    both = grad(function), compiled(function)
    rows = X.reshape(2, 3)
    assert both[0](rows)[0, 0] == 0
    assert both[1](rows) == function(rows.copy())
    for one in both:
        with pytest.raises(TraceError, match="order in memory"):
            one(np.asfortranarray(rows))


def test_libraries_in_c_see_numpy_untouched() -> None:
    generator, old = np.random.default_rng(0), np.random.RandomState(0)
    points = np.random.default_rng(1).normal(size=(10, 3))

    def draws(x: Any) -> Any:
        new = np.random.default_rng(0).multivariate_normal(np.zeros(3), np.eye(3))
        total = generator.normal(size=3) + old.randn(3) + generator.choice(3, 3) + new
        return np.sum(x * total)

    def tree(x: Any) -> Any:
        spatial = pytest.importorskip("scipy.spatial")
        kept = np.zeros((10, 3))
        kept[:, 0] = np.arange(10.0)
        near = spatial.cKDTree(kept).query(kept[1])[0] + spatial.cKDTree(points).query(points[0])[0]
        # Attributes that Cython computes when they are asked for, with np.empty.
        triangles = spatial.Delaunay(points[:, :2])
        found = triangles.vertex_to_simplex.sum() + triangles.convex_hull.sum()
        return np.sum(x * (found + near + spatial.ConvexHull(points).volume))

    assert grad(draws)(np.ones(3)).shape == (3,)
    assert np.isfinite(grad(tree)(np.ones(3))).all()


def test_arrays_kept_after_the_trace_are_constants() -> None:
    kept: dict[str, Any] = {}

    def function(x: Any) -> Any:
        if not kept:
            kept["grid"] = np.linspace(0, 1, 3)
            kept["grid"][0] = 7.0
        return np.sum(kept["grid"] * x)

    assert grad(function)(np.ones(3)).tolist() == [7.0, 0.5, 1.0]
    grid = kept["grid"]
    assert [grid[0], grid.sum(), *grid[1:], float(grid[-1])] == [7.0, 8.5, 0.5, 1.0, 1.0]
    assert [type(one) for one in grid] == [np.float64] * 3
    assert repr(grid) == "array([7. , 0.5, 1. ])"
    assert pickle.loads(pickle.dumps(grid)).tolist() == [7.0, 0.5, 1.0]
    with pytest.raises(TraceError, match=r"made and kept is a constant after it: np.array"):
        grid[0] = 5.0
    assert grad(function)(np.ones(3)).tolist() == [7.0, 0.5, 1.0]


@pytest.mark.parametrize(
    "source",
    [
        "b = x * 1; np.copyto(b, 2 * x); return b @ b",
        "b = x * 1; np.copyto(b, x[::-1], where=b > 2); return b @ b",
        "b = x * 1; np.putmask(b, b > 2, x[0]); return b @ b",
        "b = x * 1; np.put(b, [0, 1], x[3:5]); return b @ b",
        "b = x * 1; np.place(b, np.arange(6) > 2, x[3:5]); return b @ b",
        "b = x * 1; np.put_along_axis(b, np.array([0]), x[1], axis=0); return b @ b",
        "b = x.reshape(2, 3) * 1; np.fill_diagonal(b, x[5]); return np.sum(b * b)",
    ],
)
def test_writing_functions_need_no_values(source: str) -> None:
    function = function_of(source)
    rows = np.stack([X, X[::-1]])
    assert vmap(function)(rows).tolist() == [function(row.copy()) for row in rows]


def jittered(matrix: Any) -> Any:
    """The Cholesky factor of a matrix to which more and more is added."""
    for added in (0.0, 2.0):
        try:
            return np.sum(np.linalg.cholesky(matrix + added * np.eye(2)))
        except np.linalg.LinAlgError:
            continue
    return np.sum(matrix)


def test_errors_of_linear_algebra_reach_the_functions_except() -> None:
    matrices = [np.eye(2), np.array([[1.0, 2.0], [2.0, 1.0]]), -9 * np.eye(2), np.eye(2)]
    function = compiled(jittered)
    gradient = value_and_grad(jittered)
    for matrix in matrices:
        assert function(matrix) == pytest.approx(jittered(matrix), rel=1e-14)
        assert gradient(matrix)[0] == pytest.approx(jittered(matrix), rel=1e-14)
    assert gradient(matrices[2])[1].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    with pytest.raises(np.linalg.LinAlgError, match=r"Singular matrix \(.*test_memory_order"):
        compiled(lambda matrix: np.sum(np.linalg.inv(matrix)))(np.zeros((2, 2)))


def test_shapes_do_not_change_in_place() -> None:
    with pytest.raises(TraceError, match=r"b = b\.reshape"):
        trace(function_of("b = x * 1; b.shape = (2, 3); return b"), X)


def test_an_array_of_many_axes_is_refused_before_all_their_orders_are_tried() -> None:
    def function(x: Any) -> Any:
        flat = (np.transpose(x, range(9)[::-1]) * 2.0).reshape(-1)
        flat[0] = 3.0
        return flat.sum()

    with pytest.raises(TraceError, match=r"order in memory is not known.*\.copy\(\)"):
        grad(function)(np.ones((2,) * 9))
