"""Factorisations of matrices over the last two axes: Cholesky, eigenvalues, singular values, QR.

A factorisation of several parts is one line, whose value holds the parts below each other over the last but
one axis; slices of it are the parts. Rules for complex matrices take the conjugate of the cotangent, for
which adjoints stand where real ones have transposes, and give the conjugate of the contribution.
"""

# mypy: disallow-untyped-defs=False

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.emitted_functions import emitted
from wengert.ir.primitive import Primitive
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.arithmetic import quotient
from wengert.primitives.batching import over_batches
from wengert.primitives.kinds import cubic, library
from wengert.primitives.library.linear_algebra import (
    adjoint,
    regular,
    solve,
    solve_triangular,
    square,
    triangle,
    triangular,
)

# Of matrices and vectors, both with the axis of the batch, the last axes are what they were.
_ALIKE = over_batches(lambda primitive, size, x, values, **params: primitive(x, values, **params))


def _by_triangle(x: Any, lower: bool) -> Any:
    """Return the derivative by the triangle which alone is read, from that by both triangles."""
    ones = np.ones(x.shape[-2:], x.dtype)
    counted = (np.tril(ones) if lower else np.triu(ones)) - np.eye(x.shape[-1], dtype=x.dtype) / 2
    return (x + adjoint(x)) * counted


def _diagonal_matrix(x: Any) -> Any:
    return np.where(np.eye(x.shape[-1], dtype=bool), x[..., None, :], np.zeros((), x.dtype))


@emitted
def over_gaps(x, values, refuse):
    """x[i, j] / (values[j] − values[i]), and 0 on the diagonal; of equal values it is refused, or NaN."""
    gaps = values[..., None, :] - values[..., :, None]
    count = values.shape[-1]
    diagonal = np.eye(count, dtype=bool)
    rounding = 10 * count * np.finfo(values.dtype).eps * np.max(np.abs(values), axis=-1, initial=0)
    equal = (np.abs(gaps) <= rounding[..., None, None]) & ~diagonal
    used = np.any(x != 0, axis=-2)
    undetermined = equal & (used[..., None, :] | used[..., :, None])
    if refuse and np.any(undetermined):
        raise np.linalg.LinAlgError(
            "the vectors of a value that is there twice are not determined, and have no derivative: "
            "let the function depend on the values alone, or give it a matrix whose values differ"
        )
    quotients = np.where(diagonal | equal, 0, x / np.where(diagonal | equal, 1, gaps))
    return np.where(undetermined, np.array(np.nan, x.dtype), quotients)


def _of_vectors(x: TensorType, values: TensorType, refuse: bool) -> TensorType:
    if square("over_gaps", x).shape[:-1] != values.shape:
        raise ShapeError(f"over_gaps: a matrix of shape {x.shape} and values of shape {values.shape}")
    return x


def _over_gaps_vjp(ct: Any, out: Any, x: Any, values: Any, refuse: bool) -> tuple[Any, ...]:
    """Forward mode, the transpose, computes the change of all vectors: NaN of those not determined."""
    moved = turned_by(ct * out, values, refuse=refuse)
    return turned_by(ct, values, refuse=not refuse), np.sum(moved, axis=-1) - np.sum(moved, axis=-2)


turned_by = library(
    "over_gaps",
    formula="x / gaps(y)",
    numpy=over_gaps,
    infer=_of_vectors,
    vjp=_over_gaps_vjp,
    operands=2,
    flops=lambda out, types, params: 5 * out.size,
    complex=True,
    batch=_ALIKE,
    source="Giles 2008, 3.1: how vectors turn; values that differ by LAPACK's rounding are equal",
    ties="values that are equal: 0 where nothing depends on their vectors, else it is refused",
)


