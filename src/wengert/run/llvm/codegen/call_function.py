"""A program that is called: its kernels one after the other, run by one thread or by several."""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from wengert.run.llvm.codegen.barrier import WORDS_APART, barrier_function
from wengert.run.llvm.codegen.cancellation import if_cancelled, in_slices, slices
from wengert.run.llvm.codegen.fp_environment import plain_arithmetic
from wengert.run.llvm.codegen.generators import Generators
from wengert.run.llvm.codegen.irtypes import I8, I64, POINTER, VOID, constant, constant_words
from wengert.run.llvm.codegen.kernel_functions import (
    KernelWriter,
    closed,
    entry,
    opened,
    pointer_at,
    write_kernels,
)
from wengert.run.llvm.codegen.loops import counted_loop, index_value
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.repetition.repeat_function import write_repeat
from wengert.run.llvm.runtime.target import Target
from wengert.run.llvm.schedule.buffers import ARENA, FLAG, STATE, Memory
from wengert.run.llvm.schedule.parallel_call import ParallelCall

# The function that runs kernels within any floating-point environment: table of pointers, first kernel, end
# of kernels. And the one that each of several threads calls: table, number of the thread, how many there are.
RUN, RUN_PARALLEL = "run", "run_parallel"
_TYPE = ir.FunctionType(VOID, [POINTER, I64, I64])

# Words of the memory through which threads wait for each other.
ABANDONED, _COUNTS = 0, WORDS_APART

# What threads do at a kernel, as bits: wait for each other first, share it.
_WAIT, _SHARE = 1, 2


def state_words(threads: int) -> int:
    """Return the number of words of the memory through which threads wait for each other."""
    return _COUNTS + WORDS_APART * threads


@dataclass(frozen=True)
class Segment:
    """A stretch of the plan: kernels of generated code, or one line for NumPy.

    Attributes
    ----------
    kernels : list of Kernel
    first : int
        The number of the first among all kernels of generated code.
    """

    kernels: list[Kernel]
    first: int

    @property
    def is_native(self) -> bool:
        """Whether generated code runs it."""
        return self.kernels[0].form is not Form.NUMPY

    @property
    def end(self) -> int:
        """One more than the number of the last kernel."""
        return self.first + len(self.kernels)


@dataclass(frozen=True)
class Layout:
    """All that there is to know of a module before it is written.

    Attributes
    ----------
    memory : Memory
    generators : Generators
    segments : list of Segment
        In order.
    slices : dict of Kernel to int
        Where a call that takes long can be cancelled; see `wengert.run.llvm.codegen.cancellation`.
    parallel : ParallelCall or None
        How several threads share a call that takes long.
    repeats : bool
        Whether there is a function for many iterations of a loop; see `wengert.run.llvm.repetition`.
    """

    memory: Memory
    generators: Generators
    segments: list[Segment]
    slices: dict[Kernel, int]
    parallel: ParallelCall | None
    repeats: bool = False

    def arena_bytes(self, threads: int) -> int:
        """Return the size of the arena followed by the scratch memory of each thread."""
        return self.memory.arena_bytes + threads * self.generators.scratch_bytes

    def text(self) -> str:
        """Return the module."""
        module = ir.Module("wengert")
        writer = KernelWriter(module, self.memory, self.generators, bool(self.slices))
        kernels = [kernel for segment in self.segments if segment.is_native for kernel in segment.kernels]
        if kernels:
            inner = write_kernels(writer, kernels, self.slices)
            _write_run(writer, inner)
            if self.repeats:
                write_repeat(writer, inner, len(kernels))
            if self.parallel is not None:
                _ParallelWriter(writer, self, self.parallel).write(kernels)
        return str(module)


def layout(
    plan: Plan,
    memory: Memory,
    target: Target,
    parallel: ParallelCall | None = None,
    repeats: bool = False,
) -> Layout:
    """Return the layout of a program that is called."""
    segments: list[Segment] = []
    stretch: list[Kernel] = []
    first = 0
    for kernel in plan.kernels:
        if kernel.form is not Form.NUMPY:
            stretch.append(kernel)
            continue
        if stretch:
            segments.append(Segment(stretch, first))
            first = segments[-1].end
        segments.append(Segment([kernel], first))
        stretch = []
    if stretch:
        segments.append(Segment(stretch, first))
    generators = Generators(plan.kernels, target, in_place=False)
    looks = slices(list(generators), generators.units, generators.looks_itself)
    return Layout(memory, generators, segments, looks, parallel, repeats)


