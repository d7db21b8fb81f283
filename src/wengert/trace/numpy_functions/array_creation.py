"""New arrays with the shape of a tensor: constants of the program.

``order`` and ``subok`` are about memory and classes, which a traced value does not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.trace.creation import linspace
from wengert.trace.numpy_functions.table import implements, listed, whole
from wengert.trace.recorder import as_dtype
from wengert.trace.tensor import Tensor, here


def _shape(value: Any, shape: Any) -> tuple[int, ...]:
    extents = value.shape if shape is None else tuple(whole(one, "an extent") for one in listed(shape))
    if min(extents, default=0) < 0:
        raise ShapeError(f"the extents of a new array cannot be negative, got {extents}{here()}")
    return extents


def _dtype(value: Any, dtype: Any) -> Any:
    return value.dtype if dtype is None else as_dtype(dtype)


@implements(np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    """np.logspace between traced values, or of a traced base that is a scalar."""
    powers = np.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return powers if dtype is None else powers.astype(as_dtype(dtype))


@implements(np.geomspace)
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """np.geomspace; values below 0 are those of the numbers without sign, with the sign of the first."""
    sign = np.sign(start)
    low, high = np.log10(start / sign), np.log10(stop / sign)
    values = sign * logspace(low, high, num, endpoint)
    if num:
        values[0] = start
    if num > 1 and endpoint:
        values[-1] = stop
    values = np.moveaxis(values, 0, axis) if axis else values
    return values if dtype is None else values.astype(as_dtype(dtype))


@implements(np.zeros_like)
def zeros_like(a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None) -> Any:
    """np.zeros_like."""
    return np.zeros(_shape(a, shape), _dtype(a, dtype))


@implements(np.ones_like)
def ones_like(a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None) -> Any:
    """np.ones_like."""
    return np.ones(_shape(a, shape), _dtype(a, dtype))


@implements(np.empty_like)
def empty_like(
    prototype: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None
) -> Any:
    """np.empty_like; zeros, since nothing undefined has a place in a program."""
    return np.zeros(_shape(prototype, shape), _dtype(prototype, dtype))


@implements(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None
) -> Any:
    """np.full_like."""
    value = fill_value if isinstance(fill_value, Tensor) else np.asarray(fill_value)
    return np.broadcast_to(value.astype(_dtype(a, dtype)), _shape(a, shape))