@emitted
def over_values(x, values, refuse):
    """x[i, j] / values[j]; of the vectors of a value 0 it is refused, or NaN."""
    rounding = (
        10 * max(x.shape[-2:]) * np.finfo(values.dtype).eps * np.max(np.abs(values), axis=-1, initial=0)
    )
    none = (np.abs(values) <= rounding[..., None])[..., None, :]
    undetermined = none & (x != 0)
    if refuse and np.any(undetermined):
        raise np.linalg.LinAlgError(
            "the vectors of a singular value 0 are not determined, and have no derivative: "
            "let the function depend on the values alone, or give it a matrix of full rank"
        )
    quotients = np.where(none, 0, x / np.where(none, 1, values[..., None, :]))
    return np.where(undetermined, np.array(np.nan, x.dtype), quotients)


def _of_columns(x: TensorType, values: TensorType, refuse: bool) -> TensorType:
    if x.ndim < 2 or (*x.shape[:-2], x.shape[-1]) != values.shape:
        raise ShapeError(f"over_values: a matrix of shape {x.shape} and values of shape {values.shape}")
    return x


def _over_values_vjp(ct: Any, out: Any, x: Any, values: Any, refuse: bool) -> tuple[Any, ...]:
    moved = scaled_by(ct * out, values, refuse=refuse)
    return scaled_by(ct, values, refuse=not refuse), -np.sum(moved, axis=-2)


scaled_by = library(
    "over_values",
    numpy=over_values,
    infer=_of_columns,
    vjp=_over_values_vjp,
    operands=2,
    flops=lambda out, types, params: 5 * out.size,
    complex=True,
    batch=_ALIKE,
    source="Townsend 2016, (31): the part beside the span; values are 0 where LAPACK's rounding is larger",
    ties="a value of 0: 0 where nothing depends on its vector, else it is refused",
)


@emitted
def cholesky_cotangent(l, ct):
    """Cotangent of the lower triangle of a matrix, from that of its Cholesky factor l, block by block."""
    n, size = l.shape[-1], 64
    l, result = np.tril(l), np.tril(np.conj(ct))
    for place in np.ndindex(l.shape[:-2]):
        factor, change = l[place], result[place]
        for end in range(n, 0, -size):
            rows, before, after = slice(max(end - size, 0), end), slice(max(end - size, 0)), slice(end, n)
            upper = factor[rows, rows].conj().T
            below = solve_triangular(upper, change[after, rows].conj().T, lower=False)
            change[after, rows] = below.conj().T
            change[after, before] -= change[after, rows] @ factor[rows, before]
            mine = np.tril(upper @ (change[rows, rows] - np.tril(below @ factor[after, rows])))
            mine[np.diag_indices_from(mine)] /= 2
            half = solve_triangular(upper, mine, lower=False)
            both = solve_triangular(upper, half.conj().T, lower=False)
            both = both + both.conj().T
            change[rows, before] -= below @ factor[after, before] + both @ factor[rows, before]
            change[rows, rows] = np.tril(both)
            change[rows, rows][np.diag_indices_from(both)] /= 2
    return np.conj(result)


def _cholesky_cotangent_vjp(ct: Any, out: Any, l: Any, c: Any) -> tuple[Any, ...]:
    """From conj out = Φ(S + Sᴴ), S = l⁻ᴴ Φ(lᴴ conj c) l⁻¹; Φ keeps a lower triangle, halves its diagonal."""
    l = triangle(l, lower=True)
    kept = triangle(np.ones(l.shape[-2:], l.dtype), lower=True) - np.eye(l.shape[-1], dtype=l.dtype) / 2
    weighed = ct * kept
    half = triangular(l, weighed + adjoint(weighed), lower=True)
    inner = kept * adjoint(triangular(l, adjoint(half), lower=True))
    whole = np.conjugate(out)
    by_l = np.conjugate(c) @ adjoint(inner) - (whole + adjoint(whole)) @ adjoint(half)
    return np.conjugate(triangle(by_l, lower=True)), l @ inner


def _factor_and_change(l: TensorType, c: TensorType) -> TensorType:
    if square("cholesky_cotangent", l).shape != c.shape:
        raise ShapeError(f"cholesky_cotangent: shapes {l.shape} and {c.shape} differ")
    return c


