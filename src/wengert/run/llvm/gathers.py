"""Elements read at the places that integer arrays give."""

from __future__ import annotations

from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.irtypes import I64, memory_type
from wengert.run.llvm.loops import Access, Index, Place, counted_loop, index_value, load, plus, store, times
from wengert.run.llvm.plan import Kernel
from wengert.run.llvm.target import Target
from wengert.run.llvm.views import broadcast_strides, contiguous_strides


class Gather:
    """A loop over the result; rows that stay whole are copied as vectors.

    An index out of range is replaced by 0 and raises a flag, which the caller looks at afterwards.

    Attributes
    ----------
    units : int
        Along the first axis of the result.
    """

    scratch_bytes = 0

    def __init__(self, kernel: Kernel, target: Target) -> None:
        self.kernel = kernel
        line = kernel.line
        self.axes: tuple[int, ...] = dict(line.params)["axes"]
        source, *indices = line.inputs
        self.source_shape = source.type.shape
        self.index_rank = max(index.type.ndim for index in indices)
        first = self.axes[0]
        adjacent = self.axes == tuple(range(first, first + len(self.axes)))
        self.place = first if adjacent else 0
        self.shape = line.type.shape
        self.units = 0 if 0 in self.shape else self.shape[0] if self.shape else 1
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
        if not self.units:
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
        offset: Index = view.offset
        shape = self.shape[self.place : self.place + self.index_rank]
        for axis, stride in enumerate(view.strides):
            if axis in self.axes:
                node = index_nodes[self.axes.index(axis)]
                index: Index = self._index(builder, buffers, node, shape, inside, axis, flag)
            else:
                index = next(kept)
            offset = plus(builder, offset, times(builder, index, stride))
        type_ = memory_type(line.type.dtype)
        rest = [stride for axis, stride in enumerate(view.strides) if axis not in self.axes]
        step = rest[-1] if lanes > 1 else 0
        value = load(builder, buffers[view.base], type_, Access(0, (1, step)), Place([offset, 0], lanes))
        target = Access(0, contiguous_strides(self.shape))
        store(builder, value, buffers[line], type_, target, Place(indices, lanes))

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


