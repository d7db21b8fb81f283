"""Choosing: where, clip, take."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.primitives import selection as primitives
from wengert.trace.items.indexing import index
from wengert.trace.numpy_functions.table import implements, known, normalise_axis, reduced_axes
from wengert.trace.tensor import Tensor, here, refuse


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """np.where; the places where a condition holds follow from known values."""
    if x is None or y is None:
        return np.nonzero(known(condition, "np.where"))
    return primitives.where(condition, x, y)


def _bound(bound: Any, dtype: np.dtype[Any], sign: int) -> Any:
    if bound is not None:
        return bound
    if dtype.kind == "f":
        return sign * np.inf
    if dtype.kind == "c":
        return complex(sign * np.inf, sign * np.inf)
    if dtype.kind == "b":
        return sign > 0
    limits = np.iinfo(dtype)
    return int(limits.max if sign > 0 else limits.min)


@implements(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    """np.clip; a bound of None does not bind."""
    a = a if isinstance(a, Tensor) else np.asarray(a)
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    if low is None and high is None:
        return a
    return primitives.clip(a, _bound(low, a.dtype, -1), _bound(high, a.dtype, 1))


@implements(np.take)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """np.take; indices beyond an end are refused, or with ``mode="clip"`` that end."""
    a = a if isinstance(a, Tensor) else np.asarray(a)
    if axis is None or a.ndim == 0:
        reduced_axes(axis, a.ndim)
        a, axis = np.reshape(a, -1), 0
    place = normalise_axis(axis, a.ndim)
    indices = indices if isinstance(indices, Tensor) else np.asarray(indices)
    if indices.dtype == np.bool_ or (indices.size == 0 and not isinstance(indices, Tensor)):
        indices = indices.astype(np.int64)
    if mode == "clip":
        indices = np.clip(indices, 0, a.shape[place] - 1)
    elif mode == "wrap" and not isinstance(indices, Tensor):
        indices = indices % a.shape[place]
    elif mode != "raise":
        refuse(f"np.take: mode={mode!r} has no rule for traced indices; 'raise' and 'clip' have")
    return index(a, (*[slice(None)] * place, indices))


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """np.take_along_axis: over the other axes, array and indices broadcast.

    Raises
    ------
    ShapeError
        When array and indices do not have the same number of axes.
    """
    arr, indices = (one if isinstance(one, Tensor) else np.asarray(one) for one in (arr, indices))
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    if arr.ndim != indices.ndim:
        raise ShapeError(
            f"take_along_axis: indices of shape {indices.shape} for an array of {arr.ndim} axes{here()}"
        )
    place = normalise_axis(axis, arr.ndim)
    grid: list[Any] = [
        np.arange(extent).reshape([-1 if other == axis else 1 for other in range(arr.ndim)])
        for axis, extent in enumerate(arr.shape)
    ]
    grid[place] = indices
    return index(arr, tuple(grid))


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """np.nan_to_num."""
    if not copy:
        refuse("np.nan_to_num(x, copy=False) would write into x: write x = np.nan_to_num(x)")
    if x.dtype.kind == "c":
        parts = [nan_to_num(part, copy, nan, posinf, neginf) for part in (np.real(x), np.imag(x))]
        return parts[0] + 1j * parts[1]
    if x.dtype.kind != "f":
        return x
    limits = np.finfo(x.dtype)
    finite = np.where(np.isnan(x), nan, x)
    finite = np.where(finite == np.inf, limits.max if posinf is None else posinf, finite)
    return np.where(finite == -np.inf, limits.min if neginf is None else neginf, finite)
