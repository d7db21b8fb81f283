"""numpy.linalg: every function over the last two axes, batched as NumPy's are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.errors import ShapeError, UnsupportedFunctionError
from wengert.ir.composite import composite
from wengert.primitives.library import factorisations, linear_algebra as primitives
from wengert.trace.numpy_functions import contraction
from wengert.trace.numpy_functions.diagonals import diagonal, trace
from wengert.trace.numpy_functions.reductions import root, square_of_modulus
from wengert.trace.numpy_functions.shapes import matrix_transpose
from wengert.trace.numpy_functions.table import array, implements, normalise_axis, whole
from wengert.trace.tensor import here, refuse


class SlogdetResult(NamedTuple):
    """What np.linalg.slogdet returns."""

    sign: Any
    logabsdet: Any


class EigResult(NamedTuple):
    """What np.linalg.eig returns."""

    eigenvalues: Any
    eigenvectors: Any


class EighResult(NamedTuple):
    """What np.linalg.eigh returns."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """What np.linalg.svd returns."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """What np.linalg.qr returns."""

    Q: Any
    R: Any


def columned(system: Callable[..., Any], a: Any, b: Any, **params: Any) -> Any:
    """Apply a routine for columns of right-hand sides, to one vector too."""
    a, b = array(a), array(b)
    return system(a, b[:, None], **params)[..., 0] if b.ndim == 1 else system(a, b, **params)


def _square(name: str, a: Any) -> None:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{name}: takes square matrices, got shape {a.shape}{here()}")


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """np.linalg.solve."""
    return columned(primitives.solve, a, b)


@implements(np.linalg.inv)
def inv(a: Any) -> Any:
    """np.linalg.inv.

    Raises
    ------
    ShapeError
        When the matrices are not square.
    """
    _square("inv", a)
    return primitives.inverse(a)


@implements(np.linalg.det)
def det(a: Any) -> Any:
    """np.linalg.det; the derivative is right at singular matrices too."""
    return primitives.det(a)


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> SlogdetResult:
    """np.linalg.slogdet; the sign of a real determinant is a constant."""
    pair = primitives.slogdet_pair(a)
    return SlogdetResult(pair[..., 0], np.real(pair[..., 1]))


@implements(np.linalg.cholesky)
def cholesky(a: Any, upper: bool = False) -> Any:
    """np.linalg.cholesky of the lower triangle; the upper one with ``upper``.

    Notes
    -----
    NumPy reads one triangle, and the gradient is by what is read: it is 0 in the other. JAX and PyTorch
    divide it evenly among both; along symmetric changes, as where `a` is computed, both are the same.
    """
    return factorisations.cholesky(a.mT).mT if upper else factorisations.cholesky(a)


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """np.linalg.eigh; the gradient is by the triangle that ``UPLO`` names, as for `cholesky`."""
    if UPLO.upper() not in ("L", "U"):
        raise UnsupportedFunctionError(f"eigh: UPLO is 'L' or 'U', got {UPLO!r}{here()}")
    both = factorisations.eigenvectors(a, lower=UPLO.upper() == "L")
    return EighResult(np.real(both[..., 0, :]), both[..., 1:, :])


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """np.linalg.eigvalsh."""
    return eigh(a, UPLO).eigenvalues


@implements(np.linalg.eig)
def eig(a: Any) -> EigResult:
    """np.linalg.eig, whose results are complex numbers in any case.

    NumPy returns real ones of a real matrix where all eigenvalues happen to be real.
    """
    both = factorisations.general_eigenvectors(a)
    return EigResult(both[..., 0, :], both[..., 1:, :])


@implements(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """np.linalg.eigvals, complex numbers in any case."""
    return eig(a).eigenvalues


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """np.linalg.svd; with ``full_matrices`` of square matrices only."""
    m, n = a.shape[-2:]
    if not compute_uv:
        return svdvals(a)
    if full_matrices and m != n:
        refuse(
            f"np.linalg.svd: the vectors that full_matrices=True adds to matrices of shape {(m, n)} are not "
            "determined and have no derivative; full_matrices=False leaves them out"
        )
    parts = factorisations.singular_vectors(a)
    return SVDResult(parts[..., :m, :], np.real(parts[..., m, :]), parts[..., m + 1 :, :].mT)


@implements(np.linalg.svdvals)
def svdvals(x: Any) -> Any:
    """np.linalg.svdvals."""
    return np.real(factorisations.singular_vectors(x)[..., x.shape[-2], :])


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """np.linalg.qr in the modes "reduced" and "r", and "complete" where it adds nothing."""
    m, n = a.shape[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        refuse(
            f"np.linalg.qr: mode={mode!r} has no derivative for matrices of shape {(m, n)}; "
            "'reduced' and 'r' have"
        )
    parts = factorisations.orthogonal(a[..., : min(m, n)])
    q, r = parts[..., :m, :], parts[..., m:, :].mT
    if n > m:  # the columns on the right do not change Q
        r = np.concatenate([r, primitives.adjoint(q) @ a[..., m:]], axis=-1)
    return r if mode == "r" else QRResult(q, r)


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """np.linalg.pinv; of a rank-deficient matrix the derivative is along changes that keep the rank."""
    ratio = rtol if rcond is None else rcond
    return primitives.pseudoinverse(a, rcond=1e-15 if ratio is None else float(ratio))


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """np.linalg.lstsq; the residuals are those of a matrix of full rank.

    Raises
    ------
    ShapeError
        When `a` is no matrix, or `b` has another number of rows.
    """
    a, b = array(a), array(b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ShapeError(f"lstsq: a matrix of shape {a.shape} and right-hand sides of {b.shape}{here()}")
    ratio = np.finfo(np.result_type(a.dtype, np.float32)).eps * max(a.shape) if rcond is None else rcond
    x = primitives.pseudoinverse(a, rcond=float(ratio)) @ b
    squares = np.sum(square_of_modulus(b - a @ x), axis=0)
    residuals = np.reshape(squares, (-1,)) if a.shape[0] > a.shape[1] else np.zeros(0, x.dtype)
    values = svdvals(a)
    rank = np.sum(values > float(ratio) * np.max(values)) if values.size else np.zeros((), np.int64)
    return x, residuals, rank, values


@implements(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """np.linalg.matrix_rank: how many singular values are not small."""
    if A.ndim < 2:
        return np.any(A != 0).astype(np.int64)
    values = svdvals(A)
    if tol is None:
        ratio = max(A.shape[-2:]) * np.finfo(values.dtype).eps if rtol is None else rtol
        tol = np.max(values, axis=-1, keepdims=True) * ratio
    else:
        tol = np.asarray(tol)[..., None]
    return np.sum(values > tol, axis=-1)


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    """np.linalg.matrix_power, by repeated squaring.

    Raises
    ------
    ShapeError
        When the matrices are not square.
    """
    power = whole(n, "the exponent")
    _square("matrix_power", a)
    if power < 0:
        a, power = inv(a), -power
    result: Any = None
    while power:
        if power % 2:
            result = a if result is None else result @ a
        power //= 2
        a = a @ a if power else a
    return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape) if result is None else result


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """np.linalg.tensorsolve."""
    a, b = array(a), array(b)
    if axes is not None:
        moved = [normalise_axis(axis, a.ndim) for axis in axes]
        a = np.transpose(a, [*[axis for axis in range(a.ndim) if axis not in moved], *moved])
    shape = a.shape[b.ndim :]
    if math.prod(shape) != b.size:
        raise ShapeError(f"tensorsolve: shapes {a.shape} and {b.shape} are no square system{here()}")
    return np.reshape(solve(np.reshape(a, (b.size, b.size)), np.reshape(b, -1)), shape)


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: Any = 2) -> Any:
    """np.linalg.tensorinv."""
    count = whole(ind, "ind")
    rows = math.prod(a.shape[:count])
    if count < 1 or rows**2 != a.size:
        raise ShapeError(f"tensorinv: shape {a.shape} with ind={count} is no square system{here()}")
    return np.reshape(inv(np.reshape(a, (rows, rows))), a.shape[count:] + a.shape[:count])


@implements(np.linalg.norm)
@composite
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """np.linalg.norm of vectors and matrices; the derivative at 0 is 0."""
    if x.dtype.kind not in "fc":
        x = x.astype(np.float64)  # squares and sums of integers do not fit into their dtype
    given = range(x.ndim) if axis is None else axis if np.iterable(axis) else (axis,)
    axes = tuple([normalise_axis(one, x.ndim) for one in given])
    if ord is None and (axis is None or len(axes) in (1, 2)):
        return root(np.sum(square_of_modulus(x), axis=axes, keepdims=keepdims))
    if len(axes) == 2:
        return _norm_of_matrices(x, ord, axes, keepdims)
    if len(axes) != 1 or isinstance(ord, str):
        refuse(f"np.linalg.norm: ord={ord!r} is no norm over {len(axes)} axes")
    if ord == 2:
        return root(np.sum(square_of_modulus(x), axis=axes, keepdims=keepdims))
    if ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    if ord == np.inf:
        return np.max(np.abs(x), axis=axes, keepdims=keepdims)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axes, keepdims=keepdims)
    if ord == 0:
        return np.sum((x != 0).astype(np.abs(x).dtype), axis=axes, keepdims=keepdims)
    if ord > 0:
        total = np.sum(np.abs(x) ** ord, axis=axes, keepdims=keepdims)
        return np.where(total == 0, 0, total ** (1.0 / ord))
    # An element that is 0 makes the sum infinite and the norm 0, least there, so that its derivative is 0.
    zero = x == 0
    total = np.sum(np.where(zero, 1, np.abs(x)) ** ord, axis=axes, keepdims=keepdims)
    vanishes = np.any(zero, axis=axes, keepdims=keepdims) & ~np.isnan(total)
    return np.where(vanishes, 0, total ** (1.0 / ord))


def _norm_of_matrices(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    if axes[0] == axes[1]:
        raise ShapeError(f"np.linalg.norm: the axis {axes[0]} is named twice{here()}")
    matrices = np.moveaxis(x, axes, (-2, -1))
    if ord == "fro":
        result = root(np.sum(square_of_modulus(matrices), axis=(-2, -1)))
    elif ord == "nuc":
        result = np.sum(svdvals(matrices), axis=-1)
    elif ord in (2, -2):
        values = svdvals(matrices)
        result = values[..., 0] if ord == 2 else values[..., -1]
    elif ord in (1, -1, np.inf, -np.inf):
        sums = np.sum(np.abs(matrices), axis=-2 if abs(ord) == 1 else -1)
        result = np.max(sums, axis=-1) if ord > 0 else np.min(sums, axis=-1)
    else:
        refuse(f"np.linalg.norm: ord={ord!r} is no norm of matrices")
    return np.expand_dims(result, axes) if keepdims else result


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """np.linalg.vector_norm: over several axes together too."""
    axes = tuple(range(x.ndim)) if axis is None else axis if np.iterable(axis) else (axis,)
    places = tuple([normalise_axis(one, x.ndim) for one in axes])
    kept = [place for place in range(x.ndim) if place not in places]
    flat = np.reshape(np.transpose(x, [*kept, *places]), (*[x.shape[place] for place in kept], -1))
    result = norm(flat, ord, axis=-1)
    return np.expand_dims(result, places) if keepdims else result


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """np.linalg.matrix_norm."""
    return norm(x, ord, axis=(-2, -1), keepdims=keepdims)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """np.linalg.cond."""
    if p in (None, 2, -2):
        values = svdvals(x)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    return norm(x, p, axis=(-2, -1)) * norm(inv(x), p, axis=(-2, -1))


@implements(np.linalg.outer)
def outer(x1: Any, x2: Any) -> Any:
    """np.linalg.outer.

    Raises
    ------
    ShapeError
        When one is no vector.
    """
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ShapeError(f"outer: takes two vectors, got shapes {np.shape(x1)} and {np.shape(x2)}{here()}")
    return contraction.outer(x1, x2)


@implements(np.linalg.matmul)
def matmul(x1: Any, x2: Any) -> Any:
    """np.linalg.matmul."""
    return np.matmul(x1, x2)


@implements(np.linalg.tensordot)
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """np.linalg.tensordot."""
    return contraction.tensordot(x1, x2, axes)


@implements(np.linalg.matrix_transpose)
def transposed(x: Any) -> Any:
    """np.linalg.matrix_transpose."""
    return matrix_transpose(x)


@implements(np.linalg.diagonal)
def diagonal_of_matrices(x: Any, *, offset: Any = 0) -> Any:
    """np.linalg.diagonal."""
    return diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def trace_of_matrices(x: Any, *, offset: Any = 0, dtype: Any = None) -> Any:
    """np.linalg.trace."""
    return trace(x, offset, -2, -1, dtype)


@implements(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, *, axis: Any = -1) -> Any:
    """np.linalg.vecdot."""
    return np.vecdot(np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1))