def _write_run(writer: KernelWriter, inner: ir.Function) -> None:
    """Write the function `RUN` around the one that runs the kernels."""
    run = ir.Function(writer.module, _TYPE, RUN)
    table, first, end = run.args
    builder = ir.IRBuilder(run.append_basic_block("entry"))
    arena = pointer_at(builder, table, ARENA)
    scratch = builder.gep(arena, [ir.Constant(I64, writer.memory.arena_bytes)], source_etype=I8)
    with plain_arithmetic(builder, writer.generators.target.triple):
        builder.call(inner, [table, first, end, scratch])
    builder.ret_void()


class _ParallelWriter:
    """Writes the function `RUN_PARALLEL`.

    Parameters
    ----------
    writer : KernelWriter
        Has written the list of kernels.
    layout : Layout
    together : Together
    """

    def __init__(self, writer: KernelWriter, layout: Layout, parallel: ParallelCall) -> None:
        self.module = writer.module
        self.layout = layout
        self.parallel = parallel
        function = ir.Function(self.module, _TYPE, RUN_PARALLEL)
        self.table, self.thread, self.threads = function.args
        self.builder, top = opened(function)
        self.leave = self.builder.append_basic_block("leave")
        self.function, self.top = function, top

    def write(self, kernels: list[Kernel]) -> None:
        """Write it."""
        builder, triple = self.builder, self.layout.generators.target.triple
        words = constant_words(
            self.module, "sharing", ir.ArrayType(I64, len(kernels)), self._sharing(kernels)
        )
        barrier = barrier_function(self.module, triple)
        with plain_arithmetic(builder, triple):
            self.state = pointer_at(builder, self.table, STATE)
            scratch = self._scratch()
            with counted_loop(builder, 0, len(kernels)) as number:
                here = builder.gep(words, [index_value(number)], source_etype=I64)
                sharing = builder.load(here, typ=I64)
                with builder.if_then(self._has(sharing, _WAIT)):
                    self._wait(barrier)
                self._compute(index_value(number), self._has(sharing, _SHARE), scratch)
            builder.branch(self.leave)
            builder.position_at_end(self.leave)
        closed(builder, self.function, self.top)

    def _sharing(self, kernels: list[Kernel]) -> list[int]:
        found, phase = [], 0
        for kernel in kernels:
            waits, phase = self.parallel.phases[kernel] != phase, self.parallel.phases[kernel]
            found.append(_WAIT * waits + _SHARE * (kernel in self.parallel.shared))
        return found

    def _has(self, sharing: ir.Value, bit: int) -> ir.Value:
        return self.builder.icmp_signed(
            "!=", self.builder.and_(sharing, constant(I64, bit)), constant(I64, 0)
        )

    def _scratch(self) -> ir.Value:
        own = self.builder.mul(self.thread, constant(I64, self.layout.generators.scratch_bytes))
        offset = self.builder.add(own, constant(I64, self.layout.memory.arena_bytes))
        return self.builder.gep(pointer_at(self.builder, self.table, ARENA), [offset], source_etype=I8)

    def _wait(self, barrier: ir.Function) -> None:
        builder = self.builder
        counts = builder.gep(self.state, [constant(I64, _COUNTS)], source_etype=I64)
        abandoned = builder.call(barrier, [counts, self.thread, self.threads, self.state])
        on = builder.append_basic_block("on")
        builder.cbranch(abandoned, self.leave, on)
        builder.position_at_end(on)

    def _compute(self, number: ir.Value, shared: ir.Value, scratch: ir.Value) -> None:
        """Compute this thread's units of a kernel."""
        builder, zero = self.builder, constant(I64, 0)
        code, units, slice_, places = entry(builder, number)
        following = builder.add(self.thread, constant(I64, 1))
        low, high = (
            builder.udiv(builder.mul(units, thread), self.threads) for thread in (self.thread, following)
        )
        every = builder.select(builder.icmp_signed("==", self.thread, zero), units, zero)
        begin, end = builder.select(shared, low, zero), builder.select(shared, high, every)
        with in_slices(builder, begin, end, slice_) as (first, last):
            builder.call(code, [self.table, first, last, scratch, places])
            if self.layout.slices:
                with if_cancelled(builder, pointer_at(builder, self.table, FLAG)):
                    # No thread waits for one that leaves here.
                    abandoned = builder.gep(self.state, [constant(I64, ABANDONED)], source_etype=I64)
                    abandoned.type = (
                        I64.as_pointer()
                    )  # llvmlite stores atomically through typed pointers only
                    builder.store_atomic(constant(I64, 1), abandoned, "release", 8)
                    builder.branch(self.leave)
