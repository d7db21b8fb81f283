"""How the arrays of a loop move from iteration to iteration, found once for all calls of a length.

A call of a short loop takes as long as its iterations, were each pointer worked out anew. So all that does
not depend on the addresses of the arrays is kept, and a call adds these to it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import I64, POINTER

Array = np.ndarray[Any, Any]

# The function that runs iterations. It takes two tables of pointers, one after the other, for iterations of
# even and of odd number; what moves, how many of that, first iteration, end of iterations, slot of the answer
# or -1. It gives the iteration that comes next, or the one in which an index was out of range. A carry that
# goes to and fro between two places stands in both tables for good, so that only rows of arrays move.
REPEAT = "repeat"
TYPE = ir.FunctionType(I64, [POINTER, POINTER, I64, I64, I64, I64])

# What moves, in words: its slot in the table, address at iteration 0, bytes from iteration to iteration.
WORDS = 3

_ALIGNMENT = 64


class Arrangement:
    """What stands in the tables of pointers, and what moves in them, apart from the addresses of arrays.

    Arrays are known by their position in the list of addresses that a call gives.

    Parameters
    ----------
    table : ndarray of int64
        The table with the addresses of constants in it.
    length : int
        The most iterations.
    reverse : bool
        Whether the last entries of arrays come first.

    Attributes
    ----------
    bytes : int
        Of the memory for carries.
    at_rest : ndarray of int64, shape (2, places)
        The tables, for iterations of even and of odd number, with the addresses of constants in them.
    """

    def __init__(self, table: Array, length: int, reverse: bool) -> None:
        self.at_rest = np.stack([table, table])
        self._length = length
        self._reverse = reverse
        self._fixed: list[tuple[int, int, int, int]] = []
        self._moving: list[tuple[int, int, int, int]] = []
        self._ends: dict[int, tuple[int, int, int, int]] = {}
        self.bytes = 0

    def fixed(self, slot: int, array: int, even: int = 0, odd: int = 0) -> None:
        """Have a slot point into an array, at one offset in even iterations and at another in odd ones."""
        self._fixed.append((slot, array, even, odd))

    def along(self, slot: int, array: int, size: int, following: bool = False) -> None:
        """Have a slot point to one row of `size` bytes after the other, or always to the following one."""
        first, step = (size * (self._length - 1), -size) if self._reverse else (0, size)
        self._moving.append((slot, array, first + step * following, step))

    def in_two_places(self, slot: int, into: int, array: int, size: int) -> int:
        """Have a carry go to and fro in the memory for carries; return where it is before iteration 0."""
        first = self._room(2 * size)
        self.fixed(slot, array, first, first + size)
        self.fixed(into, array, first + size, first)
        return first

    def in_rows(self, slot: int, into: int, rows: int, array: int, size: int) -> int:
        """Have a carry go from row to row, and at the end into the memory for carries; return where there."""
        final = self._room(size)
        self.along(slot, rows, size)
        self._ends[len(self._moving)] = (into, array, final, 0)
        self.along(into, rows, size, following=True)
        return final

    def _room(self, size: int) -> int:
        first = self.bytes
        self.bytes += size + -size % _ALIGNMENT
        return first

    def complete(self) -> None:
        """Get ready for calls."""
        fixed, words = _columns(self._fixed), _columns(self._moving)
        slots, arrays, even, odd = fixed
        length = self.at_rest.shape[1]
        self._places = np.concatenate([slots, slots + length])
        self._arrays, self._offsets = np.tile(arrays, 2), np.concatenate([even, odd])
        self._stretches = [(self._length, *_words(words))]
        if self._ends and self._length:
            for place, end in self._ends.items():
                words[:, place] = end
            self._stretches = [(self._length - 1, *self._stretches[0][1:]), (self._length, *_words(words))]

    def tables(self, addresses: Array) -> Array:
        """Return the tables of pointers, for iterations of even and of odd number."""
        tables = self.at_rest.copy()
        tables.reshape(-1)[self._places] = addresses[self._arrays] + self._offsets
        return tables

    def places(self) -> list[tuple[int, int, int]]:
        """Return the words of the tables that point to arrays for good, to which, and how many bytes on."""
        return list(zip(*[one.tolist() for one in (self._places, self._arrays, self._offsets)], strict=True))

    def moving(self) -> list[tuple[int, list[tuple[int, int, int, int]]]]:
        """Return what moves until which iteration: slot, array, first byte, bytes to the next iteration."""
        return [
            (stop, list(zip(slots.tolist(), arrays.tolist(), starts.tolist(), steps.tolist(), strict=True)))
            for stop, words, arrays in self._stretches
            for slots, starts, steps in [words.T]
        ]

    def stretches(self, addresses: Array) -> list[tuple[int, Array]]:
        """Return what moves until which iteration; see `TYPE`."""
        found = []
        for stop, template, arrays in self._stretches:
            words = template.copy()
            words[:, 1] += addresses[arrays]
            found.append((stop, words))
        return found


def _columns(entries: Sequence[tuple[int, ...]]) -> Array:
    return np.array(entries, np.int64).reshape(-1, 4).T.copy()


def _words(moving: Array) -> tuple[Array, Array]:
    """Return the words of what moves, with offsets in place of addresses, and whose addresses these lack."""
    slots, arrays, offsets, steps = moving
    words = np.stack([slots, offsets, steps], axis=1)
    assert words.shape[1] == WORDS
    return words, arrays.copy()
