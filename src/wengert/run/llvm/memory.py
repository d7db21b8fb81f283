"""Where every buffer lies: given arrays, results, and one arena whose places are used again."""

from __future__ import annotations

from dataclasses import dataclass

from wengert.ir.node import Node, constant_value
from wengert.run.llvm.plan import Kernel, Plan
from wengert.run.llvm.views import is_whole

ALIGNMENT = 64  # a line of the caches, and the widest vector

ARENA, FLAG = 0, 1  # the first places of the table of pointers


@dataclass(frozen=True)
class Memory:
    """Where the buffers of a program lie.

    Attributes
    ----------
    slots : dict of Node to int
        Place in the table of pointers, for buffers that stand alone: inputs, constants, results.
    offsets : dict of Node to int
        Bytes from the beginning of the arena, for all others.
    arena_bytes : int
    constants : list of Node
    direct : dict of int to Node
        Results that a kernel writes straight to where they are handed out, by position among the outputs.
    """

    slots: dict[Node, int]
    offsets: dict[Node, int]
    arena_bytes: int
    constants: list[Node]
    direct: dict[int, Node]


def memory_of(plan: Plan) -> Memory:
    """Return the memory of a plan."""
    slots: dict[Node, int] = {}
    for node in plan.program.inputs:
        slots[node] = FLAG + 1 + len(slots)
    constants = [
        node for node in plan.program.nodes if constant_value(node) is not None and node not in slots
    ]
    for node in constants:
        slots[node] = FLAG + 1 + len(slots)
    direct: dict[int, Node] = {}
    for position, view in enumerate(plan.outputs):
        if view.base not in slots and is_whole(view) and view.base is plan.program.outputs[position]:
            slots[view.base] = FLAG + 1 + len(slots)
            direct[position] = view.base
    lives = _lifetimes(plan, slots)
    offsets, size = _packed(lives)
    return Memory(slots, offsets, size, constants, direct)


def _lifetimes(plan: Plan, slots: dict[Node, int]) -> dict[Node, tuple[int, int]]:
    """Return the first and last kernel in which each buffer of the arena is in use."""
    lives: dict[Node, tuple[int, int]] = {}
    for number, kernel in enumerate(plan.kernels):
        for node in kernel.stored:
            if node not in slots:
                lives[node] = (number, number)
        for view in kernel.leaves.values():
            if view.base in lives:
                lives[view.base] = (lives[view.base][0], number)
    for view in plan.outputs:
        if view.base in lives:
            lives[view.base] = (lives[view.base][0], len(plan.kernels))
    return lives


def _packed(lives: dict[Node, tuple[int, int]]) -> tuple[dict[Node, int], int]:
    """Give each buffer the lowest place that is free during its life."""
    offsets: dict[Node, int] = {}
    alive: list[tuple[int, int, int]] = []  # begin, end in bytes, last kernel
    total = 0
    for node, (first, last) in sorted(lives.items(), key=lambda item: item[1][0]):
        alive = sorted(block for block in alive if block[2] >= first)
        size = rounded(node.type.size * node.type.dtype.itemsize)
        start = 0
        for begin, end, _ in alive:
            if begin - start >= size:
                break
            start = max(start, end)
        alive.append((start, start + size, last))
        offsets[node] = start
        total = max(total, start + size)
    return offsets, total


def rounded(size: int) -> int:
    """Return a size in bytes, rounded up so that what follows is aligned."""
    return max(-(-size // ALIGNMENT), 1) * ALIGNMENT


def bases(kernel: Kernel) -> list[Node]:
    """Return the buffers that a kernel reads or writes."""
    return list(dict.fromkeys([*(view.base for view in kernel.leaves.values()), *kernel.stored]))
