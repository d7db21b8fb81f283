"""The order of kernels where outputs alias inputs, and the barriers between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import kernel_accesses
from wengert.run.llvm.codegen.loops import Access
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.views import View, is_whole
from wengert.run.llvm.profile.kernel_table import summary

# Nanoseconds that one more barrier costs, with what then goes from one core's cache to another's.
BARRIER_COST = 1200.0
# A kernel of fewer nanoseconds is not shared by threads.
SMALLEST_SHARED = 500.0
# Rough speeds of one core, in operations and bytes a nanosecond.
_PRODUCT_SPEED, _LOOP_SPEED, _MEMORY_SPEED = 60.0, 10.0, 30.0


@dataclass(frozen=True)
class Schedule:
    """Kernels in the order in which they run.

    Attributes
    ----------
    plan : Plan
        In that order.
    phases : dict of Kernel to int
        Ascending. Kernels of one phase depend on each other only where one thread runs them all.
    shared : set of Kernel
        Those that all threads work on. Those that are private each thread runs for itself; the first thread
        alone runs the others.
    last : int
        The last phase.
    first_written : int
        The first phase in which the memory of inputs is written.
    """

    plan: Plan
    phases: dict[Kernel, int]
    shared: frozenset[Kernel]
    last: int
    first_written: int


def scheduled(
    plan: Plan,
    aliased: Mapping[Node, Node],
    at_last: Iterable[Node],
    units: Callable[[Kernel], int],
) -> Schedule | None:
    """Return a schedule in which every output in `aliased` may take the memory of its input.

    Parameters
    ----------
    plan : Plan
    aliased : mapping of Node to Node
        The input whose memory a computed node takes.
    at_last : iterable of Node
        What the first thread reads or overwrites in the last phase.
    units : callable
        Into how many parts a kernel can be cut.

    Returns
    -------
    Schedule or None
        None where some value would be overwritten before its last reader has read it.
    """
    writer = {node: kernel for kernel in plan.kernels for node in kernel.stored}
    before: dict[Kernel, set[Kernel]] = {kernel: set() for kernel in plan.kernels}
    for kernel in plan.kernels:
        for view in kernel.leaves.values():
            source = writer.get(view.base)
            if source is not None:
                before[kernel].add(source)
    for result, place in aliased.items():
        kernel = writer[result]
        if not _reads_in_step(kernel, result, place):
            return None
        readers = {other for other in plan.kernels if _reads_any(other, {place})}
        before[kernel] |= readers - {kernel}
    kernels = _sorted(plan.kernels, before)
    if kernels is None:
        return None
    shared = _kernels_to_share(kernels, before, units)
    phases = _phases(kernels, before, shared)
    kernels.sort(key=phases.__getitem__)
    used = set(at_last)
    users = [one for one in kernels if _reads_any(one, used) or not used.isdisjoint(one.stored)]
    last = max(
        [*phases.values(), *(phases[one] + (one in shared) for one in users)],
        default=0,
    )
    first_written = min([phases[writer[result]] for result in aliased], default=last)
    in_order = {one: phases[one] for one in kernels}
    return Schedule(replace(plan, kernels=kernels), in_order, shared, last, first_written)


def _phases(
    kernels: list[Kernel], before: dict[Kernel, set[Kernel]], shared: frozenset[Kernel]
) -> dict[Kernel, int]:
    phases: dict[Kernel, int] = {}
    for kernel in kernels:
        phases[kernel] = max(
            [phases[one] + _needs_barrier(one, kernel, shared) for one in before[kernel]], default=0
        )
    return phases


def _kernels_to_share(
    kernels: list[Kernel], before: dict[Kernel, set[Kernel]], units: Callable[[Kernel], int]
) -> frozenset[Kernel]:
    """Choose the kernels to share: the longest first, as long as two threads save more than they wait."""
    can = [one for one in kernels if not is_private(one) and units(one) > 1 and cost(one) >= SMALLEST_SHARED]
    shared: frozenset[Kernel] = frozenset()
    barriers = 0
    for kernel in sorted(can, key=cost, reverse=True):
        more = max(_phases(kernels, before, shared | {kernel}).values())
        if cost(kernel) / 2 >= BARRIER_COST * (more - barriers):
            shared |= {kernel}
            barriers = more
    return shared


def is_private(kernel: Kernel) -> bool:
    """Whether each thread runs a kernel for itself: it copies rows, faster than it gets another's copy."""
    return kernel.form is Form.ROWS


def _needs_barrier(first: Kernel, then: Kernel, shared: frozenset[Kernel]) -> bool:
    """Whether a barrier is needed between a kernel and one that reads its results."""
    return not is_private(first) and (first in shared or then in shared)


def cost(kernel: Kernel) -> float:
    """Return roughly how many nanoseconds one thread takes for a kernel."""
    if kernel.loop is not None:
        return kernel.loop.cost
    known = summary(kernel)
    speed = _PRODUCT_SPEED if kernel.form is Form.PRODUCT else _LOOP_SPEED
    return max(known.flops / speed, known.bytes / _MEMORY_SPEED)


def _reads_any(kernel: Kernel, places: set[Node]) -> bool:
    return any(view.base in places for view in kernel.leaves.values())


def _reads_in_step(kernel: Kernel, result: Node, place: Node) -> bool:
    """Whether a kernel reads each element of `place` only before it writes the element of `result` there."""
    views = [view for view in kernel.leaves.values() if view.base is place]
    if not views:
        return True
    if kernel.form not in (Form.LOOPS, Form.PRODUCT, Form.LOOKAHEAD) or result in kernel.reductions:
        return False
    accesses = kernel_accesses(kernel)
    operands = set(kernel.line.inputs) if kernel.form is Form.PRODUCT else set()
    return all(
        node not in operands and _moving(accesses[node], kernel) == _moving(accesses[result], kernel)
        for node, view in kernel.leaves.items()
        if view.base is place
    )


def _moving(access: Access, kernel: Kernel) -> tuple[int, ...]:
    """Return offset and strides along the axes that have more than one element."""
    strides = (step for step, extent in zip(access.strides, kernel.shape, strict=True) if extent != 1)
    return (access.offset, *strides)


def _sorted(kernels: list[Kernel], before: dict[Kernel, set[Kernel]]) -> list[Kernel] | None:
    """Sort topologically, as near to the given order as can be; None where there is a circle."""
    waiting = list(kernels)
    done: dict[Kernel, None] = {}
    while waiting:
        ready = next((kernel for kernel in waiting if before[kernel] <= done.keys()), None)
        if ready is None:
            return None
        waiting.remove(ready)
        done[ready] = None
    return list(done)


def is_own(view: View, node: Node) -> bool:
    """Whether a view is the whole buffer of a node."""
    return view.base is node and is_whole(view)