by_factor: Primitive = library(
    "cholesky_cotangent",
    numpy=cholesky_cotangent,
    infer=_factor_and_change,
    vjp=_cholesky_cotangent_vjp,
    operands=2,
    complex=True,
    source="Murray 2016, section 4.2; the lower triangle, which alone is read, counts for both",
)

cholesky = library(
    "cholesky",
    formula="L @ L.T",
    numpy=np.linalg.cholesky,
    infer=lambda a: square("cholesky", a),
    vjp=lambda ct, out, a: (by_factor(out, ct),),
    complex=True,
    source="Murray 2016, (10); the lower triangle, which alone is read, counts for both",
)


@emitted
def eigh(a, lower):
    """Eigenvalues of symmetric matrices, of which one triangle is read, and below them the eigenvectors."""
    values, vectors = np.linalg.eigh(a, "L" if lower else "U")
    return np.concatenate([values[..., None, :], vectors], axis=-2)


def _eigh_type(a: TensorType, lower: bool) -> TensorType:
    n = square("eigh", a).shape[-1]
    return tensor_type((*a.shape[:-2], n + 1, n), a.dtype)


def _eigh_vjp(ct: Any, out: Any, a: Any, lower: bool) -> tuple[Any, ...]:
    values, vectors = np.real(out[..., 0, :]), out[..., 1:, :]
    turned = turned_by(adjoint(vectors) @ np.conjugate(ct[..., 1:, :]), values, refuse=True)
    middle = _diagonal_matrix(np.real(ct[..., 0, :])) + turned
    return (np.conjugate(_by_triangle(vectors @ middle @ adjoint(vectors), lower)),)


eigenvectors = library(
    "eigh",
    formula="Q @ diag(λ) @ Q.T",
    numpy=eigh,
    infer=_eigh_type,
    flops=cubic(9),
    vjp=_eigh_vjp,
    complex=True,
    source="Giles 2008, 3.1; the triangle that alone is read counts for both",
    ties="vectors of a repeated eigenvalue have no derivative: refused where something depends on them",
)


@emitted
def svd(a):
    """Left singular vectors as columns, below them the singular values and the right singular vectors."""
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vh, -1, -2)], axis=-2)


def _svd_type(a: TensorType) -> TensorType:
    if a.ndim < 2:
        raise ShapeError(f"svd: takes matrices over the last two axes, got shape {a.shape}")
    rows, columns = a.shape[-2:]
    return tensor_type((*a.shape[:-2], rows + 1 + columns, min(rows, columns)), a.dtype)


def _svd_vjp(ct: Any, out: Any, a: Any) -> tuple[Any, ...]:
    m, n = a.shape[-2:]
    # What stands below is the transpose of the right vectors' matrix, the conjugate of the vectors.
    u, s, v = out[..., :m, :], np.real(out[..., m, :]), np.conjugate(out[..., m + 1 :, :])
    by_u, by_s, by_v = np.conjugate(ct[..., :m, :]), np.real(ct[..., m, :]), ct[..., m + 1 :, :]
    scale = s[..., None, :]
    sums = scale + scale.mT
    of_u, of_v = adjoint(u) @ by_u, adjoint(v) @ by_v
    in_u, in_v = (
        quotient(turned_by(of_u, s, refuse=True), sums),
        quotient(turned_by(of_v, s, refuse=True), sums),
    )
    middle = _diagonal_matrix(by_s) + (in_u + adjoint(in_u)) * scale + scale.mT * (in_v + adjoint(in_v))
    if a.dtype.kind == "c":  # the phases that u and v share
        turn = np.imag(np.diagonal(of_u, axis1=-2, axis2=-1))
        middle = middle + 1j * scaled_by(_diagonal_matrix(turn), s, refuse=True)
    total = u @ middle @ adjoint(v)
    if m > n:
        total = total + scaled_by(by_u - u @ of_u, s, refuse=True) @ adjoint(v)
    if n > m:
        total = total + u @ adjoint(scaled_by(by_v - v @ of_v, s, refuse=True))
    return (np.conjugate(total),)


