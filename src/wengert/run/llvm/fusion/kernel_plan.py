"""From lines to kernels: which lines share a nest of loops, and in which order the kernels run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from wengert.ir.node import CONSTANT, INPUT, ITEM, Node, make_node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.primitives.selection import stop_gradient
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.lowering import form_of
from wengert.run.llvm.fusion.views import View, is_contiguous, moved, whole
from wengert.run.llvm.repetition.called_loop import CalledLoop

# A kernel longer than this runs out of registers. What is left in memory instead is near for small arrays,
# and kernels of a traced loop are more often the same when they are short; over many elements, values that
# go to the stack and back are nearer than arrays, and in a loop each kernel is called in every iteration.
_LONGEST, _MANY_ELEMENTS, _LONGEST_OF_MANY = 64, 512, 512


def plan(
    program: Program, is_body: bool = False, loops: Mapping[Node, CalledLoop] = MappingProxyType({})
) -> Plan:
    """Return the kernels of an expanded program.

    Parameters
    ----------
    program : Program
    is_body : bool
        Whether it is the body of a loop.
    loops : mapping of Node to CalledLoop
        The scans that are kernels.
    """
    planner = _Planner(_LONGEST_OF_MANY if is_body else _LONGEST, loops)
    for node in program.nodes:
        planner.add(node)
    for node in program.inputs:
        planner.views.setdefault(node, whole(node))
    outputs = [planner.read(node) for node in program.outputs]
    return Plan(program, planner.order, outputs)


class _Planner:
    """Takes in one line after the other.

    A kernel is open until something outside reads one of its members. Nothing depends on an open kernel, so a
    line may always join one, and two open ones may become one. Kernels run in the order in which they close.
    A movement is put off until something reads it, so that it closes no kernel before.
    """

    def __init__(self, longest: int, loops: Mapping[Node, CalledLoop]) -> None:
        self.longest = longest  # of the kernels over few elements
        self.loops = loops
        self.views: dict[Node, View] = {}
        self.owner: dict[Node, Kernel] = {}
        self.open: set[int] = set()
        self.waiting: set[Node] = set()
        self.order: list[Kernel] = []

    def add(self, node: Node) -> None:
        """Find the kernel of a line, or a new one."""
        if node.primitive in (INPUT, CONSTANT):
            self.views[node] = whole(node)
            return
        if node.primitive is ITEM:  # the kernel of its region writes it
            self.owner[node.inputs[0]].stored[node] = self.views[node] = whole(node)
            return
        if node in self.loops:
            self._scan(node)
            return
        form = form_of(node)
        if form is Form.LOOPS:
            if node.primitive.kind is Kind.REDUCTION:
                self._reduction(node)
            else:
                self._elementwise(node)
        elif form is Form.PRODUCT:
            self._leaves(self._new(form, node.type.shape, node), node.inputs)
        elif form is Form.COPY:
            self.waiting.add(node)
        else:
            self._alone(node, form)

    def read(self, node: Node) -> View:
        """Return where the value of a node lies; the kernel that computes it is complete then."""
        self._move(node)
        view = self.views.get(node)
        if view is not None:
            return view
        kernel = self.owner[node]
        self._close(kernel)
        kernel.stored[node] = self.views[node] = whole(node)
        return self.views[node]

    def _longest(self, shape: tuple[int, ...]) -> int:
        return self.longest if math.prod(shape) < _MANY_ELEMENTS else _LONGEST_OF_MANY

    def _new(self, form: Form, shape: tuple[int, ...], node: Node) -> Kernel:
        kernel = Kernel(form, shape, [node])
        self.open.add(id(kernel))
        self.owner[node] = kernel
        return kernel

    def _close(self, kernel: Kernel) -> None:
        if id(kernel) in self.open:
            self.open.remove(id(kernel))
            self.order.append(kernel)

    def _alone(self, node: Node, form: Form) -> None:
        kernel = self._new(form, node.type.shape, node)
        self._leaves(kernel, node.inputs)
        if node.primitive.region is None:
            self.read(node)
        else:
            self._close(kernel)

    def _scan(self, node: Node) -> None:
        """Plan a scan that is called; operands that do not lie in order are copied."""
        leaves = {}
        for operand in node.inputs:
            leaves[operand] = self.read(operand)
            if not is_contiguous(leaves[operand]):
                copy = make_node(stop_gradient, (operand,))
                if copy not in self.views:
                    self._elementwise(copy)
                leaves[operand] = self.read(copy)
        kernel = self._new(Form.SCAN, (), node)
        kernel.leaves, kernel.loop = leaves, self.loops[node]
        self._close(kernel)

    def _leaves(self, kernel: Kernel, operands: tuple[Node, ...]) -> None:
        for operand in operands:
            kernel.leaves[operand] = self.read(operand)

    def _move(self, root: Node) -> None:
        """Find where a movement is to be found that was put off, and those that it moves."""
        stack = [root] if root in self.waiting else []
        while stack:
            node = stack[-1]
            self._merge_parts(node)
            before = [operand for operand in node.inputs if operand in self.waiting]
            if before:
                stack.extend(before)
                continue
            stack.pop()
            if node in self.waiting:
                self.waiting.remove(node)
                self._movement(node)

    def _merge_parts(self, node: Node) -> None:
        """Make one of the open kernels whose results are joined by a movement, by their index spaces."""
        found: dict[tuple[int, ...], dict[int, Kernel]] = {}
        for operand in node.inputs if len(node.inputs) > 1 else ():
            while operand in self.waiting and len(operand.inputs) == 1:
                (operand,) = operand.inputs
            kernel = self._joinable(operand, operand.type.shape)
            if kernel is not None and kernel.form is Form.LOOPS:
                found.setdefault(kernel.shape, {})[id(kernel)] = kernel
        for kernels in found.values():
            self._merged(list(kernels.values()))

    def _movement(self, node: Node) -> None:
        if len(node.inputs) == 1:
            view = moved(node, self.read(node.inputs[0]))
            if view is not None:
                self.views[node] = view
                return
        self._alone(node, Form.COPY)

    def _joinable(self, operand: Node, shape: tuple[int, ...]) -> Kernel | None:
        """Return the open kernel that computes `operand` on an index space of `shape`."""
        kernel = self.owner.get(operand)
        if kernel is None or id(kernel) not in self.open or operand in kernel.reductions:
            return None
        if (
            kernel.shape != shape
            or operand.type.shape != shape
            or len(kernel.members) >= self._longest(shape)
        ):
            return None
        return kernel

    def _elementwise(self, node: Node) -> None:
        shape = node.type.shape
        # Reading closes kernels, so what cannot be joined is read first.
        for operand in node.inputs:
            if self._joinable(operand, shape) is None:
                self.read(operand)
        found = {id(k): k for o in node.inputs if (k := self._joinable(o, shape)) is not None}
        kernel = self._merged(list(found.values()))
        outside = [o for o in node.inputs if kernel is None or self.owner.get(o) is not kernel]
        views = {operand: self.read(operand) for operand in outside}
        if kernel is None:
            kernel = self._new(Form.LOOPS, shape, node)
        else:
            kernel.members.append(node)
            self.owner[node] = kernel
        kernel.leaves.update(views)

    def _merged(self, kernels: list[Kernel]) -> Kernel | None:
        """Make one of several open kernels over the same index space, as far as they fit together."""
        if not kernels:
            return None
        kernels.sort(key=lambda kernel: kernel.form is not Form.PRODUCT)
        first = kernels[0]
        for other in kernels[1:]:
            apart = other.form is Form.PRODUCT or other.reductions or first.reductions
            if apart or len(first.members) + len(other.members) > self._longest(first.shape):
                continue
            first.members += other.members
            first.leaves.update(other.leaves)
            first.stored.update(other.stored)
            for member in other.members:
                self.owner[member] = first
            self.open.remove(id(other))
        return first

    def _reduction(self, node: Node) -> None:
        (operand,) = node.inputs
        axes = node.param("axes")
        kernel = self._joinable(operand, operand.type.shape)
        if kernel is None or kernel.form is not Form.LOOPS or kernel.axes not in (None, axes):
            view = self.read(operand)
            kernel = self._new(Form.LOOPS, operand.type.shape, node)
            kernel.leaves[operand] = view
        else:
            kernel.members.append(node)
            self.owner[node] = kernel
        kernel.axes = axes
        kernel.reductions.append(node)
