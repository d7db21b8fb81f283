"""New arrays with the shape of a tensor: constants of the program.

``order`` and ``subok`` are about memory and classes, which a traced value does not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
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
