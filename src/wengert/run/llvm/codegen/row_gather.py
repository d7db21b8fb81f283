"""The rows of a batch, copied from wherever they lie among all rows."""

from __future__ import annotations

import math

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.irtypes import I1, I8, I32, I64, POINTER, VOID, external
from wengert.run.llvm.codegen.loops import Index, counted_loop, index_value, plus
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.runtime.target import Target

_LINE = 64
# Rows of this many bytes or more are prefetched by the processor itself once they are read.
_LONG_ROW = 1024


class Rows:
    """One copy for each row.

    Attributes
    ----------
    units : int
        Rows.
    """

    scratch_bytes = 0

    def __init__(self, kernel: Kernel, target: Target) -> None:
        self.kernel = kernel
        self.units = kernel.shape[0]

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        places: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`; `places` are the numbers of the rows."""
        (source,) = self.kernel.leaves
        size = ir.Constant(I64, row_bytes(self.kernel.line))
        with counted_loop(builder, begin, end) as row:
            place = builder.load(builder.gep(places, [index_value(row)], source_etype=I64), typ=I64)
            original = builder.gep(buffers[source], [builder.mul(place, size)], source_etype=I8)
            target = builder.gep(
                buffers[self.kernel.line], [builder.mul(index_value(row), size)], source_etype=I8
            )
            copy_bytes(builder, target, original, row_bytes(self.kernel.line))
            fetch_ahead(builder, buffers[source], places, plus(builder, row, self.units), self.kernel.line)


def copy_bytes(builder: ir.IRBuilder, target: ir.Value, source: ir.Value, size: int) -> None:
    """Copy a number of bytes."""
    type_ = ir.FunctionType(VOID, [POINTER, POINTER, I64, I1])
    copy = external(builder.module, "llvm.memcpy.p0.p0.i64", type_)
    builder.call(copy, [target, source, ir.Constant(I64, size), ir.Constant(I1, 0)])


def fetch_ahead(builder: ir.IRBuilder, source: ir.Value, places: ir.Value, number: Index, node: Node) -> None:
    """Prefetch the row at `places[number]` for a later step, if it is a short one."""
    size = row_bytes(node)
    if size > _LONG_ROW:
        return
    place = builder.load(builder.gep(places, [index_value(number)], source_etype=I64), typ=I64)
    first = builder.mul(place, ir.Constant(I64, size))
    type_ = ir.FunctionType(VOID, [POINTER, I32, I32, I32])
    prefetch = external(builder.module, "llvm.prefetch.p0", type_)
    reading, keep, data = (ir.Constant(I32, value) for value in (0, 3, 1))
    for start in range(0, size, _LINE):
        offset = builder.add(first, ir.Constant(I64, start))
        builder.call(prefetch, [builder.gep(source, [offset], source_etype=I8), reading, keep, data])


def row_bytes(node: Node) -> int:
    """Return the size of one row of a batch."""
    return math.prod(node.type.shape[1:]) * node.type.dtype.itemsize
