"""Diagonals of arrays, as movements: what stands beside the diagonal, even NaN, has no part in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.trace.numpy_functions.table import implements, normalise_axis, whole
from wengert.trace.tensor import here


@implements(np.diagonal)
def diagonal(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    """np.diagonal: the two axes become one, which is the last.

    Raises
    ------
    ShapeError
        When there are not two different axes.
    """
    a = np.moveaxis(a, _two_axes(a, axis1, axis2), (-2, -1))
    above = whole(offset, "offset")
    first = max(-above, 0), max(above, 0)
    length = max(min(a.shape[-2] - first[0], a.shape[-1] - first[1]), 0)
    square = a[..., first[0] : first[0] + length, first[1] : first[1] + length]
    # Row by row, the next element of the diagonal is `length + 1` places further on.
    return np.reshape(square, (*a.shape[:-2], length * length))[..., :: length + 1]


@implements(np.trace)
def trace(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1, dtype: Any = None, out: Any = None) -> Any:
    """np.trace: the sum of a diagonal.

    Written as a choice among the elements of the matrix, which has a form on paper: the derivative of a
    trace is the identity.
    """
    a = np.moveaxis(a, _two_axes(a, axis1, axis2), (-2, -1))
    on_diagonal = np.eye(a.shape[-2], a.shape[-1], k=whole(offset, "offset"), dtype=bool)
    return np.sum(np.where(on_diagonal, a, np.zeros((), a.dtype)), axis=(-2, -1), dtype=dtype)


@implements(np.diag)
def diag(v: Any, k: Any = 0) -> Any:
    """np.diag: the diagonal of a matrix, or the matrix with this diagonal.

    Raises
    ------
    ShapeError
        When `v` is neither.
    """
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ShapeError(f"diag: takes a vector or a matrix, got shape {v.shape}{here()}")
    above = whole(k, "k")
    square = np.where(np.eye(v.shape[0], dtype=bool), np.expand_dims(v, 1), np.zeros((), v.dtype))
    low, high = max(-above, 0), max(above, 0)
    return np.pad(square, ((low, high), (high, low))) if above else square


def _two_axes(a: Any, axis1: Any, axis2: Any) -> list[int]:
    axes = [normalise_axis(axis, a.ndim) for axis in (axis1, axis2)]
    if axes[0] == axes[1]:
        raise ShapeError(f"diagonal: axis1 and axis2 are both {axes[0]}{here()}")
    return axes
