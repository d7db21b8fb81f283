"""Sparse Jacobians: columns without a row in common are found by one product (Curtis, Powell & Reid 1974)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.autodiff.application import Call
from wengert.errors import GradientError, ShapeError, TraceError
from wengert.extras import optional_library
from wengert.ir.program import Program
from wengert.ir.types import TensorType
from wengert.trace.recorder import current_trace, here
from wengert.transform.batching import batch
from wengert.transform.forward import pushforward
from wengert.transform.gradient import pullback
from wengert.transform.simplify import simplify
from wengert.transform.sparsity import sparsity as pattern_of

Array = np.ndarray[Any, Any]

_ELEMENTS = 2**23  # of the largest array of a batch of products: 64 MB in float64


def sparse_jacobian(call: Call, given: Any) -> Any:
    """Return the Jacobian of one array by one array as a matrix of SciPy.

    Parameters
    ----------
    call : Call
    given : True or sparse matrix or array of bool
        The pattern, of shape (elements of the output, elements of the argument); True to find it.

    Returns
    -------
    scipy.sparse.csr_array, shape (elements of the output, elements of the argument)

    Raises
    ------
    GradientError
        When there are several outputs or arguments, or a given pattern lacks entries.
    ShapeError
        When a given pattern has another shape.
    TraceError
        Within a traced function, whose values are dense arrays.
    UnsupportedFunctionError
        When the pattern that is found is no sparse one; names the line.
    """
    scipy = optional_library("scipy.sparse", "sparse Jacobians are matrices of SciPy", "scipy")
    if current_trace() is not None:
        raise TraceError(f"a sparse Jacobian is a matrix of SciPy, which a program cannot hold{here()}")
    if len(call.program.outputs) != 1 or len(call.wrt) != 1:
        raise GradientError(
            f"a sparse Jacobian is of one array by one array, not of {len(call.program.outputs)} by "
            f"{len(call.wrt)}: join them with np.concatenate"
        )
    out, into = call.program.outputs[0].type, call.program.inputs[call.wrt[0]].type
    if out.is_complex or into.is_complex:
        raise GradientError("a sparse Jacobian is of real numbers: take np.real and np.imag")
    shape = (out.size, into.size)
    found = given is True
    pattern = call.derived("sparsity", lambda: pattern_of(call.program, call.wrt)) if found else given
    pattern = scipy.csr_array(pattern, dtype=np.bool_)
    if pattern.shape != shape:
        raise ShapeError(f"sparsity has shape {pattern.shape}; the Jacobian is of shape {shape}")
    pattern.eliminate_zeros()
    pattern.sort_indices()
    forwards = _most(pattern) <= _most(pattern.T.tocsr())
    matrix = _compressed(call, pattern if forwards else pattern.T.tocsr(), forwards, out, into)
    if not found:
        _check_pattern(call, matrix if forwards else matrix.T)
    return matrix if forwards else matrix.T.tocsr()


def _most(pattern: Any) -> int:
    """Return how many entries the fullest row has: as many products are needed."""
    return int(np.diff(pattern.indptr).max(initial=0))


def colours(pattern: Any) -> Array:
    """Return a number for each column, different for columns that have a row in common.

    Parameters
    ----------
    pattern : csr_array of bool

    Notes
    -----
    The number of the column modulo a small number, as for bands and stencils, where that will do; else the
    smallest that is free, the columns with most entries first (Gebremedhin, Manne & Pothen 2005).
    """
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    least = max(_most(pattern), 1)
    for count in range(least, 2 * least + 1):
        taken = np.sort(rows * count + pattern.indices % count)
        if not (taken[1:] == taken[:-1]).any():
            return np.arange(pattern.shape[1]) % count
    by_column = pattern.tocsc()
    order = np.argsort(-np.diff(by_column.indptr), kind="stable")
    found = np.full(pattern.shape[1], -1)
    for column in order:
        own = by_column.indices[by_column.indptr[column] : by_column.indptr[column + 1]]
        parts = [pattern.indices[pattern.indptr[row] : pattern.indptr[row + 1]] for row in own]
        taken = np.unique(found[np.concatenate(parts)]) if parts else own
        free = np.setdiff1d(np.arange(len(taken) + 1), taken)
        found[column] = free[0]
    return found


def _compressed(call: Call, pattern: Any, forwards: bool, out: TensorType, into: TensorType) -> Any:
    """Return the matrix of this pattern, the Jacobian or its transpose, from one product for each colour."""
    import scipy.sparse

    groups = colours(pattern)
    seeded, result = (into, out) if forwards else (out, into)
    program = _products(call, forwards)
    products = _run(call, program, forwards, groups, seeded)
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    values = products.reshape(len(products), -1)[groups[pattern.indices], rows] if len(rows) else np.empty(0)
    return scipy.sparse.csr_array(
        (values.astype(result.dtype), pattern.indices, pattern.indptr), pattern.shape
    )


def _products(call: Call, forwards: bool) -> Program:
    """Return the program of a product with the Jacobian, or with its transpose."""

    def make() -> Program:
        if not forwards:
            return simplify(pullback(call.program, call.wrt))
        pushed = pushforward(call.program, call.wrt)
        return simplify(Program(pushed.inputs, pushed.outputs[1:], pushed.provenance))

    return call.derived("tangents" if forwards else "pullback", make)


def _run(call: Call, program: Program, forwards: bool, groups: Array, seeded: TensorType) -> Array:
    """Return the products with the sums of unit vectors of each colour."""
    count = int(groups.max(initial=-1)) + 1
    seeds = (groups == np.arange(count)[:, None]).astype(seeded.dtype).reshape((count, *seeded.shape))
    largest = max([node.type.size for node in program.nodes], default=1)
    size = max(1, min(count, _ELEMENTS // max(largest, 1)))
    last = len(program.inputs) - 1
    key = "products", forwards, size
    batched = call.derived(key, lambda: simplify(batch(program, [last], size)))
    parts = []
    for start in range(0, count, size):
        some = seeds[start : start + size]
        padded = np.concatenate([some, np.zeros((size - len(some), *seeded.shape), seeded.dtype)])
        parts.append(call.run(batched, [padded])[0][: len(some)])
    return np.concatenate(parts) if parts else np.empty((0, 0), seeded.dtype)


def _check_pattern(call: Call, matrix: Any) -> None:
    """Refuse a given pattern that lacks entries, by one product with a random vector.

    Raises
    ------
    GradientError
    """
    direction = np.random.default_rng(0).normal(size=matrix.shape[1])
    into = call.program.inputs[call.wrt[0]].type
    along = [direction.reshape(into.shape).astype(into.dtype)]
    wanted = np.ravel(call.run(_products(call, True), along)[0])
    found = matrix @ direction
    scale = abs(matrix) @ abs(direction) + abs(wanted)
    wrong = np.flatnonzero(abs(found - wanted) > 1e3 * float(np.finfo(np.dtype(into.dtype.name)).eps) * scale)
    if len(wrong):
        raise GradientError(
            f"sparsity lacks entries: row {wrong[0]} of the Jacobian has others than "
            f"{_columns(matrix, int(wrong[0]))}; give all that may differ from zero, or sparsity=True to "
            "have them found"
        )


def _columns(matrix: Any, row: int) -> Sequence[int]:
    found: list[int] = matrix.tocsr()[[row], :].indices.tolist()
    return found
