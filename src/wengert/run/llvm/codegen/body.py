"""The body of a nest: the lines of a kernel, computed for one run of elements."""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from wengert.ir.node import Node
from wengert.run.llvm.codegen import column_groups
from wengert.run.llvm.codegen.column_groups import Columns, columns_of
from wengert.run.llvm.codegen.elementwise import emit
from wengert.run.llvm.codegen.irtypes import I8, constant, lanes_of, memory_type, scalar_type, widened
from wengert.run.llvm.codegen.loops import Access, Place, load, store
from wengert.run.llvm.fusion.kernels import Kernel
from wengert.run.llvm.fusion.views import View, broadcast_strides


class Body:
    """Computes the members of a kernel, and stores those that are read outside.

    Parameters
    ----------
    kernel : Kernel
    buffers : dict of Node to Value
        Where the buffers begin.
    accesses : dict of Node to Access
        By the axes of the nest, for each leaf and each stored member.
    """

    def __init__(self, kernel: Kernel, buffers: dict[Node, ir.Value], accesses: dict[Node, Access]) -> None:
        self.kernel = kernel
        self.buffers = buffers
        self.accesses = accesses
        self._written_together = columns_of(
            (node, view.base, accesses[node])
            for node, view in kernel.stored.items()
            if node not in kernel.reductions
        )

    def compute(
        self, builder: ir.IRBuilder, place: Place, given: dict[Node, ir.Value] | None = None
    ) -> dict[Node, ir.Value]:
        """Generate the elementwise members at `place`; `given` has those that are known already."""
        values = dict(given or {})
        for node in self.kernel.members:
            if node not in values and node not in self.kernel.reductions:
                operands = [self.operand(builder, operand, place, values) for operand in node.inputs]
                values[node] = emit(builder, node, operands)
        together = self._parts(place)
        done = {node for part in together for node in part.nodes}
        for node in self.kernel.stored:
            if node not in self.kernel.reductions and node not in done:
                self.store(builder, node, values[node], place)
        for part in together:
            raw = [as_memory(builder, values[node], node.type.dtype) for node in part.nodes]
            column_groups.write(builder, raw, self.buffers[part.base], part, place)
        return values

    def _parts(self, place: Place) -> list[Columns]:
        """Return the columns that are written together, where a run is a whole vector."""
        if place.lanes == 1 or place.lanes & (place.lanes - 1):
            return []
        return [part for group in self._written_together for part in column_groups.parts(group, place.lanes)]

    def operand(
        self, builder: ir.IRBuilder, node: Node, place: Place, values: dict[Node, ir.Value]
    ) -> ir.Value:
        """Return the value of an operand: computed here, a literal, or read from memory."""
        if node not in values:
            values[node] = self._read(builder, node, place)
        return values[node]

    def _read(self, builder: ir.IRBuilder, node: Node, place: Place) -> ir.Value:
        view = self.kernel.leaves[node]
        dtype = node.type.dtype
        if is_literal(view):
            value = view.base.value
            assert value is not None
            return constant(widened(scalar_type(dtype), place.lanes), value.reshape(-1)[0].item())
        raw = load(builder, self.buffers[view.base], memory_type(dtype), self.accesses[node], place)
        return as_register(builder, raw, dtype)

    def store(self, builder: ir.IRBuilder, node: Node, value: ir.Value, place: Place) -> None:
        """Write a member's value to its buffer."""
        raw = as_memory(builder, value, node.type.dtype)
        buffer = self.buffers[self.kernel.stored[node].base]
        store(builder, raw, buffer, memory_type(node.type.dtype), self.accesses[node], place)


def as_register(builder: ir.IRBuilder, raw: ir.Value, dtype: np.dtype[np.generic]) -> ir.Value:
    """Return a value as it is computed with: a boolean byte becomes a bit."""
    if dtype.kind != "b":
        return raw
    return builder.icmp_unsigned("!=", raw, constant(raw.type, 0))


def as_memory(builder: ir.IRBuilder, value: ir.Value, dtype: np.dtype[np.generic]) -> ir.Value:
    """Return a value as it lies in memory."""
    if dtype.kind != "b":
        return value
    return builder.zext(value, widened(I8, lanes_of(value.type)))


def is_literal(view: View) -> bool:
    """Whether a view shows one constant number, which then stands in the code itself."""
    return view.base.value is not None and view.base.type.size == 1


def kernel_accesses(kernel: Kernel) -> dict[Node, Access]:
    """Return the accesses of a kernel by the axes of its index space."""
    accesses = {
        node: Access(view.offset, broadcast_strides(view, kernel.shape))
        for node, view in kernel.leaves.items()
        if not is_literal(view)
    }
    axes = kernel.axes or ()
    for node, view in kernel.stored.items():
        if node not in kernel.reductions:
            accesses[node] = Access(view.offset, view.strides)
            continue
        kept = iter([stride for axis, stride in enumerate(view.strides) if axis not in axes])
        if len(view.strides) < len(kernel.shape):
            kept = iter(view.strides)
        strides = tuple(0 if axis in axes else next(kept) for axis in range(len(kernel.shape)))
        accesses[node] = Access(view.offset, strides)
    return accesses
