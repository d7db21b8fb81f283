"""Where a computation that takes long can be given up, since the user does not want it any more.

Generated code looks between slices of its kernels whether the word `WISH` behind the flag of wrong indices
has been set. A thread of Python that waits meanwhile sets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import I64, constant
from wengert.run.llvm.codegen.loops import Index, counted_loop, index_value, plus, smaller
from wengert.run.llvm.fusion.kernel_plan import Kernel
from wengert.run.llvm.schedule.schedule import cost

# Words behind the pointer at `memory.FLAG`: an index was out of range; the user wants to stop.
WRONG_INDEX, WISH = 0, 1

# Estimated nanoseconds. A computation is finished that is as good as done, and in the others somebody looks
# so often whether they are still wanted. Some processors, and memory that is written to for the first time,
# are more than ten times slower than the estimates have it.
_AS_GOOD_AS_DONE = 5e7
_BETWEEN_LOOKS = 5e6


def slices(
    kernels: Sequence[Kernel], units: Callable[[Kernel], int], looks_itself: Callable[[Kernel], bool]
) -> dict[Kernel, int]:
    """Return the kernels behind which, and within which, to look whether the computation is still wanted.

    Parameters
    ----------
    kernels : sequence of Kernel
        In the order in which they run.
    units : callable
        Into how many parts a kernel can be cut.
    looks_itself : callable
        Whether a kernel looks by itself, so that it need not be cut, and somebody must look behind it.

    Returns
    -------
    dict of Kernel to int
        How many units to compute between two looks. Empty where the computation does not take long.
    """
    found: dict[Kernel, int] = {}
    left = 0.0
    takes_long = sum(cost(kernel) for kernel in kernels) > _AS_GOOD_AS_DONE
    for kernel in reversed(kernels if takes_long else ()):
        own = cost(kernel)
        left += own
        if looks_itself(kernel):
            found[kernel] = units(kernel)
        elif left > _AS_GOOD_AS_DONE:
            found[kernel] = max(1, int(units(kernel) / max(own / _BETWEEN_LOOKS, 1.0)))
    return found


@contextmanager
def in_slices(
    builder: ir.IRBuilder, begin: Index, end: Index, slice_: Index
) -> Iterator[tuple[ir.Value, ir.Value]]:
    """Generate a loop over the units from `begin` to `end`, so many at a time."""
    with counted_loop(builder, begin, end, slice_) as low:
        high = smaller(builder, plus(builder, low, slice_), end)
        yield index_value(low), index_value(high)


@contextmanager
def if_wished(builder: ir.IRBuilder, flags: ir.Value) -> Iterator[None]:
    """Generate code for when the user wants to stop; it must leave."""
    word = builder.gep(flags, [constant(I64, WISH)], source_etype=I64)
    wish = builder.load_atomic(word, "monotonic", 8, typ=I64)
    stop, on = builder.append_basic_block("stop"), builder.append_basic_block("wanted")
    builder.cbranch(builder.icmp_signed("==", wish, constant(I64, 0)), on, stop)
    builder.position_at_end(stop)
    yield
    builder.position_at_end(on)
