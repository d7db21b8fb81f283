"""The order of kernels where outputs are written over inputs, and where threads have to meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import kernel_accesses
from wengert.run.llvm.codegen.loops import Access
from wengert.run.llvm.fusion.kernel_plan import Form, Kernel, Plan
from wengert.run.llvm.fusion.views import View, is_whole
from wengert.run.llvm.profile.kernel_table import summary

# Nanoseconds that one more meeting costs, with what then goes from one core's cache to another's.
MEETING = 1200.0
# Below this many nanoseconds a kernel is not cut in parts.
WORTH_SHARING = 500.0
# Rough speeds of one core, in operations and bytes a nanosecond.
_PRODUCT_SPEED, _LOOP_SPEED, _MEMORY_SPEED = 60.0, 10.0, 30.0


@dataclass(frozen=True)
class Order:
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
        The first phase in which inputs are written over.
    """

    plan: Plan
    phases: dict[Kernel, int]
    shared: frozenset[Kernel]
    last: int
    first_written: int


def ordered(
    plan: Plan,
    written_over: Mapping[Node, Node],
    at_last: Iterable[Node],
    units: Callable[[Kernel], int],
) -> Order | None:
    """Return an order in which every output in `written_over` may take the place of its input.

    Parameters
    ----------
    plan : Plan
    written_over : mapping of Node to Node
        The input that a computed node is written over.
    at_last : iterable of Node
        What the first thread reads, or writes over, in the last phase.
    units : callable
        Into how many parts a kernel can be cut.

    Returns
    -------
    Order or None
        None where some value would be written over before its last reader has read it.
    """
    writer = {node: kernel for kernel in plan.kernels for node in kernel.stored}
    before: dict[Kernel, set[Kernel]] = {kernel: set() for kernel in plan.kernels}
    for kernel in plan.kernels:
        for view in kernel.leaves.values():
            source = writer.get(view.base)
            if source is not None:
                before[kernel].add(source)
    for result, place in written_over.items():
        kernel = writer[result]
        if not _reads_in_step(kernel, result, place):
            return None
        readers = {other for other in plan.kernels if _reads_any(other, {place})}
        before[kernel] |= readers - {kernel}
    kernels = _sorted(plan.kernels, before)
    if kernels is None:
        return None
    shared = _worth_sharing(kernels, before, units)
    phases = _phases(kernels, before, shared)
    kernels.sort(key=phases.__getitem__)
    used = set(at_last)
    users = [one for one in kernels if _reads_any(one, used) or not used.isdisjoint(one.stored)]
    last = max(
        [*phases.values(), *(phases[one] + (one in shared) for one in users)],
        default=0,
    )
    first_written = min([phases[writer[result]] for result in written_over], default=last)
    in_order = {one: phases[one] for one in kernels}
    return Order(replace(plan, kernels=kernels), in_order, shared, last, first_written)


def _phases(
    kernels: list[Kernel], before: dict[Kernel, set[Kernel]], shared: frozenset[Kernel]
) -> dict[Kernel, int]:
    phases: dict[Kernel, int] = {}
    for kernel in kernels:
        phases[kernel] = max([phases[one] + _meets(one, kernel, shared) for one in before[kernel]], default=0)
    return phases


def _worth_sharing(
    kernels: list[Kernel], before: dict[Kernel, set[Kernel]], units: Callable[[Kernel], int]
) -> frozenset[Kernel]:
    """Choose the kernels to share: the longest first, as long as two threads save more than they wait."""
    can = [one for one in kernels if not is_private(one) and units(one) > 1 and cost(one) >= WORTH_SHARING]
    shared: frozenset[Kernel] = frozenset()
    meetings = 0
    for kernel in sorted(can, key=cost, reverse=True):
        more = max(_phases(kernels, before, shared | {kernel}).values())
        if cost(kernel) / 2 >= MEETING * (more - meetings):
            shared |= {kernel}
            meetings = more
    return shared


def is_private(kernel: Kernel) -> bool:
    """Whether each thread runs a kernel for itself: it copies rows, faster than it gets another's copy."""
    return kernel.form is Form.ROWS


def _meets(first: Kernel, then: Kernel, shared: frozenset[Kernel]) -> bool:
    """Whether threads have to meet between a kernel and one that needs its results."""
    return not is_private(first) and (first in shared or then in shared)


def cost(kernel: Kernel) -> float:
    """Return roughly how many nanoseconds one thread takes for a kernel."""
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
    if kernel.form not in (Form.LOOPS, Form.PRODUCT, Form.AHEAD) or result in kernel.reductions:
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
