"""Which kernels of a call several threads work on, and where they wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wengert.ir.node import Node
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.schedule.schedule import cost

# Estimated nanoseconds of the shortest call, and the shortest kernel, that threads share: to start them takes
# a tenth of a millisecond.
_LONG_CALL = 2e6
_LONG_KERNEL = 1e4


@dataclass(frozen=True)
class ParallelCall:
    """How threads share a call.

    Attributes
    ----------
    phases : dict of Kernel to int
        Ascending in the order of the kernels. Between two phases there is a barrier; kernels of one phase
        depend on each other only where one thread runs them all.
    shared : set of Kernel
        Those that all threads work on; the first thread alone runs the others.
    """

    phases: dict[Kernel, int]
    shared: frozenset[Kernel]


def is_long(plan: Plan) -> bool:
    """Whether a call takes long enough to start threads for it."""
    if any(kernel.form is Form.NUMPY for kernel in plan.kernels):
        return False
    return sum(cost(kernel) for kernel in plan.kernels) > _LONG_CALL


def parallel_call(plan: Plan, units: Callable[[Kernel], int]) -> ParallelCall | None:
    """Return how to share a call; None where one thread would do most of it.

    Parameters
    ----------
    plan : Plan
    units : callable
        Into how many parts a kernel can be cut.
    """
    costs = {kernel: cost(kernel) for kernel in plan.kernels}
    shared = frozenset(one for one in plan.kernels if units(one) > 1 and costs[one] > _LONG_KERNEL)
    if sum(costs[kernel] for kernel in shared) < sum(costs.values()) / 2:
        return None
    phases: dict[Kernel, int] = {}
    written: dict[Node, list[Kernel]] = {}  # in this phase
    phase = 0
    for kernel in plan.kernels:
        sources = [one for view in kernel.leaves.values() for one in written.get(view.base, ())]
        if sources and (kernel in shared or not shared.isdisjoint(sources)):
            phase += 1
            written.clear()
        phases[kernel] = phase
        for view in kernel.stored.values():
            written.setdefault(view.base, []).append(kernel)
    return ParallelCall(phases, shared)
