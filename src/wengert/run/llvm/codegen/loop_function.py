"""The code of a loop over steps: gathers rows, runs the kernels on all threads, keeps count of the losses.

Every thread runs the same function. Between two phases of kernels, and between two steps, there is a
barrier; a kernel that is large enough is shared by all, the first thread runs the others. What is left to add
up in the order of the steps, the first thread does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.barrier import WORDS_APART, barrier_function
from wengert.run.llvm.codegen.cancellation import CANCEL, if_cancelled, in_slices
from wengert.run.llvm.codegen.fp_environment import plain_arithmetic
from wengert.run.llvm.codegen.generators import Generators
from wengert.run.llvm.codegen.irtypes import F64, I8, I64, POINTER, VOID, constant, intrinsic, memory_type
from wengert.run.llvm.codegen.kernel_functions import KernelWriter, pointer_at, write_kernels
from wengert.run.llvm.codegen.loops import counted_loop, index_value
from wengert.run.llvm.codegen.row_gather import copy_bytes, fetch_ahead, row_bytes
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.fusion.views import View
from wengert.run.llvm.schedule.buffers import ALIGNMENT, ARENA, FLAG, ORDER, PLACES, STATE, Memory
from wengert.run.llvm.schedule.schedule import Schedule, is_private

# Words of the state of a loop, and how many there are before the threads' counts. What one thread writes
# while others wait lies apart from what they look at.
STEPS, STOPPED, ABANDONED, IN_PIECES = 0, 16, 32, 33
LOSS_SUM, LAST_LOSS, LARGEST_LOSS = 48, 49, 50
FLAGS = 64
COUNTS = 80

# Why a loop stopped before its end, as bits of the word STOPPED.
FAILURE, CANCELLED = 1, 2

ENTRY = "loop"

# Roughly how many nanoseconds calling a kernel takes.
_CALL = 5.0

# The order of the rows is padded for that many steps, for rows that are prefetched.
STEPS_AHEAD = 2

# table of pointers, where in the order the first batch begins, how many steps, this thread's number, how many
ENTRY_TYPE = ir.FunctionType(VOID, [POINTER, I64, I64, I64, I64])


@dataclass(frozen=True)
class LoopLayout:
    """All that there is to know of a loop before it is written.

    Attributes
    ----------
    schedule : Schedule
    memory : Memory
    generators : Generators
    batch : int
        Rows in a step.
    single_rows : dict of Node to (Node, int)
        Inputs of one row that are read where they lie, with the buffer of all rows, and of which step they
        are: this one's, or the next one's.
    first : tuple of Kernel
        Run before the first step, which needs their results.
    loss : View
    is_inlined : bool
        Whether all is written as one function for one thread, without one for each kernel.
    slices : dict of Kernel to int
        Where a step that takes long can be given up; see `wengert.run.llvm.codegen.cancellation`.
    """

    schedule: Schedule
    memory: Memory
    generators: Generators
    batch: int
    single_rows: dict[Node, tuple[Node, int]]
    first: tuple[Kernel, ...]
    loss: View
    is_inlined: bool
    slices: dict[Kernel, int]

    @property
    def can_share(self) -> bool:
        """Whether several threads can run it."""
        return self.schedule.last > 0

    def arena_bytes(self, threads: int) -> int:
        """Return the size of the arena followed by the scratch memory of each thread."""
        return self.memory.arena_bytes + threads * self.generators.scratch_bytes

    def text(self) -> str:
        """Return a module with the function `ENTRY`."""
        module = ir.Module("wengert")
        _LoopWriter(module, self).write()
        return str(module)


class _LoopWriter:
    """Writes the function of a loop."""

    def __init__(self, module: ir.Module, layout: LoopLayout) -> None:
        self.layout = layout
        self.schedule = layout.schedule
        self.kernels = KernelWriter(module, layout.memory, layout.generators, bool(layout.slices))
        kernels = self.schedule.plan.kernels
        if not layout.is_inlined:
            write_kernels(self.kernels, kernels, {})
        triple = layout.generators.target.triple
        self.barrier = barrier_function(module, triple)
        self.function = ir.Function(module, ENTRY_TYPE, ENTRY)
        if not layout.is_inlined:
            self.kernels.neglect_if_short(self.function, _CALL * len(kernels))
        self.table, self.row, self.count, self.thread, self.threads = self.function.args
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        # Variables that stand for what lies at a place of the table, and their sizes in bytes.
        self.carried: dict[int, tuple[ir.Value, int]] = {}

    def write(self) -> None:
        """Write it."""
        builder = self.builder
        # Allocations go to the first block, all else follows it.
        top = builder.append_basic_block("top")
        builder.position_at_end(top)
        self.state = pointer_at(builder, self.table, STATE)
        self.order_of_rows = pointer_at(builder, self.table, ORDER)
        self.first = builder.icmp_signed("==", self.thread, constant(I64, 0))
        self.alone = builder.icmp_signed("==", self.threads, constant(I64, 1))
        self.scratch = self._own_scratch()
        self.shares = {
            units: self._share(units)
            for units in {self.layout.generators.units(kernel) for kernel in self.schedule.shared}
        }
        if self.layout.is_inlined:
            self._use_variables()
        self.leave = builder.append_basic_block("leave")
        with plain_arithmetic(builder, self.layout.generators.target.triple):
            # No thread begins before all are there.
            self._wait()
            if self.layout.first:
                self._find_rows(self.row)
                self._phase(list(self.layout.first))
                self._wait()
            with counted_loop(builder, 0, self.count) as step:
                self._step(index_value(step))
            builder.branch(self.leave)
            builder.position_at_end(self.leave)
            for slot, (variable, size) in self.carried.items():
                copy_bytes(builder, pointer_at(builder, self.table, slot), variable, size)
        builder.ret_void()
        with builder.goto_block(self.function.entry_basic_block):
            builder.branch(top)

    def _use_variables(self) -> None:
        """Keep the values of a step, and what it carries to the next one, in variables of this function.

        LLVM keeps what it can of them in registers. The carry is copied there, and back at the end.
        """
        builder, memory = self.builder, self.layout.memory

        def variable(size: int) -> ir.Value:
            with builder.goto_entry_block():
                place = builder.alloca(ir.ArrayType(I8, size))
            place.align, place.type = ALIGNMENT, POINTER
            return place

        for node in memory.offsets:
            self.kernels.variables[node] = variable(node.type.size * node.type.dtype.itemsize)
        written = [
            node for kernel in self.schedule.plan.kernels if not is_private(kernel) for node in kernel.stored
        ]
        for node in written:
            slot = memory.slots.get(node)
            if slot is not None and slot not in self.carried:
                size = node.type.size * node.type.dtype.itemsize
                self.carried[slot] = variable(size), size
                copy_bytes(builder, self.carried[slot][0], pointer_at(builder, self.table, slot), size)
        for node, slot in memory.slots.items():
            if slot in self.carried:
                self.kernels.variables[node] = self.carried[slot][0]

    def _own_scratch(self) -> ir.Value:
        size = constant(I64, self.layout.generators.scratch_bytes)
        own = self.builder.mul(self.thread, size)
        offset = self.builder.add(own, constant(I64, self.layout.memory.arena_bytes))
        return self.builder.gep(pointer_at(self.builder, self.table, ARENA), [offset], source_etype=I8)

    def _share(self, units: int) -> tuple[ir.Value, ir.Value]:
        """Return which of `units` this thread computes."""
        builder, all_units = self.builder, constant(I64, units)
        following = builder.add(self.thread, constant(I64, 1))
        begin, end = (
            builder.udiv(builder.mul(all_units, thread), self.threads) for thread in (self.thread, following)
        )
        return begin, end

    def _step(self, step: ir.Value) -> None:
        builder = self.builder
        row = builder.add(self.row, builder.mul(step, constant(I64, self.layout.batch)))
        self._find_rows(row)
        phases: list[list[Kernel]] = [[] for _ in range(self.schedule.last + 1)]
        for kernel, phase in self.schedule.phases.items():
            phases[phase].append(kernel)
        for number, kernels in enumerate(phases):
            self._phase(kernels)
            if number == self.schedule.last:
                with self._on_first_thread():
                    self._account(row)
            self._wait()
        stopped = builder.load(self._word(STOPPED), typ=I64)
        more = builder.append_basic_block("more")
        builder.cbranch(builder.icmp_signed("==", stopped, constant(I64, 0)), more, self.leave)
        builder.position_at_end(more)

    def _find_rows(self, row: ir.Value) -> None:
        """Say where the rows of the step lie that begins with `row`."""
        builder = self.builder
        places = builder.gep(self.order_of_rows, [row], source_etype=I64)
        builder.store(places, self._slot(PLACES))
        for node, (source, steps) in self.layout.single_rows.items():
            place = builder.load(builder.gep(places, [constant(I64, steps)], source_etype=I64), typ=I64)
            all_rows = self.kernels.buffer(builder, self.table, source)
            offset = builder.mul(place, constant(I64, row_bytes(node)))
            here = builder.gep(all_rows, [offset], source_etype=I8)
            fetch_ahead(builder, all_rows, places, STEPS_AHEAD, node)
            builder.store(here, self._slot(self.layout.memory.slots[node]))

    def _phase(self, kernels: list[Kernel]) -> None:
        """Run kernels; those of the first thread alone that follow each other share one question."""
        place = 0
        while place < len(kernels):
            units = self.layout.generators.units(kernels[place])
            if not self._is_alone(kernels[place]):
                begin, end = constant(I64, 0), constant(I64, units)
                if not is_private(kernels[place]):
                    begin, end = self.shares[units]
                self._run(kernels[place], begin, end)
                place += 1
                continue
            with self._on_first_thread():
                while place < len(kernels) and self._is_alone(kernels[place]):
                    every = constant(I64, self.layout.generators.units(kernels[place]))
                    self._run(kernels[place], constant(I64, 0), every)
                    place += 1

    def _run(self, kernel: Kernel, begin: ir.Value, end: ir.Value) -> None:
        """Run units of a kernel; in a step that takes long, with looks whether it is still wanted."""
        if kernel not in self.layout.slices:
            self._run_at_once(kernel, begin, end)
            return
        with in_slices(self.builder, begin, end, self.layout.slices[kernel]) as (low, high):
            self._run_at_once(kernel, low, high)
            with if_cancelled(self.builder, pointer_at(self.builder, self.table, FLAG)):
                self._give_up(kernel)

    def _give_up(self, kernel: Kernel) -> None:
        """Leave in the middle of a step, and let no thread wait."""
        builder = self.builder
        # No other thread is in another phase: all wait for this one at its end.
        if self.schedule.phases[kernel] >= self.schedule.first_written:
            builder.store(constant(I64, 1), self._word(IN_PIECES))
        abandoned = self._word(ABANDONED)
        abandoned.type = I64.as_pointer()  # llvmlite stores atomically through typed pointers only
        builder.store_atomic(constant(I64, 1), abandoned, "release", 8)
        builder.branch(self.leave)

    def _run_at_once(self, kernel: Kernel, begin: ir.Value, end: ir.Value) -> None:
        arguments = [self.table, begin, end, self.scratch]
        if self.layout.is_inlined:
            self.kernels.write(self.builder, kernel, arguments)
        else:
            self.kernels.call(self.builder, kernel, arguments)

    @contextmanager
    def _on_first_thread(self) -> Iterator[None]:
        """Generate what the body generates for the first thread alone."""
        if not self.layout.can_share:
            yield
            return
        with self.builder.if_then(self.first):
            yield

    def _is_alone(self, kernel: Kernel) -> bool:
        """Whether the first thread alone runs a kernel."""
        return kernel not in self.schedule.shared and not is_private(kernel)

    def _account(self, row: ir.Value) -> None:
        """Add up the loss, count the step, and see whether to stop."""
        builder = self.builder
        type_ = memory_type(self.layout.loss.base.type.dtype)
        buffer = self.kernels.buffer(builder, self.table, self.layout.loss.base)
        place = builder.gep(buffer, [constant(I64, self.layout.loss.offset)], source_etype=type_)
        loss = builder.load(place, typ=type_)
        if type_ != F64:
            loss = builder.fpext(loss, F64)
        begins = builder.icmp_signed("==", row, constant(I64, 0))
        before = builder.select(begins, constant(F64, 0.0), builder.load(self._word(LOSS_SUM), typ=F64))
        rows = constant(F64, float(self.layout.batch))
        builder.store(builder.fadd(before, builder.fmul(loss, rows)), self._word(LOSS_SUM))
        builder.store(loss, self._word(LAST_LOSS))
        largest = builder.load(self._word(LARGEST_LOSS), typ=F64)
        larger = builder.fcmp_ordered(">", loss, largest)
        builder.store(builder.select(larger, loss, largest), self._word(LARGEST_LOSS))
        steps = builder.load(self._word(STEPS), typ=I64)
        builder.store(builder.add(steps, constant(I64, 1)), self._word(STEPS))
        size = intrinsic(builder, "llvm.fabs", [loss])
        finite = builder.fcmp_ordered("<", size, constant(F64, math.inf))
        wrong = builder.load(pointer_at(builder, self.table, FLAG), typ=I64)
        failure = builder.or_(builder.not_(finite), builder.icmp_signed("!=", wrong, constant(I64, 0)))
        cancel = builder.load_atomic(self._word(FLAGS + CANCEL), "monotonic", 8, typ=I64)
        reason = builder.or_(builder.select(failure, constant(I64, FAILURE), constant(I64, 0)), cancel)
        with builder.if_then(builder.icmp_signed("!=", reason, constant(I64, 0)), likely=False):
            builder.store(reason, self._word(STOPPED))

    def _wait(self) -> None:
        """Wait for the other threads; leave where they will not come."""
        if not self.layout.can_share:
            return
        builder = self.builder
        wait, on = builder.append_basic_block("wait"), builder.append_basic_block("on")
        builder.cbranch(self.alone, on, wait)
        builder.position_at_end(wait)
        abandoned = builder.call(
            self.barrier, [self._word(COUNTS), self.thread, self.threads, self._word(ABANDONED)]
        )
        builder.cbranch(abandoned, self.leave, on)
        builder.position_at_end(on)

    def _word(self, number: int) -> ir.Value:
        return self.builder.gep(self.state, [constant(I64, number)], source_etype=I64)

    def _slot(self, number: int) -> ir.Value:
        return self.builder.gep(self.table, [constant(I64, number)], source_etype=POINTER)


def state_words(threads: int) -> int:
    """Return how many words the state of a loop has."""
    return COUNTS + WORDS_APART * threads
