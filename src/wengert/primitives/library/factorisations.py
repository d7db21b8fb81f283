"""Factorisations of matrices over the last two axes: Cholesky, eigenvalues, singular values, QR.

A factorisation of several parts is one line, whose value holds the parts below each other over the last but
one axis; slices of it are the parts.
"""

# mypy: disallow-untyped-defs=False

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.emitted_functions import emitted
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.arithmetic import quotient
from wengert.primitives.kinds import cubic, library
from wengert.primitives.library.linear_algebra import square, triangle, triangular


def _by_triangle(x: Any, lower: bool) -> Any:
    """Return the derivative by the triangle which alone is read, from that by both triangles."""
    ones = np.ones(x.shape[-2:], x.dtype)
    counted = (np.tril(ones) if lower else np.triu(ones)) - np.eye(x.shape[-1], dtype=x.dtype) / 2
    return (x + x.mT) * counted


def _diagonal_matrix(x: Any) -> Any:
    return np.where(np.eye(x.shape[-1], dtype=bool), x[..., None, :], np.zeros((), x.dtype))


def _over_gaps(x: Any, values: Any) -> Any:
    """Return xᵢⱼ / (valuesⱼ − valuesᵢ), and 0 on the diagonal.

    Equal values give 0 where nothing depends on the choice of their vectors, else ±∞ or NaN: a derivative by
    vectors that are not determined does not exist, and must not look as if it did.
    """
    diagonal = np.eye(values.shape[-1], dtype=bool)
    gaps = values[..., None, :] - values[..., :, None]
    return np.where(diagonal, 0, quotient(x, np.where(diagonal, 1, gaps)))


def _cholesky_vjp(ct: Any, out: Any, a: Any) -> tuple[Any, ...]:
    halved = triangle(out.mT @ ct, lower=True) * (1 - np.eye(a.shape[-1], dtype=a.dtype) / 2)
    half = triangular(out.mT, halved, lower=False)
    return (_by_triangle(triangular(out.mT, half.mT, lower=False), lower=True),)


cholesky = library(
    "cholesky",
    numpy=np.linalg.cholesky,
    infer=lambda a: square("cholesky", a),
    vjp=_cholesky_vjp,
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
    values, vectors = out[..., 0, :], out[..., 1:, :]
    turned = _over_gaps(vectors.mT @ ct[..., 1:, :], values)
    return (_by_triangle(vectors @ (_diagonal_matrix(ct[..., 0, :]) + turned) @ vectors.mT, lower),)


eigenvectors = library(
    "eigh",
    numpy=eigh,
    infer=_eigh_type,
    flops=cubic(9),
    vjp=_eigh_vjp,
    source="Giles 2008, 3.1; the triangle that alone is read counts for both",
    ties="vectors of a repeated eigenvalue have no derivative: ±∞ or NaN where something depends on them",
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
    u, s, v = out[..., :m, :], out[..., m, :], out[..., m + 1 :, :]
    by_u, by_s, by_v = ct[..., :m, :], ct[..., m, :], ct[..., m + 1 :, :]
    squares, scale = s * s, s[..., None, :]
    in_u, in_v = _over_gaps(u.mT @ by_u, squares), _over_gaps(v.mT @ by_v, squares)
    middle = _diagonal_matrix(by_s) + (in_u + in_u.mT) * scale + scale.mT * (in_v + in_v.mT)
    total = u @ middle @ v.mT
    if m > n:
        total = total + quotient(by_u - u @ (u.mT @ by_u), scale) @ v.mT
    if n > m:
        total = total + u @ quotient(by_v - v @ (v.mT @ by_v), scale).mT
    return (total,)


singular_vectors = library(
    "svd",
    numpy=svd,
    infer=_svd_type,
    flops=cubic(20),
    vjp=_svd_vjp,
    source="Townsend 2016, (31)",
    ties="vectors of a repeated singular value, or of 0, have no derivative: ±∞ or NaN where something "
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
    q, r = out[..., :m, :], out[..., m:, :].mT
    by_q, by_r = ct[..., :m, :], triangle(ct[..., m:, :].mT, lower=False)
    mixed = triangle(r @ by_r.mT - by_q.mT @ q, lower=True)
    copied = mixed + triangle(mixed, lower=True, k=-1).mT
    return (triangular(r, (by_q + q @ copied).mT, lower=False).mT,)


orthogonal = library(
    "qr",
    numpy=qr,
    infer=_qr_type,
    flops=cubic(4),
    vjp=_qr_vjp,
    source="Walter & Lehmann 2010; Roberts & Roberts 2020, (3.3)",
    ties="a rank-deficient matrix has no derivative: LAPACK refuses the singular R",
)