singular_vectors = library(
    "svd",
    formula="U @ diag(s) @ V.T",
    numpy=svd,
    infer=_svd_type,
    flops=cubic(20),
    vjp=_svd_vjp,
    complex=True,
    source="Townsend 2016, (31)",
    ties="vectors of a repeated singular value, or of 0, have no derivative: it is refused where something "
    "depends on them",
)


@emitted
def qr(a):
    """Q of matrices with no more columns than rows, and below it R transposed."""
    q, r = np.linalg.qr(a)
    return np.concatenate([q, np.swapaxes(r, -1, -2)], axis=-2)


def _qr_type(a: TensorType) -> TensorType:
    if a.ndim < 2 or a.shape[-1] > a.shape[-2]:
        raise ShapeError(f"qr: takes matrices with no more columns than rows, got shape {a.shape}")
    return tensor_type((*a.shape[:-2], a.shape[-2] + a.shape[-1], a.shape[-1]), a.dtype)


def _qr_vjp(ct: Any, out: Any, a: Any) -> tuple[Any, ...]:
    m = a.shape[-2]
    q, r = out[..., :m, :], regular(out[..., m:, :].mT, of="QR of a matrix of less than full rank")
    by_q, by_r = np.conjugate(ct[..., :m, :]), triangle(np.conjugate(ct[..., m:, :]).mT, lower=False)
    mixed = triangle(r @ adjoint(by_r) - adjoint(by_q) @ q, lower=True)
    copied = mixed + adjoint(triangle(mixed, lower=True, k=-1))
    if a.dtype.kind == "c":  # the diagonal of R stays real
        copied = np.where(np.eye(a.shape[-1], dtype=bool), np.real(copied), copied)
    return (np.conjugate(adjoint(triangular(r, adjoint(by_q + q @ copied), lower=False))),)


orthogonal = library(
    "qr",
    formula="Q @ R",
    numpy=qr,
    infer=_qr_type,
    flops=cubic(4),
    vjp=_qr_vjp,
    complex=True,
    source="Walter & Lehmann 2010; Roberts & Roberts 2020, (3.3)",
    ties="a matrix of less than full rank has no derivative, and is refused",
)


@emitted
def eig(a):
    """Eigenvalues of matrices, and below them the eigenvectors as columns, complex in any case."""
    values, vectors = np.linalg.eig(a)
    joined = np.concatenate([values[..., None, :], vectors], axis=-2)
    return joined.astype(np.result_type(a.dtype, np.complex64))


def _eig_type(a: TensorType) -> TensorType:
    n = square("eig", a).shape[-1]
    return tensor_type((*a.shape[:-2], n + 1, n), np.result_type(a.dtype, np.complex64))


def _eig_vjp(ct: Any, out: Any, a: Any) -> tuple[Any, ...]:
    values, vectors = out[..., 0, :], out[..., 1:, :]
    back, moves = np.conjugate(ct[..., 0, :]), np.conjugate(ct[..., 1:, :])
    dual = regular(adjoint(vectors), of="eig of a matrix without a full set of eigenvectors")
    moved = dual @ moves
    # The vectors keep their length.
    along = np.real(np.diagonal(moved, axis1=-2, axis2=-1))
    lengths = (dual @ vectors) * along[..., None, :]
    turned = turned_by(moved, np.conjugate(values), refuse=True)
    turned = turned - turned_by(lengths, np.conjugate(values), refuse=True)
    middle = _diagonal_matrix(back) + turned
    return (np.conjugate(solve(dual, middle @ dual)),)


general_eigenvectors = library(
    "eig",
    numpy=eig,
    infer=_eig_type,
    flops=cubic(25),
    vjp=_eig_vjp,
    complex=True,
    source="Giles 2008, 3.1; Boeddeker et al. 2017, (4.77), for vectors of length 1",
    ties="vectors of a repeated eigenvalue have no derivative: refused where something depends on them; "
    "the phase of a vector is a convention, and what depends on it has none either",
)
