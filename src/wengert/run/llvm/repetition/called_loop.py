"""Loops that the machine code around them calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.transform.regions.iterations import Repetition


@dataclass(frozen=True, eq=False)
class CalledLoop:
    """A scan as a kernel of the program that it is a line of.

    Arrays are known by their numbers: the operands, rows of the kept carries, outputs, then arena, flags,
    answer and the memory for carries.

    Attributes
    ----------
    repetition : Repetition
    sizes : list of int
        Bytes of each carry.
    starts : list of int
        Where in their memory the carries are: before the first iteration, or after the last of those kept.
    memory_bytes, arena_bytes, table_words : int
        Sizes of that memory, of what one iteration needs, and of the two tables of pointers.
    places : list of (int, int, int)
        Word of the tables, array, and how many bytes on the word points.
    stretches : list of (int, list of (int, int, int, int))
        Until which iteration what moves: slot, array, bytes on at iteration 0, bytes from one to the next.
    words : ndarray of int64
        The address of its code, then its tables of pointers with the addresses of constants in them.
    cost : float
        Estimated nanoseconds.
    body : CompiledBody
        Holds the machine code, and the constants that the tables point to.
    """

    repetition: Repetition
    sizes: list[int]
    starts: list[int]
    memory_bytes: int
    arena_bytes: int
    table_words: int
    places: list[tuple[int, int, int]]
    stretches: list[tuple[int, list[tuple[int, int, int, int]]]]
    # What generated code does not depend on.
    words: np.ndarray[Any, Any] = field(compare=False)
    cost: float = field(compare=False)
    body: Any = field(compare=False)
