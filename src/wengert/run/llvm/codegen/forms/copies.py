"""Elements put elsewhere: parts joined, margins filled with zeros, and views that no strides describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.irtypes import constant, memory_type, widened
from wengert.run.llvm.codegen.loops import Access, Index, Place, coalesced, counted_loop, load, store
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.fusion.views import broadcast_strides, contiguous_strides, places
from wengert.run.llvm.runtime.target import Target


class Copies:
    """Copies of whole operands into their places in the result.

    Attributes
    ----------
    units : int
        One: copying is bound by memory.
    """

    units = 1
    scratch_bytes = 0

    def __init__(self, kernel: Kernel, target: Target) -> None:
        self.kernel = kernel
        self.lanes = target.lanes(max(kernel.line.type.dtype.itemsize, 4))

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        scratch: ir.Value,
    ) -> None:
        """Generate the unit, if it is between `begin` and `end`."""
        line = self.kernel.line
        type_ = memory_type(line.type.dtype)
        with builder.if_then(builder.icmp_signed("<", begin, end)):
            result = buffers[line]
            if sum(operand.type.size for operand in line.inputs) < line.type.size:
                zeros = Access(0, contiguous_strides(line.type.shape))

                def clear(place: Place, access: Access) -> None:
                    zero = constant(widened(type_, place.lanes), 0)
                    store(builder, zero, result, type_, access, place)

                self._nest(builder, line.type.shape, [zeros], lambda place, found: clear(place, found[0]))
            rows = line.type.shape[:1]
            if len(line.inputs) > 1 and all(operand.type.shape[:1] == rows for operand in line.inputs):
                # Row by row, so that what is written lies together however narrow the parts are.
                with counted_loop(builder, 0, rows[0]) as row:
                    self._move(builder, buffers, [row])
            else:
                self._move(builder, buffers, [])

    def _move(self, builder: ir.IRBuilder, buffers: dict[Node, ir.Value], fixed: list[Index]) -> None:
        """Copy each operand, or of each what has the given indices along the first axes."""
        line = self.kernel.line
        type_ = memory_type(line.type.dtype)
        for position, (operand, place) in enumerate(zip(line.inputs, places(line), strict=True)):
            if position in self.kernel.in_place:
                continue
            target = Access(place.offset, place.strides)
            view = self.kernel.leaves[operand]
            source = Access(view.offset, broadcast_strides(view, operand.type.shape))
            base = buffers[view.base]

            def move(place: Place, found: list[Access], base: ir.Value = base) -> None:
                value = load(builder, base, type_, found[0], place)
                store(builder, value, buffers[line], type_, found[1], place)

            self._nest(builder, operand.type.shape, [source, target], move, fixed)

    def _nest(
        self,
        builder: ir.IRBuilder,
        shape: tuple[int, ...],
        accesses: list[Access],
        inside: Callable[[Place, list[Access]], None],
        fixed: Sequence[Index] = (),
    ) -> None:
        """Generate loops over the axes of `shape` after those whose indices are fixed."""
        if 0 in shape:
            return
        known = len(fixed)
        inner = [Access(access.offset, access.strides[known:]) for access in accesses]
        extents, _, fewer = coalesced(shape[known:], [False] * (len(shape) - known), inner)
        if not extents:
            extents, fewer = [1], [Access(access.offset, (0,)) for access in fewer]
        fewer = [
            Access(access.offset, (*outer.strides[:known], *access.strides))
            for access, outer in zip(fewer, accesses, strict=True)
        ]

        def loops(indices: list[Index]) -> None:
            extent = extents[len(indices) - known]
            if len(indices) - known < len(extents) - 1:
                with counted_loop(builder, 0, extent) as index:
                    loops([*indices, index])
                return
            full = extent - extent % self.lanes
            if full:
                with counted_loop(builder, 0, full, self.lanes) as index:
                    inside(Place([*indices, index], self.lanes), fewer)
            if full < extent:
                inside(Place([*indices, full], extent - full), fewer)

        loops([*fixed])
