"""Panels of a matrix, copied to where their rows lie one after the other."""

from __future__ import annotations

from llvmlite import ir

from wengert.run.llvm.irtypes import I32, I64, constant, lanes_of, widened
from wengert.run.llvm.loops import Access, Index, Place, counted_loop, index_value, load, plus
from wengert.run.llvm.products import Product


def pack_panel(
    builder: ir.IRBuilder,
    product: Product,
    right: ir.Value,
    scratch: ir.Value,
    batch: list[Index],
    column: Index,
    widths: list[int],
    lanes: int,
) -> None:
    """Copy the columns from `column` on, a vector of `lanes` for each of `widths`, filled up with zeros."""
    transposed = product.right_access.strides[-1] != 1 and product.right_access.strides[-2] == 1
    blocks = product.terms - product.terms % lanes if transposed and lanes & (lanes - 1) == 0 else 0
    for number, width in enumerate(widths):
        start = plus(builder, column, number * lanes)
        target = _Target(scratch, len(widths) * lanes, number * lanes)
        if blocks:
            with counted_loop(builder, 0, blocks, lanes) as term:
                _pack_square(builder, product, right, target, [*batch, term], start, width, lanes)
        if blocks < product.terms:
            with counted_loop(builder, blocks, product.terms) as term:
                place = Place([*batch, term, start], width)
                vector = load(builder, right, product.type, product.right_access, place)
                target.store(builder, term, padded(builder, vector, lanes))


class _Target:
    """A column of vectors in the scratch memory."""

    def __init__(self, scratch: ir.Value, stride: int, offset: int) -> None:
        self.scratch = scratch
        self.stride = stride
        self.offset = offset

    def store(self, builder: ir.IRBuilder, term: Index, vector: ir.Value) -> None:
        """Write the vector of one term."""
        row = builder.mul(index_value(term), ir.Constant(I64, self.stride))
        place = builder.add(row, ir.Constant(I64, self.offset))
        element = vector.type.element if lanes_of(vector.type) > 1 else vector.type
        builder.store(vector, builder.gep(self.scratch, [place], source_etype=element), align=4)


def _pack_square(
    builder: ir.IRBuilder,
    product: Product,
    right: ir.Value,
    target: _Target,
    head: list[Index],
    column: Index,
    width: int,
    lanes: int,
) -> None:
    """Copy lanes × lanes elements that run along the terms in memory: read as rows, written as columns."""
    *batch, term = head
    *outer, by_term, by_column = product.right_access.strides
    turned = Access(product.right_access.offset, (*outer, by_column, by_term))
    zero = constant(widened(product.type, lanes), 0)
    rows = [
        load(builder, right, product.type, turned, Place([*batch, plus(builder, column, lane), term], lanes))
        if lane < width
        else zero
        for lane in range(lanes)
    ]
    for number, vector in enumerate(transposed_square(builder, rows)):
        target.store(builder, plus(builder, term, number), vector)


def transposed_square(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """Transpose n vectors of n lanes, n a power of two: interleave the halves, log₂ n times over."""
    lanes = len(rows)
    if lanes == 1:
        return rows
    half = lanes // 2
    low = [place // 2 + (place % 2) * lanes for place in range(lanes)]
    masks = [ir.Constant(ir.VectorType(I32, lanes), [place + first for place in low]) for first in (0, half)]
    for _ in range(lanes.bit_length() - 1):
        rows = [
            builder.shuffle_vector(rows[number], rows[number + half], mask)
            for number in range(half)
            for mask in masks
        ]
    return rows


def padded(builder: ir.IRBuilder, vector: ir.Value, lanes: int) -> ir.Value:
    """Fill a short vector up with zeros."""
    have = lanes_of(vector.type)
    if have == lanes:
        return vector
    if have == 1:
        return builder.insert_element(constant(widened(vector.type, lanes), 0), vector, ir.Constant(I32, 0))
    mask = ir.Constant(ir.VectorType(I32, lanes), [lane if lane < have else have for lane in range(lanes)])
    return builder.shuffle_vector(vector, constant(vector.type, 0), mask)


def shortened(builder: ir.IRBuilder, vector: ir.Value, lanes: int) -> ir.Value:
    """Return the first lanes of a vector."""
    if lanes_of(vector.type) == lanes:
        return vector
    if lanes == 1:
        return builder.extract_element(vector, ir.Constant(I32, 0))
    mask = ir.Constant(ir.VectorType(I32, lanes), list(range(lanes)))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)
