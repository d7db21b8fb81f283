"""Choosing: where, clip, take."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.primitives import selection as primitives
from wengert.trace.numpy_functions.table import implements, normalise_axis
from wengert.trace.tensor import refuse


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """np.where with three arguments."""
    if x is None or y is None:
        refuse("np.where(condition) gives as many positions as values say; write np.where(condition, x, y)")
    return primitives.where(condition, x, y)


def _bound(bound: Any, dtype: np.dtype[Any], sign: int) -> Any:
    if bound is not None:
        return bound
    if dtype.kind == "f":
        return sign * np.inf
    limits = np.iinfo(dtype)
    return int(limits.max if sign > 0 else limits.min)


@implements(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    """np.clip; a bound of None does not bind."""
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    if low is None and high is None:
        return a
    return primitives.clip(a, _bound(low, a.dtype, -1), _bound(high, a.dtype, 1))


@implements(np.take)
def take(a: Any, indices: Any, axis: int | None = None) -> Any:
    """np.take."""
    if axis is None:
        return np.reshape(a, -1)[indices]
    place = normalise_axis(axis, np.ndim(a))
    return a[(*[slice(None)] * place, indices)]


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """np.take_along_axis."""
    if axis is None:
        return np.reshape(arr, -1)[indices]
    place = normalise_axis(axis, np.ndim(arr))
    rank = np.ndim(arr)
    shape = list(np.shape(indices))
    grid: list[Any] = []
    for other in range(rank):
        if other == place:
            grid.append(indices)
        else:
            extent = np.shape(arr)[other] if shape[other] != 1 else 1
            grid.append(np.arange(extent).reshape([-1 if axis_ == other else 1 for axis_ in range(rank)]))
    return arr[tuple(grid)]


@implements(np.isclose, np.allclose, np.array_equal)
def _comparison_of_values(*_: Any, **__: Any) -> Any:
    """Refuse: the answer is a Python truth value."""
    refuse("comparing traced values for equality gives no number; compare the results instead")


@implements(np.nan_to_num)
def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """np.nan_to_num."""
    limits = np.finfo(x.dtype)
    finite = np.where(np.isnan(x), nan, x)
    finite = np.where(finite == np.inf, limits.max if posinf is None else posinf, finite)
    return np.where(finite == -np.inf, limits.min if neginf is None else neginf, finite)
