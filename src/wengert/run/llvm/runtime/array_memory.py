"""Memory that a loop reads and writes in every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Two lines of the caches: processors fetch them in pairs.
_ALIGNMENT = 128
_PAGE = 4096
# Larger arrays are copied one by one, so that a reference to one does not keep all of them alive.
_LARGEST_JOINED = 2**18


def block(size: int) -> Array:
    """Return a number of bytes, aligned; many begin on a page of their own."""
    alignment = _alignment(size)
    raw = np.empty(size + alignment, np.uint8)
    start = -raw.ctypes.data % alignment
    return raw[start : start + size]


def _alignment(size: int) -> int:
    # What two threads write should not share a page: each would prefetch lines of the other.
    return _PAGE if size >= 4 * _PAGE else _ALIGNMENT


class Joined:
    """Arrays in one block of memory, those of a dtype side by side: what is done to all is done at once.

    Parameters
    ----------
    arrays : sequence of ndarray
        They are copied.

    Attributes
    ----------
    arrays : list of ndarray
        The copies, in the order given.
    """

    def __init__(self, arrays: Sequence[Array]) -> None:
        self._starts = [0] * len(arrays)
        ends: dict[Any, tuple[int, int]] = {}
        size = 0
        for place in sorted(range(len(arrays)), key=lambda place: arrays[place].dtype.str):
            array = arrays[place]
            size += -size % _alignment(array.nbytes)
            self._starts[place] = size
            first, _ = ends.get(array.dtype, (size, size))
            size += array.nbytes
            ends[array.dtype] = first, size
        self._block = block(size)
        self._block[:] = 0  # the padding between the arrays is checked as well
        self._types = [(array.shape, array.dtype) for array in arrays]
        self.arrays = self._views(self._block)
        for mine, given in zip(self.arrays, arrays, strict=True):
            mine[...] = given
        self._floats = [
            self._block[first:end].view(dtype)
            for dtype, (first, end) in ends.items()
            if dtype.kind == "f" and first < end
        ]

    def copy(self) -> tuple[Array, ...]:
        """Return copies of the arrays as they are now."""
        if self._block.nbytes > _LARGEST_JOINED:
            return tuple(array.copy() for array in self.arrays)
        return tuple(self._views(self._block.copy()))

    def largest(self) -> float:
        """Return the largest magnitude of the floating elements, 0 of none; NaN where one is NaN."""
        largest = 0.0
        for values in self._floats:
            for bound in (np.maximum.reduce(values), -np.minimum.reduce(values)):
                if not bound <= largest:
                    largest = float(bound)
                    if math.isnan(largest):
                        return largest
        return largest

    def _views(self, memory: Array) -> list[Array]:
        return [
            np.ndarray(shape, dtype, memory, start)
            for (shape, dtype), start in zip(self._types, self._starts, strict=True)
        ]
