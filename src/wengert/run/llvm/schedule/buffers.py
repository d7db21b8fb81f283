"""Where every buffer lies: given arrays, results, and one arena whose memory is reused."""

from __future__ import annotations

import bisect
import heapq
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wengert.ir.node import Node
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.views import is_whole

ALIGNMENT = 64  # a line of the caches, and the widest vector

# The first places of the table of pointers: the arena, the flag of wrong indices; in a loop also its state,
# the order of the rows, and the part of it that belongs to a step.
ARENA, FLAG, STATE, ORDER, PLACES = range(5)
_FIRST_SLOT = 5


@dataclass(frozen=True)
class Memory:
    """Where the buffers of a program lie.

    Attributes
    ----------
    slots : dict of Node to int
        Place in the table of pointers, for buffers that stand alone: inputs, constants, results; and for the
        words of a loop that is called, by its line. The table has `table_length` places.
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

    @property
    def table_length(self) -> int:
        """How many places the table of pointers has."""
        return _FIRST_SLOT + len(self.slots)


def memory_of(plan: Plan, phases: Mapping[Kernel, int] | None = None) -> Memory:
    """Return the memory of a program that is called: results stand alone.

    Parameters
    ----------
    plan : Plan
    phases : mapping of Kernel to int, optional
        Ascending; kernels of one phase may run at the same time. By default each has one of its own.
    """
    slots = _given(plan)
    constants = _constants(plan, slots)
    direct: dict[int, Node] = {}
    for position, view in enumerate(plan.outputs):
        if view.base not in slots and is_whole(view) and view.base is plan.program.outputs[position]:
            slots[view.base] = _FIRST_SLOT + len(slots)
            direct[position] = view.base
    if phases is None:
        phases = {kernel: number for number, kernel in enumerate(plan.kernels)}
    offsets, size = _packed(_lifetimes(plan, slots, phases))
    return Memory(slots, offsets, size, constants, direct)


def memory_of_loop(
    plan: Plan, phases: Mapping[Kernel, int], aliased: Mapping[Node, Node], alone: Iterable[Node]
) -> Memory:
    """Return the memory of a step in a loop; the rows of a batch stand alone, since each thread has its own.

    Parameters
    ----------
    plan : Plan
    phases : mapping of Kernel to int
        Ascending; kernels of one phase may run at the same time.
    aliased : mapping of Node to Node
        The input whose memory a computed node takes.
    alone : iterable of Node
        Further buffers that get a place in the table.
    """
    slots = _given(plan, alone)
    for kernel in plan.kernels:
        if kernel.form is Form.ROWS:
            slots.update(dict.fromkeys(kernel.stored, _FIRST_SLOT + len(slots)))
    constants = _constants(plan, slots)
    for result, place in aliased.items():
        slots[result] = slots[place]
    offsets, size = _packed(_lifetimes(plan, slots, phases))
    return Memory(slots, offsets, size, constants, {})


def _given(plan: Plan, alone: Iterable[Node] = ()) -> dict[Node, int]:
    made = {node for kernel in plan.kernels for node in kernel.stored}
    nodes = dict.fromkeys(node for node in (*plan.program.inputs, *alone) if node not in made)
    return {node: _FIRST_SLOT + number for number, node in enumerate(nodes)}


def _constants(plan: Plan, slots: dict[Node, int]) -> list[Node]:
    """Give each constant, and each loop that is called, a place after `slots`; return the constants."""
    found = [node for node in plan.program.nodes if node.value is not None]
    for node in (*found, *[kernel.line for kernel in plan.kernels if kernel.loop is not None]):
        slots[node] = _FIRST_SLOT + len(slots)
    return found


def _lifetimes(
    plan: Plan, slots: dict[Node, int], phases: Mapping[Kernel, int]
) -> dict[Node, tuple[int, int]]:
    """Return the first and last phase in which each buffer of the arena is in use."""
    lives: dict[Node, tuple[int, int]] = {}
    for kernel in plan.kernels:
        phase = phases[kernel]
        for view in kernel.stored.values():
            if view.base not in slots:
                # Several kernels may write to an array, which lives from the first of them on.
                first, _ = lives.get(view.base, (phase, phase))
                lives[view.base] = (first, phase)
        for view in kernel.leaves.values():
            if view.base in lives:
                lives[view.base] = (lives[view.base][0], phase)
    for view in plan.outputs:
        if view.base in lives:
            lives[view.base] = (lives[view.base][0], len(plan.kernels))
    return lives


def _packed(lives: dict[Node, tuple[int, int]]) -> tuple[dict[Node, int], int]:
    """Give each buffer the lowest place that is free during its life."""
    offsets: dict[Node, int] = {}
    alive: list[tuple[int, int, int]] = []  # a heap: last phase, begin, end in bytes
    gaps = [(0, sys.maxsize)]  # what is free: begin, end, ascending
    total = 0
    for node, (first, last) in sorted(lives.items(), key=lambda item: item[1][0]):
        while alive and alive[0][0] < first:
            _, begin, end = heapq.heappop(alive)
            _free(gaps, begin, end)
        size = rounded(node.type.size * node.type.dtype.itemsize)
        place = next(place for place, (begin, end) in enumerate(gaps) if end - begin >= size)
        start, end = gaps[place]
        gaps[place : place + 1] = [(start + size, end)] if start + size < end else []
        heapq.heappush(alive, (last, start, start + size))
        offsets[node] = start
        total = max(total, start + size)
    return offsets, total


def _free(gaps: list[tuple[int, int]], begin: int, end: int) -> None:
    """Add a gap, joined with those beside it."""
    place = bisect.bisect(gaps, (begin, end))
    if place < len(gaps) and gaps[place][0] == end:
        end = gaps.pop(place)[1]
    if place and gaps[place - 1][1] == begin:
        begin = gaps.pop(place - 1)[0]
        place -= 1
    gaps.insert(place, (begin, end))


def rounded(size: int) -> int:
    """Return a size in bytes, rounded up so that what follows is aligned."""
    return max(-(-size // ALIGNMENT), 1) * ALIGNMENT


def bases(kernel: Kernel) -> list[Node]:
    """Return the buffers that a kernel reads or writes."""
    return list(dict.fromkeys([view.base for view in (*kernel.leaves.values(), *kernel.stored.values())]))
