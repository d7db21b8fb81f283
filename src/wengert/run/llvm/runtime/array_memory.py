"""Memory that a loop reads and writes in every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from wengert.run.magnitude import largest_magnitude

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
        starts = [0] * len(arrays)
        ends: dict[Any, tuple[int, int]] = {}
        size = 0
        for place in sorted(range(len(arrays)), key=lambda place: arrays[place].dtype.str):
            array = arrays[place]
            size += -size % _alignment(array.nbytes)
            starts[place] = size
            first, _ = ends.get(array.dtype, (size, size))
            size += array.nbytes
            ends[array.dtype] = first, size
        self._block = block(size)
        self._block[:] = 0  # the padding between the arrays is checked as well
        self._places = [
            (array.shape, array.dtype, start) for array, start in zip(arrays, starts, strict=True)
        ]
        self.arrays = list(JoinedArrays(self._block, self._places))
        for mine, given in zip(self.arrays, arrays, strict=True):
            mine[...] = given
        self._floats = [
            self._block[first:end].view(dtype)
            for dtype, (first, end) in ends.items()
            if dtype.kind == "f" and first < end
        ]

    def copy(self) -> Sequence[Array]:
        """Return copies of the arrays as they are now."""
        if self._block.nbytes > _LARGEST_JOINED:
            return tuple(array.copy() for array in self.arrays)
        return JoinedArrays(self._block.copy(), self._places)

    def largest(self) -> float:
        """Return the largest magnitude of the floating elements, 0 of none; NaN where one is NaN."""
        return largest_magnitude(self._floats)


class JoinedArrays(Sequence[Array]):
    """Arrays in one block of memory; a slice is another such sequence.

    Each is made when it is looked at. After each epoch a loop keeps a copy of its arrays, and drops most of
    these unseen.

    Parameters
    ----------
    memory : ndarray of uint8
    places : list of (shape, dtype, int)
        Of each array, with its first byte.
    """

    def __init__(self, memory: Array, places: list[tuple[tuple[int, ...], Any, int]]) -> None:
        self._memory = memory
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Array: ...

    @overload
    def __getitem__(self, place: slice) -> JoinedArrays: ...

    def __getitem__(self, place: int | slice) -> Array | JoinedArrays:
        """Return an array, or some of them."""
        if isinstance(place, slice):
            return JoinedArrays(self._memory, self._places[place])
        shape, dtype, start = self._places[place]
        return np.ndarray(shape, dtype, self._memory, start)
