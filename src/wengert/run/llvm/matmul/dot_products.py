"""Products of matrices as dot products, where both operands run along the terms in memory."""

from __future__ import annotations

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import Body
from wengert.run.llvm.codegen.irtypes import F64, I32, constant, element_of, intrinsic, lanes_of, widened
from wengert.run.llvm.codegen.loops import (
    Access,
    Index,
    Place,
    counted_loop,
    index_value,
    plus,
    smaller,
    times,
)
from wengert.run.llvm.matmul.matrix_products import Product
from wengert.run.llvm.matmul.packing import load_padded, shortened
from wengert.run.llvm.runtime.target import Target

# Results at once: each reads its own stretch of memory, and all share the vector of the left operand.
COLUMNS = 8
# Vectors of float32 terms that are added up before their sum goes to a total in float64: otherwise the error
# grows with the number of terms.
STRETCH = 128


class DotProducts:
    """A few dot products at a time, vectors running along the terms.

    Attributes
    ----------
    units : int
        Matrices of a batch, or blocks of columns.
    scratch_bytes : int
        None is needed.
    """

    scratch_bytes = 0

    def __init__(self, product: Product, target: Target) -> None:
        self.product = product
        self.lanes = min(target.lanes(product.itemsize), 1 << max(product.terms - 1, 0).bit_length())
        self.blocks = -(-product.columns // COLUMNS)
        self.units = product.batch[0] if product.batch else self.blocks
        if product.is_empty:
            self.units = 0
        *outer, by_term, by_column = product.right_access.strides
        self.right_access = Access(product.right_access.offset, (*outer, by_column, by_term))

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        scratch: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`."""
        if not self.product.batch:
            self._blocks(builder, buffers, [], begin, end)
            return
        with counted_loop(builder, begin, end) as index:
            self._batches(builder, buffers, [index])

    def _batches(self, builder: ir.IRBuilder, buffers: dict[Node, ir.Value], batch: list[Index]) -> None:
        if len(batch) == len(self.product.batch):
            self._blocks(builder, buffers, batch, 0, self.blocks)
            return
        with counted_loop(builder, 0, self.product.batch[len(batch)]) as index:
            self._batches(builder, buffers, [*batch, index])

    def _blocks(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        batch: list[Index],
        begin: Index,
        end: Index,
    ) -> None:
        full = self.product.columns // COLUMNS
        rest = self.product.columns - full * COLUMNS
        if full:
            stop_value, limit = index_value(end), index_value(full)
            stop = builder.select(builder.icmp_signed("<", stop_value, limit), stop_value, limit)
            with counted_loop(builder, begin, stop) as block:
                self._rows(builder, buffers, batch, times(builder, block, COLUMNS), COLUMNS)
        if rest:
            mine = builder.and_(
                builder.icmp_signed("==", index_value(end), index_value(self.blocks)),
                builder.icmp_signed("<", index_value(begin), index_value(end)),
            )
            with builder.if_then(mine):
                self._rows(builder, buffers, batch, full * COLUMNS, rest)

    def _rows(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        batch: list[Index],
        column: Index,
        count: int,
    ) -> None:
        body = Body(self.product.kernel, buffers, self.product.accesses)
        with counted_loop(builder, 0, self.product.rows) as row:
            value = self._dots(builder, buffers, batch, row, column, count)
            place = Place([*batch, row, column], count)
            body.compute(builder, place, {self.product.kernel.line: value})

    def _dots(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        batch: list[Index],
        row: Index,
        column: Index,
        count: int,
    ) -> ir.Value:
        """Return `count` dot products of one row with the columns from `column` on."""
        product, lanes = self.product, self.lanes
        type_, total_type = (widened(one, lanes) for one in (product.type, F64))
        slots = _zeros(builder, type_, count)

        def take(term: Index, width: int) -> None:
            left = load_padded(
                builder, buffers[product.left], product.type, product.left_access,
                Place([*batch, row, term], width), lanes,
            )  # fmt: skip
            for number, slot in enumerate(slots):
                place = Place([*batch, plus(builder, column, number), term], width)
                right = load_padded(
                    builder, buffers[product.right], product.type, self.right_access, place, lanes
                )
                before = builder.load(slot, typ=type_)
                after = intrinsic(builder, "llvm.fmuladd", [left, right, before])
                builder.store(after, slot)

        whole = product.terms - product.terms % lanes
        stretch = STRETCH * lanes
        is_long = whole > stretch and product.type != F64
        totals = _zeros(builder, total_type, count) if is_long else slots
        with counted_loop(builder, 0, whole, stretch if is_long else max(whole, 1)) as start:
            stop = smaller(builder, plus(builder, start, stretch), whole) if is_long else whole
            with counted_loop(builder, start, stop, lanes) as term:
                take(term, lanes)
            if is_long:
                self._add_up(builder, slots, totals)
        if whole < product.terms:
            take(whole, product.terms - whole)
            if is_long:
                self._add_up(builder, slots, totals)
        sums = sums_of_lanes(builder, [builder.load(one, typ=one.allocated_type) for one in totals])
        return builder.fptrunc(sums, widened(product.type, count)) if is_long else sums

    def _add_up(self, builder: ir.IRBuilder, slots: list[ir.Value], totals: list[ir.Value]) -> None:
        """Add sums of a stretch of terms to the totals, and begin anew."""
        type_, total_type = (widened(one, self.lanes) for one in (self.product.type, F64))
        for slot, total in zip(slots, totals, strict=True):
            more = builder.fpext(builder.load(slot, typ=type_), total_type)
            builder.store(builder.fadd(builder.load(total, typ=total_type), more), total)
            builder.store(constant(type_, 0), slot)


def _zeros(builder: ir.IRBuilder, type_: ir.Type, count: int) -> list[ir.Value]:
    """Return variables that are zero."""
    slots = []
    for _ in range(count):
        with builder.goto_entry_block():
            slots.append(builder.alloca(type_))
        builder.store(constant(type_, 0), slots[-1])
    return slots


def sums_of_lanes(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """Return a vector of the sums of the lanes of each vector; how many lanes they have is a power of two."""
    lanes = lanes_of(vectors[0].type)
    groups = [_sums(builder, vectors[start : start + lanes]) for start in range(0, len(vectors), lanes)]
    if len(groups) == 1:
        return groups[0]
    result: ir.Value = ir.Constant(widened(element_of(vectors[0].type), len(vectors)), ir.Undefined)
    for number in range(len(vectors)):
        group, lane = groups[number // lanes], ir.Constant(I32, number % lanes)
        one = group if lanes_of(group.type) == 1 else builder.extract_element(group, lane)
        result = builder.insert_element(result, one, ir.Constant(I32, number))
    return result


def _sums(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """Add up the lanes of no more vectors than there are lanes.

    Each is halved again and again, and two share a vector as soon as they are halves, two more when they are
    quarters, …: so all lanes work at each step.
    """
    count, length, parts = len(vectors), lanes_of(vectors[0].type), 1
    while length > 1:
        if len(vectors) > 1:
            odd = [constant(vectors[0].type, 0)] if len(vectors) % 2 else []
            ends = [*vectors, *odd]
            pairs = list(zip(ends[::2], ends[1::2], strict=True))
            parts *= 2
        else:
            pairs = [(vectors[0], ir.Constant(vectors[0].type, ir.Undefined))]
        firsts = [part * length + lane for part in range(parts) for lane in range(length // 2)]
        masks = [
            ir.Constant(ir.VectorType(I32, len(firsts)), [first + shift for first in firsts])
            for shift in (0, length // 2)
        ]
        vectors = [builder.fadd(*[builder.shuffle_vector(*pair, mask) for mask in masks]) for pair in pairs]
        length //= 2
    (sums,) = vectors
    if not isinstance(sums.type, ir.VectorType):
        return sums
    return (
        builder.extract_element(sums, ir.Constant(I32, 0)) if count == 1 else shortened(builder, sums, count)
    )
