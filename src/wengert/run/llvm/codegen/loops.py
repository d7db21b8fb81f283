"""Counted loops, and where an element of a nest of loops lies in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from llvmlite import ir

from wengert.run.llvm.codegen.irtypes import (
    I1,
    I32,
    I64,
    POINTER,
    VOID,
    constant,
    external,
    splat,
    type_name,
    widened,
)

# A number that is known now, or a value of the generated code.
Index: TypeAlias = "int | ir.Value"

# Bytes of it: what has wider ones can read a part of a vector at once.
_SMALLEST_VECTOR = 16

# A loop of at most that many iterations is unrolled.
FEW_ITERATIONS = 4


def index_value(index: Index) -> ir.Value:
    """Return an index as a value of the generated code."""
    return ir.Constant(I64, index) if isinstance(index, int) else index


def plus(builder: ir.IRBuilder, left: Index, right: Index) -> Index:
    """Return left + right, computed now where both are known."""
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    if isinstance(left, int) and left == 0:
        return right
    if isinstance(right, int) and right == 0:
        return left
    return builder.add(index_value(left), index_value(right))


def times(builder: ir.IRBuilder, left: Index, right: Index) -> Index:
    """Return left · right, computed now where both are known."""
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    for one, other in ((left, right), (right, left)):
        if isinstance(one, int) and one in (0, 1):
            return other if one else 0
    return builder.mul(index_value(left), index_value(right))


def minus(builder: ir.IRBuilder, left: Index, right: Index) -> Index:
    """Return left − right, computed now where both are known."""
    if isinstance(left, int) and isinstance(right, int):
        return left - right
    if isinstance(right, int) and right == 0:
        return left
    return builder.sub(index_value(left), index_value(right))


def smaller(builder: ir.IRBuilder, left: Index, right: Index) -> Index:
    """Return the smaller of two, computed now where both are known."""
    if isinstance(left, int) and isinstance(right, int):
        return min(left, right)
    x, y = index_value(left), index_value(right)
    return builder.select(builder.icmp_signed("<", x, y), x, y)


def larger(builder: ir.IRBuilder, left: Index, right: Index) -> Index:
    """Return the larger of two, computed now where both are known."""
    if isinstance(left, int) and isinstance(right, int):
        return max(left, right)
    x, y = index_value(left), index_value(right)
    return builder.select(builder.icmp_signed(">", x, y), x, y)


def is_zero(builder: ir.IRBuilder, index: Index) -> ir.Value:
    """Return whether an index is zero."""
    return builder.icmp_signed("==", index_value(index), index_value(0))


def digits(builder: ir.IRBuilder, number: Index, extents: Sequence[int]) -> list[Index]:
    """Return the indices of an element, given its number in an array of these extents."""
    indices: list[Index] = []
    rest = index_value(number)
    for place, extent in enumerate(reversed(extents)):
        is_first = place == len(extents) - 1
        if extent == 1:
            indices.append(0)
        elif is_first:
            indices.append(rest)
        else:
            indices.append(builder.srem(rest, index_value(extent)))
            rest = builder.sdiv(rest, index_value(extent))
    return indices[::-1]


def as_number(index: Index) -> Index:
    """Return an index as a number if it is a constant of the generated code."""
    return int(index.constant) if isinstance(index, ir.Constant) else index


def iterations(builder: ir.IRBuilder, start: Index, stop: Index) -> Iterator[Index]:
    """Go through ``range(start, stop)``: as a loop, or one by one where these are a few numbers."""
    if isinstance(start, int) and isinstance(stop, int) and stop - start <= FEW_ITERATIONS:
        yield from range(start, stop)
        return
    with counted_loop(builder, start, stop) as index:
        yield index


@contextmanager
def counted_loop(builder: ir.IRBuilder, start: Index, stop: Index, step: Index = 1) -> Iterator[Index]:
    """Generate ``for index in range(start, stop, step)`` around what the body generates.

    A loop that is known to run once is no loop. The test stands at the end of an iteration, and before the
    first too unless one is known to be needed: so what does not change can be computed before the loop.
    """
    start, stop = as_number(start), as_number(stop)
    known = isinstance(start, int) and isinstance(stop, int)
    if known and isinstance(step, int) and start < stop <= start + step:
        yield start
        return
    before = builder.block
    body = builder.append_basic_block("body")
    after = builder.append_basic_block("done")
    if known and start < stop:
        builder.branch(body)
    else:
        builder.cbranch(builder.icmp_signed("<", index_value(start), index_value(stop)), body, after)
    builder.position_at_end(body)
    index = builder.phi(I64)
    index.add_incoming(index_value(start), before)
    yield index
    following = builder.add(index, index_value(step))
    index.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, index_value(stop)), body, after)
    builder.position_at_end(after)


@dataclass(frozen=True)
class Access:
    """Where a value is read or written, by the axes of a nest: offset and strides in elements."""

    offset: int
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A run of neighbouring elements in the middle of a nest.

    Attributes
    ----------
    indices : sequence of index
        One for each axis of the nest; that of the last axis is where the run begins.
    lanes : int
        How many elements along the last axis.
    """

    indices: Sequence[Index]
    lanes: int


