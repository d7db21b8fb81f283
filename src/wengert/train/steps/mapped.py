"""Arrays that lie in a file: rows are read where they are needed, and memory is given back.

A page of the file that has been read counts as memory of the process until it is released; the system keeps
it in its cache all the same, so that reading it again is cheap.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from io import RawIOBase
from typing import Any

import numpy as np

from wengert.errors import DataError

Array = np.ndarray[Any, Any]

# Rows of a file are visited in runs of about this many bytes, which a system may map at once, …
_RUN = 2**21
# … drawn at random and shuffled over this many bytes at a time. More mixes better and needs more memory.
_WINDOW = 2**28
_BLOCK = 2**24


def memory_map(array: Any) -> np.memmap[Any, Any] | None:
    """Return the memory-mapped array that `array` is, or is a view of; None for one in memory."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return array
        array = array.base
    return None


def release(array: Array) -> None:
    """Give the memory of a mapped array back, where the system can; its contents stay in the file.

    A private copy of a map (``mode="c"``) is left alone, since what was written there is nowhere else.
    """
    mapped = memory_map(array)
    if mapped is None or mapped.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return
    pages: Any = mapped
    while not isinstance(pages, mmap.mmap):
        pages = pages.base
    pages.madvise(mmap.MADV_DONTNEED)


def row_blocks(array: Array) -> Iterator[tuple[int, Array]]:
    """Yield an array in blocks of rows of at most 16 MB each with the number of its first row.

    Of a mapped array, the memory of each block is released after it.
    """
    rows = max(1, _BLOCK // max(1, array.nbytes // max(1, len(array))))
    for first in range(0, len(array), rows):
        yield first, array[first : first + rows]
        release(array)


def converted_to_file(array: Array, dtype: np.dtype[Any]) -> Array:
    """Return a mapped array in another dtype: a temporary file, which goes away with the array.

    Written block by block through the file, not the map, so that it takes no memory.
    """
    with tempfile.TemporaryFile(buffering=0) as file:
        for _, block in row_blocks(array):
            append(file, np.ascontiguousarray(block, dtype), f"an array of shape {array.shape} as {dtype}")
        return np.memmap(file, dtype, "r", shape=array.shape)


def append(file: RawIOBase, array: Array, what: str) -> None:
    """Append a contiguous array to what stands in a temporary file without a buffer.

    Raises
    ------
    DataError
        If the disk has no room, saying for what.
    """
    rest = array.reshape(-1).view(np.uint8).data
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise DataError(
            f"{what} could not be written to a temporary file in {tempfile.gettempdir()}: {error.strerror}. "
            "Make room there, or set TMPDIR to a directory on another disk."
        ) from error


def run_and_window(array: Any) -> tuple[int, int] | None:
    """Return how many rows of a mapped array make a run, and how many runs a window; None for others."""
    if memory_map(array) is None:
        return None
    bytes_a_row = max(1, array.nbytes // len(array))
    return max(1, _RUN // bytes_a_row), _WINDOW // _RUN
