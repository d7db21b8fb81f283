"""Which line writes where: memory whose value has ended is written to again.

A fresh array of some hundred kilobytes costs as much as an addition: the system hands out pages one by one.
In a training step most results find a place to go.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

import numpy as np

from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program, read_items
from wengert.ir.types import TensorType
from wengert.run.executor import Executable

# One line: function, getter of its operands from the list of values, place of the memory to write to (-1 for
# none), place of the result, and places that nobody reads afterwards.
Line = tuple[Callable[..., Any], Callable[[list[Any]], Any], int, int, tuple[int, ...]]

# The parameters of malloc (malloc.h): how much may be free at the end, and how large a block may be to be
# kept at all, for which this is the most that it accepts.
_TRIM_THRESHOLD, _KEPT_BYTES = -1, 256 * 2**20
_MMAP_THRESHOLD, _LARGEST_KEPT = -3, 32 * 2**20

# Below this many bytes new memory costs less than finding old.
_WORTH_KEEPING = 1 << 14


def plan_lines(
    program: Program, place: dict[Node, int], compiled: Callable[[Program], Executable]
) -> list[Line]:
    """Return the lines of a program.

    Parameters
    ----------
    program : Program
    place : dict of Node to int
        Where in the list of values each node stands.
    compiled : callable
        What runs the bodies of loops and branches.
    """
    plan = _Plan(program, place, compiled)
    for number, node in enumerate(program.lines):
        plan.add(number, node)
    return plan.finish()


class _Plan:
    """Lines in the making.

    Attributes
    ----------
    unused : dict of TensorType to list of (place, line)
        Memory whose value has ended, and the line after which it did.
    """

    def __init__(
        self, program: Program, place: dict[Node, int], compiled: Callable[[Program], Executable]
    ) -> None:
        self.place = place
        self.compiled = compiled
        self.items = read_items(program)
        self.kept = {*program.outputs, *program.inputs}
        self.last_use: dict[Node, Node] = {}
        self.viewed: set[Node] = set()
        for node in program.lines:
            self.last_use.update(dict.fromkeys(node.inputs, node))
            if not owns_result(node):
                self.viewed.update(node.inputs)
        self.lines: list[tuple[Callable[..., Any], list[int], int, int, list[int]]] = []
        self.unused: dict[TensorType, list[tuple[int, int]]] = {}

    def add(self, number: int, node: Node) -> None:
        """Add the line of a node."""
        ended = [
            operand
            for operand in dict.fromkeys(node.inputs)
            if self.last_use[operand] is node and operand not in self.kept and operand.inputs
        ]
        reusable = [one for one in ended if self._is_reusable(one)]
        operands = [self.place[one] for one in node.inputs]
        memory = -1
        dropped = [self.place[one] for one in ended]
        if owns_result(node) and node.type.ndim:
            # An elementwise operation may write over its own operand, a product may not.
            own = [
                one for one in reusable if one.type is node.type and node.primitive.kind is Kind.ELEMENTWISE
            ]
            waiting = self.unused.get(node.type)
            if own:
                memory = self.place[own[0]]
                reusable.remove(own[0])
            elif waiting:
                memory, _ = waiting.pop()
                dropped.append(memory)
        for one in reusable:
            if one.type.size * one.type.dtype.itemsize >= _WORTH_KEEPING:
                self.unused.setdefault(one.type, []).append((self.place[one], number))
                dropped.remove(self.place[one])
        function = node.primitive.numpy
        if node.primitive.region is not None:
            wanted = sorted(self.items[node])
            function = node.primitive.region.prepare(self.compiled, wanted, **dict(node.params))
        elif node.params:
            function = partial(function, **dict(node.params))
        self.lines.append((function, operands, memory, self.place[node], dropped))

    def finish(self) -> list[Line]:
        """Return the lines; memory that was kept and never used again is dropped where its value ended."""
        for waiting in self.unused.values():
            for old, number in waiting:
                self.lines[number][-1].append(old)
        return [
            (function, _getter(operands), memory, result, tuple(dropped))
            for function, operands, memory, result, dropped in self.lines
        ]

    def _is_reusable(self, operand: Node) -> bool:
        return owns_result(operand) and operand not in self.viewed and operand.type.ndim > 0


@lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """Have the C library keep what is freed, for the arrays of the next step or call.

    The malloc of Linux returns blocks to the system that are larger than any it has seen come and go, and
    what is free at the end of its memory; the results of the next call would fetch all their pages again,
    which takes several times as long as computing them. Other systems take no notice.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)


def _getter(places: list[int]) -> Callable[[list[Any]], Any]:
    # With one place, itemgetter gives the value itself and not a sequence; a slice of one gives a list.
    return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))


def owns_result(node: Node) -> bool:
    """Whether a line's result is always new memory: universal functions and products, which take ``out``."""
    return isinstance(node.primitive.numpy, np.ufunc) and node.primitive.kind in (
        Kind.ELEMENTWISE,
        Kind.CONTRACTION,
    )
