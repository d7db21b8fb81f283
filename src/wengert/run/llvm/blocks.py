"""Memory that the steps of a loop go through again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Two lines of the caches: processors fetch them in pairs.
_ALIGNMENT = 128
_PAGE = 4096


def block(size: int) -> Array:
    """Return so many bytes, aligned; many begin on a page of their own."""
    alignment = _alignment(size)
    raw = np.empty(size + alignment, np.uint8)
    start = -raw.ctypes.data % alignment
    return raw[start : start + size]


def _alignment(size: int) -> int:
    # What two threads write should not share a page: each would prefetch lines of the other.
    return _PAGE if size >= 4 * _PAGE else _ALIGNMENT


def copies(arrays: Sequence[Array]) -> list[Array]:
    """Return the elements of arrays as vectors in one block."""
    starts, size = [], 0
    for array in arrays:
        size += -size % _alignment(array.nbytes)
        starts.append(size)
        size += array.nbytes
    whole = block(size)
    made = []
    for start, array in zip(starts, arrays, strict=True):
        copy = whole[start : start + array.nbytes].view(array.dtype)
        copy[...] = array.reshape(-1)
        made.append(copy)
    return made
