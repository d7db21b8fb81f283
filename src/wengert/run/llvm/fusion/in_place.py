"""Concatenation without copies: the kernels that compute the operands write them into the result."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from wengert.ir.node import Node, make_node
from wengert.primitives.selection import stop_gradient
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.views import View, contiguous_strides, places

Ints = tuple[int, ...]


def joined_in_place(made: Plan) -> Plan:
    """Return a plan in which kernels write operands of concatenations into the result, where they can."""
    return _Placing(made).run()


class _Placing:
    """Gives each operand that allows it a place in the array that it is concatenated into."""

    def __init__(self, made: Plan) -> None:
        self.made = made
        self.writers = {node: kernel for kernel in made.kernels for node in kernel.stored}
        self.readers = Counter(view.base for kernel in made.kernels for view in kernel.leaves.values())
        self.readers.update(view.base for view in made.outputs)
        self.results = {view.base for view in made.outputs}
        # Where the elements of a buffer now stand in memory, as a view of one axis.
        self.places: dict[Node, View] = {}

    def run(self) -> Plan:
        """Return the plan."""
        kernels = []
        for kernel in self.made.kernels:
            if kernel.form is Form.COPY and len(kernel.line.inputs) > 1:
                self._join(kernel)
                if len(kernel.in_place) == len(kernel.line.inputs):
                    continue
            kernels.append(kernel)
        for kernel in kernels:
            kernel.leaves = {node: self._moved(view) for node, view in kernel.leaves.items()}
        return replace(self.made, kernels=kernels)

    def _join(self, kernel: Kernel) -> None:
        line, done = kernel.line, []
        partners: dict[Ints, Kernel] = {}
        rest = []
        for position, (operand, target) in enumerate(zip(line.inputs, places(line), strict=True)):
            shape = _without_ones(operand.type.shape, operand.type.shape)
            step = _even_step(shape, _without_ones(operand.type.shape, target.strides))
            if step is None:
                continue
            place = View(line, target.offset, shape, tuple(step * one for one in contiguous_strides(shape)))
            writer = self._writer(kernel.leaves[operand], step)
            if writer is None:
                rest.append((position, operand, place))
                continue
            base = kernel.leaves[operand].base
            writer.stored[base] = replace(
                place, shape=base.type.shape, strides=_scaled(base.type.shape, step)
            )
            self.places[base] = View(line, target.offset, (base.type.size,), (step,))
            if not writer.reductions and len(shape) == len(writer.shape):
                partners[shape] = writer
            done.append(position)
        for position, operand, place in rest:
            partner = partners.get(place.shape)
            view = kernel.leaves[operand]
            # Inputs of the program are available to every kernel.
            if partner is not None and view.base not in self.writers:
                _copy_along(partner, operand, view, place)
                done.append(position)
        kernel.in_place = frozenset(done)

    def _writer(self, view: View, step: int) -> Kernel | None:
        """Return the kernel that can write all that a view shows to another place; None where none can."""
        base = view.base
        writer = self.writers.get(base)
        if writer is None or writer.form is not Form.LOOPS or base in self.places or base in self.results:
            return None
        shape = _without_ones(base.type.shape, base.type.shape)
        is_own = view.offset == 0 and _without_ones(view.shape, view.shape) == shape
        if not is_own or _without_ones(view.shape, view.strides) != contiguous_strides(shape):
            return None
        # Scattered elements are slow to read.
        return writer if step == 1 or self.readers[base] == 1 else None

    def _moved(self, view: View) -> View:
        place = self.places.get(view.base)
        if place is None:
            return view
        (step,) = place.strides
        strides = tuple(step * stride for stride in view.strides)
        return View(place.base, place.offset + step * view.offset, view.shape, strides)


def _copy_along(kernel: Kernel, operand: Node, view: View, place: View) -> None:
    """Have a kernel copy a part beside what it computes."""
    if operand not in kernel.leaves:
        strides = _without_ones(view.shape, view.strides)
        kernel.leaves[operand] = View(view.base, view.offset, place.shape, strides)
    copy = make_node(stop_gradient, (operand,))
    while copy in kernel.stored:
        copy = make_node(stop_gradient, (copy,))
    kernel.members.append(copy)
    kernel.stored[copy] = place


def _without_ones(shape: Ints, values: Ints) -> Ints:
    """Return those of `values`, one for each axis, where the axis has more than one element."""
    return tuple(value for extent, value in zip(shape, values, strict=True) if extent != 1)


def _scaled(shape: Ints, step: int) -> Ints:
    return tuple(step * stride for stride in contiguous_strides(shape))


def _even_step(shape: Ints, strides: Ints) -> int | None:
    """Return the distance between the elements of an array in row-major order; None where it varies."""
    step = strides[-1] if strides else 1
    return step if strides == _scaled(shape, step) else None
