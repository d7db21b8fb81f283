"""Elements read, or added up, at the places that integer arrays give."""

from __future__ import annotations

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen.irtypes import I1, I8, I64, POINTER, VOID, external, memory_type
from wengert.run.llvm.codegen.loops import (
    Access,
    Index,
    Place,
    counted_loop,
    index_value,
    load,
    plus,
    store,
    times,
)
from wengert.run.llvm.fusion.kernels import Form, Kernel
from wengert.run.llvm.fusion.views import broadcast_strides, contiguous_strides
from wengert.run.llvm.runtime.target import Target


class Gather:
    """A loop over what is gathered or scattered; rows that stay whole are vectors.

    An index out of range is replaced by 0 and raises a flag, which the caller looks at afterwards.

    Attributes
    ----------
    units : int
        Along the first axis of what is gathered. A sum at places that may repeat is one unit, added up in the
        order of the updates.
    """

    scratch_bytes = 0

    def __init__(self, kernel: Kernel, target: Target) -> None:
        self.kernel = kernel
        line = kernel.line
        self.axes: tuple[int, ...] = line.param("axes")
        source, *indices = line.inputs
        self.scatters = kernel.form is Form.SCATTER
        # The array that the places are of, and the one with an element for each place.
        self.source_shape = line.type.shape if self.scatters else source.type.shape
        self.index_rank = max(index.type.ndim for index in indices)
        first = self.axes[0]
        adjacent = self.axes == tuple(range(first, first + len(self.axes)))
        self.place = first if adjacent else 0
        self.shape = source.type.shape if self.scatters else line.type.shape
        self.units = 0 if 0 in self.shape else self.shape[0] if self.shape else 1
        if self.scatters:
            self.units = 1
        whole_rows = self.place + self.index_rank < len(self.shape)
        self.lanes = target.lanes(max(line.type.dtype.itemsize, 4)) if whole_rows else 1

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        flag: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`."""
        if self.scatters:
            with builder.if_then(builder.icmp_signed("<", begin, end)):
                self._scatter(builder, buffers, flag)
        else:
            self._loops(builder, buffers, begin, end, flag)

    def _scatter(self, builder: ir.IRBuilder, buffers: dict[Node, ir.Value], flag: ir.Value) -> None:
        """Clear the result, and add up all updates."""
        size = self.kernel.line.type.size * self.kernel.line.type.dtype.itemsize
        nothing = [ir.Constant(I8, 0), ir.Constant(I64, size), ir.Constant(I1, 0)]
        fill = ir.FunctionType(VOID, [POINTER, I8, I64, I1])
        function = external(builder.module, "llvm.memset.p0.i64", fill)
        builder.call(function, [buffers[self.kernel.line], *nothing])
        begin, end = index_value(0), index_value(self.shape[0] if self.shape else 1)
        self._loops(builder, buffers, begin, end, flag)

    def _loops(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        flag: ir.Value,
    ) -> None:
        """Go through what is gathered, or the updates, from `begin` to `end` along the first axis."""
        if not self.units or 0 in self.shape:
            return
        if not self.shape:
            with builder.if_then(builder.icmp_signed("<", begin, end)):
                self._element(builder, buffers, [], 1, flag)
            return

        def loops(indices: list[Index]) -> None:
            axis = len(indices)
            extent = self.shape[axis]
            start, stop = (begin, end) if axis == 0 else (0, extent)
            if axis < len(self.shape) - 1:
                with counted_loop(builder, start, stop) as index:
                    loops([*indices, index])
                return
            if axis == 0:
                with counted_loop(builder, start, stop) as index:
                    self._element(builder, buffers, [index], 1, flag)
                return
            full = extent - extent % self.lanes
            if full:
                with counted_loop(builder, 0, full, self.lanes) as index:
                    self._element(builder, buffers, [*indices, index], self.lanes, flag)
            if full < extent:
                self._element(builder, buffers, [*indices, full], extent - full, flag)

        loops([])

    def _element(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        indices: list[Index],
        lanes: int,
        flag: ir.Value,
    ) -> None:
        line = self.kernel.line
        source, *index_nodes = line.inputs
        view = self.kernel.leaves[source]
        inside = indices[self.place : self.place + self.index_rank]
        kept = iter([*indices[: self.place], *indices[self.place + self.index_rank :]])
        offset: Index = 0 if self.scatters else view.offset
        strides = contiguous_strides(line.type.shape) if self.scatters else view.strides
        shape = self.shape[self.place : self.place + self.index_rank]
        for axis, stride in enumerate(strides):
            if axis in self.axes:
                node = index_nodes[self.axes.index(axis)]
                index: Index = self._index(builder, buffers, node, shape, inside, axis, flag)
            else:
                index = next(kept)
            offset = plus(builder, offset, times(builder, index, stride))
        self._transfer(builder, buffers, offset, indices, lanes)

    def _transfer(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        offset: Index,
        indices: list[Index],
        lanes: int,
    ) -> None:
        """Copy one run from its place in the source, or add it to its place in the result."""
        line = self.kernel.line
        type_ = memory_type(line.type.dtype)
        view = self.kernel.leaves[line.inputs[0]]
        if not self.scatters:
            rest = [stride for axis, stride in enumerate(view.strides) if axis not in self.axes]
            access = Access(0, (1, rest[-1] if lanes > 1 else 0))
            value = load(builder, buffers[view.base], type_, access, Place([offset, 0], lanes))
            target = Access(0, contiguous_strides(self.shape))
            store(builder, value, buffers[line], type_, target, Place(indices, lanes))
            return
        update = load(
            builder, buffers[view.base], type_, Access(view.offset, view.strides), Place(indices, lanes)
        )
        strides = contiguous_strides(line.type.shape)
        rest = [stride for axis, stride in enumerate(strides) if axis not in self.axes]
        place, target = Place([offset, 0], lanes), Access(0, (1, rest[-1] if lanes > 1 else 0))
        before = load(builder, buffers[line], type_, target, place)
        kind = line.type.dtype.kind
        total = builder.fadd(before, update) if kind == "f" else builder.add(before, update)
        store(builder, total, buffers[line], type_, target, place)

    def _index(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        node: Node,
        shape: tuple[int, ...],
        inside: list[Index],
        axis: int,
        flag: ir.Value,
    ) -> ir.Value:
        """Return an index counted from the beginning; a wrong one raises the flag."""
        view = self.kernel.leaves[node]
        access = Access(view.offset, broadcast_strides(view, shape))
        given = load(builder, buffers[view.base], I64, access, Place(inside, 1))
        extent = index_value(self.source_shape[axis])
        negative = builder.icmp_signed("<", given, ir.Constant(I64, 0))
        wrapped = builder.select(negative, builder.add(given, extent), given)
        wrong = builder.icmp_unsigned(">=", wrapped, extent)
        with builder.if_then(wrong, likely=False):
            builder.store(ir.Constant(I64, 1), flag)
        return builder.select(wrong, ir.Constant(I64, 0), wrapped)
