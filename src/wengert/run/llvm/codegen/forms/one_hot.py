"""Labels as unit vectors."""

from __future__ import annotations

import math

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import as_memory
from wengert.run.llvm.codegen.irtypes import I1, I64, constant, memory_type, scalar_type, splat, widened
from wengert.run.llvm.codegen.loops import Access, Index, Place, counted_loop, index_value, load, store
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.fusion.views import broadcast_strides
from wengert.run.llvm.runtime.target import Target


class OneHot:
    """A row for each label: 1 where the position is the label, 0 elsewhere.

    A label out of range raises a flag, which the caller looks at afterwards.

    Attributes
    ----------
    units : int
        Labels.
    """

    scratch_bytes = 0

    def __init__(self, kernel: Kernel, target: Target) -> None:
        self.kernel = kernel
        line = kernel.line
        self.shape = line.inputs[0].type.shape
        self.units = math.prod(self.shape)
        self.count: int = line.param("count")
        self.lanes = max(1, min(target.lanes(8), self.count))

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        flag: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`."""
        line = self.kernel.line
        view = self.kernel.leaves[line.inputs[0]]
        access = Access(view.offset, broadcast_strides(view, self.shape))
        with counted_loop(builder, begin, end) as row:
            label = load(builder, buffers[view.base], I64, access, Place(self._indices(builder, row), 1))
            wrong = builder.icmp_unsigned(">=", label, index_value(self.count))
            with builder.if_then(wrong, likely=False):
                builder.store(ir.Constant(I64, 1), flag)
            full = self.count - self.count % self.lanes
            if full:
                with counted_loop(builder, 0, full, self.lanes) as column:
                    self._run(builder, buffers[line], row, column, label, self.lanes)
            if full < self.count:
                self._run(builder, buffers[line], row, full, label, self.count - full)

    def _indices(self, builder: ir.IRBuilder, row: Index) -> list[Index]:
        """Return the place of a label in the array of labels, from its number."""
        if len(self.shape) == 1:
            return [row]
        indices: list[Index] = []
        remaining = index_value(row)
        for extent in reversed(self.shape):
            indices.append(builder.urem(remaining, index_value(extent)))
            remaining = builder.udiv(remaining, index_value(extent))
        return indices[::-1]

    def _run(
        self,
        builder: ir.IRBuilder,
        result: ir.Value,
        row: Index,
        column: Index,
        label: ir.Value,
        lanes: int,
    ) -> None:
        dtype = self.kernel.line.type.dtype
        positions = splat(builder, index_value(column), lanes)
        if lanes > 1:
            positions = builder.add(positions, ir.Constant(ir.VectorType(I64, lanes), list(range(lanes))))
        hit = builder.icmp_signed("==", positions, splat(builder, label, lanes))
        type_ = widened(scalar_type(dtype), lanes)
        value = hit
        if scalar_type(dtype) != I1:
            value = builder.select(hit, constant(type_, 1), constant(type_, 0))
        raw = as_memory(builder, value, dtype)
        store(
            builder, raw, result, memory_type(dtype), Access(0, (self.count, 1)), Place([row, column], lanes)
        )
