"""Neighbouring columns of a matrix, written together: transposed in registers, then stored row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.irtypes import I32, I64, lanes_of, memory_type, widened
from wengert.run.llvm.codegen.loops import Access, Place, address, alignment


@dataclass(frozen=True)
class Columns:
    """Columns side by side.

    Attributes
    ----------
    base : Node
        The buffer.
    access : Access
        Of the first of them.
    nodes : tuple of Node
        Whose values they are.
    """

    base: Node
    access: Access
    nodes: tuple[Node, ...]

    def part(self, start: int, count: int) -> Columns:
        """Return some of them."""
        access = Access(self.access.offset + start, self.access.strides)
        return Columns(self.base, access, self.nodes[start : start + count])


def columns_of(places: Iterable[tuple[Node, Node, Access]]) -> list[Columns]:
    """Return the columns of values, each given with its buffer and access, that have a neighbour."""
    found: dict[tuple[Node, tuple[int, ...]], dict[int, Node]] = {}
    for node, base, access in places:
        if access.strides and access.strides[-1] > 1:
            found.setdefault((base, access.strides), {})[access.offset] = node
    result = []
    for (base, strides), nodes in found.items():
        run: list[int] = []
        for offset in [*sorted(nodes), None]:
            if offset is not None and (not run or (offset == run[-1] + 1 and len(run) < strides[-1])):
                run.append(offset)
                continue
            if len(run) > 1:
                result.append(Columns(base, Access(run[0], strides), tuple([nodes[one] for one in run])))
            run = [] if offset is None else [offset]
    return result


def parts(columns: Columns, lanes: int) -> list[Columns]:
    """Cut columns into powers of two, at most as many as a vector has lanes.

    Parts may overlap; one column may be left over.
    """
    result, start, count = [], 0, len(columns.nodes)
    while count - start > 1:
        size = min(1 << (count - start - 1).bit_length(), lanes)
        if size > count:
            size //= 2
        begin = min(start, count - size)
        result.append(columns.part(begin, size))
        start = begin + size
    return result


def write(
    builder: ir.IRBuilder, values: Sequence[ir.Value], buffer: ir.Value, columns: Columns, place: Place
) -> None:
    """Write the vectors of a run of rows, one for each column; columns and lanes are powers of two."""
    count, type_ = len(values), memory_type(columns.base.type.dtype)
    first = address(builder, buffer, type_, columns.access, place)
    for number, vector in enumerate(_turned(builder, values)):
        for group in range(place.lanes // count):
            row = ir.Constant(I64, (number + count * group) * columns.access.strides[-1])
            here = builder.gep(first, [row], source_etype=type_)
            of_row = _shuffled(builder, vector, vector, range(group * count, (group + 1) * count))
            builder.store(of_row, here, align=alignment(type_))


def _turned(builder: ir.IRBuilder, vectors: Sequence[ir.Value]) -> list[ir.Value]:
    """Transpose the squares that as many vectors consist of: blocks of 1, 2, 4, … change places."""
    turned = list(vectors)
    lanes = range(lanes_of(turned[0].type))
    size = 1
    while size < len(turned):
        for first in range(len(turned)):
            if first & size:
                continue
            x, y = turned[first], turned[first + size]
            low = [len(lanes) + lane - size if lane & size else lane for lane in lanes]
            high = [len(lanes) + lane if lane & size else lane + size for lane in lanes]
            turned[first], turned[first + size] = (_shuffled(builder, x, y, mask) for mask in (low, high))
        size *= 2
    return turned


def _shuffled(builder: ir.IRBuilder, x: ir.Value, y: ir.Value, lanes: Sequence[int]) -> ir.Value:
    return builder.shuffle_vector(x, y, ir.Constant(widened(I32, len(lanes)), list(lanes)))
