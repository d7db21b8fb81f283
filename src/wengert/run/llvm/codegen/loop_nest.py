"""Nests of loops: elementwise lines with broadcasting, and reductions over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.accumulators import Accumulator
from wengert.run.llvm.codegen.body import Body, kernel_accesses
from wengert.run.llvm.codegen.irtypes import I64, splat
from wengert.run.llvm.codegen.loops import (
    Access,
    Index,
    Place,
    as_number,
    coalesced,
    counted_loop,
    index_value,
    iterations,
    plus,
    smaller,
    times,
)
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.matmul.packing import shortened
from wengert.run.llvm.runtime.target import Target

# Additions in flight: one takes about four cycles, and two can begin in each.
ACCUMULATORS = 4

# Vectors of columns that are gone through together.
COLUMN_VECTORS = 4


class LoopNest:
    """The loops of a kernel.

    Parameters
    ----------
    kernel : Kernel
        Of the form LOOPS.
    target : Target
    in_place : bool
        Whether what it writes may lie where something lies that it reads. Where not, elements may be computed
        twice: the last vector of a row ends with the row, and begins where it must.

    Attributes
    ----------
    units : int
        Into how many parts the work can be cut; each is independent of the others.
    """

    scratch_bytes = 0

    def __init__(self, kernel: Kernel, target: Target, in_place: bool = True) -> None:
        self.kernel = kernel
        self.in_place = in_place
        accesses = kernel_accesses(kernel)
        axes = kernel.axes or ()
        flags = [axis in axes for axis in range(len(kernel.shape))]
        shape, reduced, fewer = coalesced(kernel.shape, flags, list(accesses.values()))
        if not shape:
            shape, reduced = [1], [False]
            fewer = [Access(access.offset, (0,)) for access in fewer]
        self.shape = shape
        self.reduced = reduced
        self.accesses: dict[Node, Access] = dict(zip(accesses, fewer, strict=True))
        self.last = len(shape) - 1
        types = [node.type for node in [*kernel.members, *kernel.leaves] if node.type.dtype.kind == "f"]
        widest = max((one.dtype.itemsize for one in types), default=8)
        self.lanes = max(1, min(target.lanes(widest), shape[-1]))
        self.accumulators = [Accumulator(node) for node in kernel.reductions]
        self.outer = [axis for axis in range(self.last) if not reduced[axis]]
        self.inner = [axis for axis in range(self.last) if reduced[axis]]
        self.by_columns = self._is_outer_product()
        self.units = self._units()

    def _is_outer_product(self) -> bool:
        """Whether a column and a row are combined with a matrix, as in the update of weights from one row.

        Then a few columns at a time are gone through from top to bottom.
        """
        if self.accumulators or len(self.shape) != 2 or self.shape[1] < 2 * self.lanes:
            return False
        strides = [access.strides for access in self.accesses.values()]
        has_column = any(row != 0 and column == 0 for row, column in strides)
        return has_column and any(row == 0 and column != 0 for row, column in strides)

    def _units(self) -> int:
        if math.prod(n for n, flag in zip(self.shape, self.reduced, strict=True) if not flag) == 0:
            return 0
        if self.outer:
            return self.shape[self.outer[0]]
        return 1 if self.reduced[self.last] else -(-self.shape[self.last] // self.lanes)

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        scratch: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`."""
        body = Body(self.kernel, buffers, self.accesses)
        indices: list[Index] = [0] * len(self.shape)
        first_unit, after = as_number(begin), as_number(end)
        if self.by_columns:
            with builder.if_then(builder.icmp_signed("<", begin, end)):
                self._columns(builder, body, begin, end)
        elif self.outer:
            first, *rest = self.outer
            for index in iterations(builder, first_unit, after):
                indices[first] = index
                self._nested(builder, rest, indices, lambda: self._row(builder, body, indices))
        elif self.reduced[self.last]:
            with builder.if_then(builder.icmp_signed("<", begin, end)):
                self._total(builder, body, indices)
        else:
            self._blocks(builder, body, indices, first_unit, after)

    def _nested(
        self, builder: ir.IRBuilder, axes: Sequence[int], indices: list[Index], inside: Callable[[], None]
    ) -> None:
        """Generate loops over `axes` around what `inside` generates."""
        if not axes:
            inside()
            return
        if self.shape[axes[0]] == 0:
            return
        with counted_loop(builder, 0, self.shape[axes[0]]) as index:
            indices[axes[0]] = index
            self._nested(builder, axes[1:], indices, inside)

    def _row(self, builder: ir.IRBuilder, body: Body, indices: list[Index]) -> None:
        if self.reduced[self.last]:
            self._total(builder, body, indices)
            return
        extent = self.shape[self.last]
        # Where each vector is followed through other axes, neighbours go together, so that memory is gone
        # through in its order.
        count = COLUMN_VECTORS if self.accumulators and self.inner else 1
        if count == 1 and not self.in_place:
            with counted_loop(builder, 0, extent, self.lanes) as index:
                self._run_within(builder, body, indices, index)
            return
        full = extent - extent % (count * self.lanes)
        with counted_loop(builder, 0, full, count * self.lanes) as index:
            indices[self.last] = index
            self._run(builder, body, indices, [self.lanes] * count)
        if full < extent:
            indices[self.last] = full
            widths = [min(self.lanes, extent - start) for start in range(full, extent, self.lanes)]
            self._run(builder, body, indices, widths)

    def _columns(self, builder: ir.IRBuilder, body: Body, begin: ir.Value, end: ir.Value) -> None:
        """Go through the columns, some vectors at a time, and down the rows from `begin` to `end`."""
        block, columns = COLUMN_VECTORS * self.lanes, self.shape[1]
        full = columns - columns % block
        with counted_loop(builder, 0, full, block) as column:
            self._down(builder, body, column, [self.lanes] * COLUMN_VECTORS, begin, end)
        if full < columns:
            widths = [min(self.lanes, columns - start) for start in range(full, columns, self.lanes)]
            self._down(builder, body, full, widths, begin, end)

    def _down(
        self,
        builder: ir.IRBuilder,
        body: Body,
        column: Index,
        widths: list[int],
        begin: ir.Value,
        end: ir.Value,
    ) -> None:
        """Go down some vectors of columns; what is the same in all rows is read once."""
        starts = [plus(builder, column, number * self.lanes) for number in range(len(widths))]
        rows, columns = (
            [node for node, access in self.accesses.items() if access.strides[axis] == 0] for axis in (1, 0)
        )
        known = [
            {node: body.operand(builder, node, Place([0, start], width), {}) for node in columns}
            for start, width in zip(starts, widths, strict=True)
        ]
        with counted_loop(builder, begin, end) as row:
            of_row = {node: body.operand(builder, node, Place([row, 0], 1), {}) for node in rows}
            for start, width, values in zip(starts, widths, known, strict=True):
                spread = {node: splat(builder, value, width) for node, value in of_row.items()}
                body.compute(builder, Place([row, start], width), {**values, **spread})

    def _blocks(
        self, builder: ir.IRBuilder, body: Body, indices: list[Index], begin: Index, end: Index
    ) -> None:
        """The only axis that is kept is cut into vectors; the last of them may be short."""
        extent = self.shape[self.last]
        if not self.in_place:
            with counted_loop(builder, begin, end) as unit:
                self._run_within(builder, body, indices, times(builder, unit, self.lanes))
            return
        full = extent // self.lanes
        start, stop = (times(builder, unit, self.lanes) for unit in (begin, smaller(builder, end, full)))
        with counted_loop(builder, start, stop, self.lanes) as index:
            indices[self.last] = index
            self._run(builder, body, indices, [self.lanes])
        if full * self.lanes < extent:
            mine = builder.and_(
                builder.icmp_signed("==", index_value(end), index_value(self.units)),
                builder.icmp_signed("<", index_value(begin), index_value(end)),
            )
            with builder.if_then(mine):
                indices[self.last] = full * self.lanes
                self._run(builder, body, indices, [extent - full * self.lanes])

    def _run_within(self, builder: ir.IRBuilder, body: Body, indices: list[Index], start: Index) -> None:
        """Compute a whole vector that begins at `start`, or before where the row would end within it."""
        extent = self.shape[self.last]
        last = extent - self.lanes
        indices[self.last] = start if extent % self.lanes == 0 else smaller(builder, start, last)
        self._run(builder, body, indices, [self.lanes])

    def _run(self, builder: ir.IRBuilder, body: Body, indices: list[Index], widths: list[int]) -> None:
        """Compute vectors of kept elements side by side; reductions run over the inner axes."""
        first = indices[self.last]
        starts = [plus(builder, first, number * self.lanes) for number in range(len(widths))]

        def places() -> list[Place]:
            return [Place([*indices[:-1], start], width) for start, width in zip(starts, widths, strict=True)]

        if not self.accumulators:
            for place in places():
                body.compute(builder, place)
            return
        # Between two iterations of a loop LLVM keeps a vector whole only if its lanes are a power of two.
        wide = [1 << (width - 1).bit_length() for width in widths]
        slots = [[_slot(builder, one.start(width)) for one in self.accumulators] for width in wide]

        def inside() -> None:
            for place, own, width in zip(places(), slots, wide, strict=True):
                values = body.compute(builder, place)
                for accumulator, slot in zip(self.accumulators, own, strict=True):
                    value = body.operand(builder, accumulator.node.inputs[0], place, values)
                    full = accumulator.padded(builder, accumulator.widen(builder, value), width)
                    _update(builder, accumulator, slot, full)

        self._nested(builder, self.inner, indices, inside)
        for axis in self.inner:
            indices[axis] = 0
        for place, own in zip(places(), slots, strict=True):
            for accumulator, slot in zip(self.accumulators, own, strict=True):
                total = shortened(builder, builder.load(slot, typ=slot.allocated_type), place.lanes)
                body.store(builder, accumulator.node, accumulator.finish(builder, total), place)

    def _total(self, builder: ir.IRBuilder, body: Body, indices: list[Index]) -> None:
        """Reduce over the last axis and the inner ones: vectors of partial results, joined at the end."""
        if not self.inner and 0 < self.shape[self.last] <= self.lanes:
            self._short_total(builder, body, indices)
            return
        slots = [
            [_slot(builder, one.start(self.lanes)) for _ in range(ACCUMULATORS)] for one in self.accumulators
        ]
        self._nested(builder, self.inner, indices, lambda: self._sweep(builder, body, indices, slots))
        for axis in (*self.inner, self.last):
            indices[axis] = 0
        for accumulator, parts in zip(self.accumulators, slots, strict=True):
            total = builder.load(parts[0], typ=parts[0].allocated_type)
            for part in parts[1:]:
                total = accumulator.combine(builder, total, builder.load(part, typ=part.allocated_type))
            result = accumulator.finish(builder, accumulator.across(builder, total))
            body.store(builder, accumulator.node, result, Place(list(indices), 1))

    def _short_total(self, builder: ir.IRBuilder, body: Body, indices: list[Index]) -> None:
        """Reduce over a last axis that is no longer than a vector."""
        indices[self.last] = 0
        values = body.compute(builder, place := Place(list(indices), self.shape[self.last]))
        for accumulator in self.accumulators:
            value = body.operand(builder, accumulator.node.inputs[0], place, values)
            total = accumulator.across(builder, accumulator.widen(builder, value))
            body.store(builder, accumulator.node, accumulator.finish(builder, total), Place(place.indices, 1))

    def _sweep(
        self,
        builder: ir.IRBuilder,
        body: Body,
        indices: list[Index],
        slots: list[list[ir.AllocaInstr]],
    ) -> None:
        """Go along the last axis: four vectors at a time, then one, then the rest."""
        extent = self.shape[self.last]
        stride = ACCUMULATORS * self.lanes
        wide = extent - extent % stride
        single = extent - extent % self.lanes
        if wide:
            with counted_loop(builder, 0, wide, stride) as index:
                for number in range(ACCUMULATORS):
                    offset = ir.Constant(I64, number * self.lanes)
                    indices[self.last] = builder.add(index_value(index), offset)
                    self._take(builder, body, indices, self.lanes, [parts[number] for parts in slots])
        if wide < single:
            with counted_loop(builder, wide, single, self.lanes) as index:
                indices[self.last] = index
                self._take(builder, body, indices, self.lanes, [parts[0] for parts in slots])
        if single < extent:
            indices[self.last] = single
            self._take(builder, body, indices, extent - single, [parts[1] for parts in slots])

    def _take(
        self,
        builder: ir.IRBuilder,
        body: Body,
        indices: list[Index],
        lanes: int,
        slots: list[ir.AllocaInstr],
    ) -> None:
        place = Place(list(indices), lanes)
        values = body.compute(builder, place)
        for accumulator, slot in zip(self.accumulators, slots, strict=True):
            value = body.operand(builder, accumulator.node.inputs[0], place, values)
            full = accumulator.padded(builder, accumulator.widen(builder, value), self.lanes)
            _update(builder, accumulator, slot, full)


def _slot(builder: ir.IRBuilder, value: ir.Value) -> ir.AllocaInstr:
    """Return a variable, which LLVM keeps in a register; it is made at the top of the function."""
    with builder.goto_entry_block():
        slot = builder.alloca(value.type)
    builder.store(value, slot)
    return slot


def _update(builder: ir.IRBuilder, accumulator: Accumulator, slot: ir.AllocaInstr, value: ir.Value) -> None:
    before = builder.load(slot, typ=slot.allocated_type)
    builder.store(accumulator.step(builder, before, value), slot)
