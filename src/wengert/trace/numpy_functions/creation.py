"""New arrays with the shape of a tensor: constants of the program.

``order`` and ``subok`` are about memory and classes, which a traced value does not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.trace.numpy_functions.table import implements
from wengert.trace.tensor import Tensor


def _shape(value: Any, shape: Any) -> Any:
    return value.shape if shape is None else shape


@implements(np.zeros_like)
def zeros_like(a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None) -> Any:
    """np.zeros_like."""
    return np.zeros(_shape(a, shape), dtype or a.dtype)


@implements(np.ones_like)
def ones_like(a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None) -> Any:
    """np.ones_like."""
    return np.ones(_shape(a, shape), dtype or a.dtype)


@implements(np.empty_like)
def empty_like(
    prototype: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None
) -> Any:
    """np.empty_like; zeros, since nothing undefined has a place in a program."""
    return np.zeros(_shape(prototype, shape), dtype or prototype.dtype)


@implements(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None
) -> Any:
    """np.full_like."""
    value = fill_value if isinstance(fill_value, Tensor) else np.asarray(fill_value)
    return np.broadcast_to(value.astype(dtype or a.dtype), _shape(a, shape))