def address(builder: ir.IRBuilder, base: ir.Value, type_: ir.Type, access: Access, place: Place) -> ir.Value:
    """Return the address of the first element of a run."""
    offset: Index = access.offset
    for index, stride in zip(place.indices, access.strides, strict=True):
        offset = plus(builder, offset, times(builder, index, stride))
    return builder.gep(base, [index_value(offset)], source_etype=type_)


def prefetch(builder: ir.IRBuilder, place: ir.Value, writes: bool) -> None:
    """Ask for a line of memory that is going to be read, or written: then no other core keeps a copy."""
    function_type = ir.FunctionType(VOID, [POINTER, I32, I32, I32])
    function = external(builder.module, "llvm.prefetch.p0", function_type)
    # To be kept in all caches, data.
    builder.call(function, [place, *(ir.Constant(I32, number) for number in (int(writes), 3, 1))])


def load(builder: ir.IRBuilder, base: ir.Value, type_: ir.Type, access: Access, place: Place) -> ir.Value:
    """Read a run of elements: one vector, one element repeated, or element by element, as the stride says."""
    first = address(builder, base, type_, access, place)
    stride = access.strides[-1] if access.strides else 0
    if place.lanes == 1 or stride == 0:
        return splat(builder, builder.load(first, typ=type_), place.lanes)
    vector = widened(type_, place.lanes)
    if stride == 1 and is_awkward(type_, place.lanes):
        whole = masked_load(builder, first, type_, place.lanes)
        lanes = ir.Constant(ir.VectorType(I32, place.lanes), list(range(place.lanes)))
        return builder.shuffle_vector(whole, ir.Constant(whole.type, ir.Undefined), lanes)
    if stride == 1:
        return builder.load(first, align=alignment(type_), typ=vector)
    result: ir.Value = ir.Constant(vector, ir.Undefined)
    for lane in range(place.lanes):
        here = builder.gep(first, [ir.Constant(I64, lane * stride)], source_etype=type_)
        result = builder.insert_element(result, builder.load(here, typ=type_), constant(I64, lane))
    return result


def is_awkward(type_: ir.Type, lanes: int) -> bool:
    """Whether a run is neither a vector nor fits into the smallest one: it would be read in pieces."""
    if not isinstance(type_, ir.FloatType | ir.DoubleType) or lanes & (lanes - 1) == 0:
        return False
    return lanes * (4 if isinstance(type_, ir.FloatType) else 8) > _SMALLEST_VECTOR


def masked_load(builder: ir.IRBuilder, first: ir.Value, type_: ir.Type, count: int) -> ir.Value:
    """Read a run of `count` elements in one piece, followed by zeros up to a power of two."""
    lanes = 1 << (count - 1).bit_length()
    vector, mask_type = widened(type_, lanes), ir.VectorType(I1, lanes)
    name = f"llvm.masked.load.{type_name(vector)}.p0"
    function = external(builder.module, name, ir.FunctionType(vector, [POINTER, I32, mask_type, vector]))
    mask = ir.Constant(mask_type, [ir.Constant(I1, int(lane < count)) for lane in range(lanes)])
    return builder.call(function, [first, ir.Constant(I32, alignment(type_)), mask, constant(vector, 0)])


def store(
    builder: ir.IRBuilder, value: ir.Value, base: ir.Value, type_: ir.Type, access: Access, place: Place
) -> None:
    """Write a run of elements."""
    first = address(builder, base, type_, access, place)
    stride = access.strides[-1] if access.strides else 0
    if place.lanes == 1:
        builder.store(value, first)
    elif stride == 1:
        builder.store(value, first, align=alignment(type_))
    else:
        for lane in range(place.lanes):
            here = builder.gep(first, [ir.Constant(I64, lane * stride)], source_etype=type_)
            builder.store(builder.extract_element(value, constant(I64, lane)), here)


def alignment(type_: ir.Type) -> int:
    """Return the alignment of a run of elements, which may begin at any of them."""
    if isinstance(type_, ir.IntType):
        width: int = type_.width
        return max(width // 8, 1)
    return 4 if isinstance(type_, ir.FloatType) else 8


def coalesced(
    shape: Sequence[int], reduced: Sequence[bool], accesses: Sequence[Access]
) -> tuple[list[int], list[bool], list[Access]]:
    """Return the same nest with as few axes as possible.

    Axes of extent 1 fall away; two neighbours are one where every access steps evenly through both.
    """
    kept = [axis for axis, extent in enumerate(shape) if extent != 1]
    axes: list[tuple[int, bool, list[int]]] = []
    for axis in kept:
        strides = [access.strides[axis] for access in accesses]
        if axes:
            extent, flag, before = axes[-1]
            even = all(outer == inner * shape[axis] for outer, inner in zip(before, strides, strict=True))
            if even and flag == reduced[axis]:
                axes[-1] = (extent * shape[axis], flag, strides)
                continue
        axes.append((shape[axis], reduced[axis], strides))
    fewer = [
        Access(access.offset, tuple(strides[number] for _, _, strides in axes))
        for number, access in enumerate(accesses)
    ]
    return [extent for extent, _, _ in axes], [flag for _, flag, _ in axes], fewer
