"""Where a computation that takes long can be cancelled.

Generated code looks between slices of its kernels whether the word `CANCEL` after the flag of wrong indices
has been set. A thread of Python that waits meanwhile sets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import I64, constant
from wengert.run.llvm.codegen.loops import Index, counted_loop, index_value, plus, smaller
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.schedule.schedule import cost

# Words at the pointer at `buffers.FLAG`: an index was out of range; the user wants to stop.
WRONG_INDEX, CANCEL = 0, 1

# Estimated nanoseconds: what is left of a computation that is rather finished than cancelled, and the time
# between two looks in the others. Some processors, and memory that is written to for the first time, are more
# than ten times slower than the estimates have it.
_AS_GOOD_AS_DONE = 5e7
_BETWEEN_LOOKS = 5e6


def slices(
    kernels: Sequence[Kernel], units: Callable[[Kernel], int], looks_itself: Callable[[Kernel], bool]
) -> dict[Kernel, int]:
    """Return the kernels after which, and within which, to look whether the computation is cancelled.

    Parameters
    ----------
    kernels : sequence of Kernel
        In the order in which they run.
    units : callable
        Into how many parts a kernel can be cut.
    looks_itself : callable
        Whether a kernel looks by itself, so that it need not be cut; the caller looks after it.

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
    """Generate a loop over the units from `begin` to `end`, `slice_` of them at a time."""
    with counted_loop(builder, begin, end, slice_) as low:
        high = smaller(builder, plus(builder, low, slice_), end)
        yield index_value(low), index_value(high)


@contextmanager
def if_cancelled(builder: ir.IRBuilder, flags: ir.Value) -> Iterator[None]:
    """Generate code for when the computation is cancelled; it must leave."""
    word = builder.gep(flags, [constant(I64, CANCEL)], source_etype=I64)
    cancel = builder.load_atomic(word, "monotonic", 8, typ=I64)
    stop, on = builder.append_basic_block("stop"), builder.append_basic_block("wanted")
    builder.cbranch(builder.icmp_signed("==", cancel, constant(I64, 0)), on, stop)
    builder.position_at_end(stop)
    yield
    builder.position_at_end(on)
