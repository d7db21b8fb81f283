"""A step's update of a matrix and the next step's product with it, in one pass over the matrix.

With one row in a step, a layer reads its weights for the product, and reads and writes them for the update.
The next row is known. So the update multiplies what it writes by that row at once, and the next step begins
with its product done: ``P, W → W' = f(W, P, row), P' = next row · W'``. A first product comes before the
first step. The same code computes it, so the bits do not depend on where a run of steps begins.

Where both rows are zero, as at the margins of pictures, a plain update leaves the matrix as it is and the
product gets nothing of it: that part of the matrix is not even read. (What is not finite would make NaN of a
zero; but then the loss or other parameters are not finite either, and the training stops.)
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from llvmlite import ir

from wengert.ir.node import Node, make_input, with_operands
from wengert.ir.program import Program, ancestors
from wengert.run.llvm.codegen.body import Body, kernel_accesses
from wengert.run.llvm.codegen.irtypes import constant, intrinsic, memory_type, splat, widened
from wengert.run.llvm.codegen.loops import Access, Index, Place, counted_loop, load, plus, store, times
from wengert.run.llvm.fusion.kernel_plan import plan
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.lowering import form_of
from wengert.run.llvm.fusion.product_rewrites import subtracts_product
from wengert.run.llvm.fusion.views import View, keeps_order, whole
from wengert.run.llvm.runtime.target import Target
from wengert.run.loop import Roles

# Of the vector registers: the sums of as many columns are held at once, and as many used for every row.
_SHARE = 4


@dataclass(frozen=True)
class Lookahead:
    """What a loop needs beside its step to compute a product ahead.

    Attributes
    ----------
    first : Kernel
        The product of the first row.
    given : Node
        The input of the step that holds the product.
    result : Node
        The step's output that takes its memory.
    row, following : Node
        The inputs that are this step's row and the next one's.
    """

    first: Kernel
    given: Node
    result: Node
    row: Node
    following: Node


def lookahead(program: Program, roles: Roles) -> tuple[Plan, Lookahead] | None:
    """Return the plan of a step that computes a product of the next one; None where there is none to compute.

    The inputs of its program are those of `program`, the product and the next row.
    """
    rows = [program.inputs[place] for place in roles.rows if program.inputs[place].type.shape[0] == 1]
    for product in program.lines:
        # A product in blocks of terms is a large one; see `wengert.run.llvm.fusion.product_rewrites`.
        if form_of(product) is not Form.PRODUCT or product.type.ndim != 3:
            continue
        row, matrix = (_moved_from(operand) for operand in product.inputs)
        if row not in rows or matrix not in program.inputs[: roles.carried] or matrix.type.ndim != 2:
            continue
        updated = program.outputs[program.inputs.index(matrix)]
        if updated is matrix:
            continue
        given = make_input("product", product.type)
        following = make_input("next row", row.type)
        later = _replaced(program.outputs, {product: given})
        updated = later[program.inputs.index(matrix)]
        (result,) = _replaced([product], {row: following, matrix: updated})
        inputs = [*program.inputs, given, following]
        rotated = Program(inputs, [*later, result], program.provenance, program.signature)
        joined = _joined(plan(rotated), matrix, updated, result)
        if joined is not None:
            leaves = {row: whole(row), matrix: whole(matrix)}
            first = _kernel(matrix.type.shape, [product], leaves, {product: whole(product)})
            return joined, Lookahead(first, given, result, row, following)
    return None


def _moved_from(node: Node) -> Node:
    """Return whose elements a value shows, in the same order."""
    while keeps_order(node):
        (node,) = node.inputs
    return node


def _replaced(outputs: Sequence[Node], found: dict[Node, Node]) -> list[Node]:
    """Return the outputs with some nodes replaced in all that they are computed from."""
    for node in ancestors(outputs):
        operands = tuple([found.get(operand, operand) for operand in node.inputs])
        if node not in found and operands != node.inputs:
            found[node] = with_operands(node, *operands)
    return [found.get(node, node) for node in outputs]


def _kernel(
    shape: tuple[int, ...], members: list[Node], leaves: dict[Node, View], stored: dict[Node, View]
) -> Kernel:
    return Kernel(Form.LOOKAHEAD, shape, members, leaves, [members[-1]], (0,), stored)


def _joined(made: Plan, matrix: Node, updated: Node, result: Node) -> Plan | None:
    """Return the plan with the product in the kernel of the update.

    None where that is no plain nest, or makes the matrix of something else than what it was.
    """
    update = next((one for one in made.kernels if updated in one.stored), None)
    product = next(one for one in made.kernels if result in one.members)
    if update is None or update.form is not Form.LOOPS or update.reductions:
        return None
    if update.shape != updated.type.shape or product.members != [result]:
        return None
    if all(view.base is not matrix for view in update.leaves.values()):
        return None
    following = {node: view for node, view in product.leaves.items() if view.base is not updated}
    joined = _kernel(
        update.shape,
        [*update.members, result],
        {**update.leaves, **following},
        {**update.stored, result: whole(result)},
    )
    kernels = [joined if one is update else one for one in made.kernels if one is not product]
    return replace(made, kernels=kernels)


class LookaheadUpdate:
    """Goes down the rows of a matrix: updates them, and adds them up, each times a number of a vector.

    Parameters
    ----------
    kernel : Kernel
        Its last member is the product; the others, if there are any, compute the matrix.
    target : Target

    Attributes
    ----------
    units : int
        Blocks of rows, each with a sum of its own.
    """

    scratch_bytes = 0

    def __init__(self, kernel: Kernel, target: Target) -> None:
        self.kernel = kernel
        self.product = kernel.members[-1]
        self.row, self.matrix = (_moved_from(operand) for operand in self.product.inputs)
        self.rows, self.columns = kernel.shape
        self.units = self.product.type.shape[0]
        self.type = memory_type(self.product.type.dtype)
        self.lanes = min(target.lanes(self.product.type.dtype.itemsize), self.columns)
        self.vectors = target.vector_registers // _SHARE
        read = {operand for node in kernel.members[:-1] for operand in node.inputs} | {self.matrix}
        self.accesses = {
            node: access
            for node, access in kernel_accesses(kernel).items()
            if node in read or node in kernel.stored
        }
        self.is_plain = self._is_plain(kernel.members[:-1])

    def _is_plain(self, update: list[Node]) -> bool:
        """Whether an update is W − x·δ with a number of each row in x, or none at all."""
        if not subtracts_product(update):
            return not update
        factors, (matrix, change) = update[0].inputs, update[1].inputs
        strides = [self.accesses[node].strides for node in factors if node in self.accesses]
        is_by_row = any(by_row != 0 and by_column == 0 for by_row, by_column in strides)
        return is_by_row and matrix in self.kernel.leaves and change is update[0]

    def generate(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        begin: ir.Value,
        end: ir.Value,
        scratch: ir.Value,
    ) -> None:
        """Generate the units from `begin` to `end`."""
        width = self.vectors * self.lanes
        full = self.columns - self.columns % width
        with counted_loop(builder, begin, end) as block:
            with counted_loop(builder, 0, full, width) as column:
                self._down(builder, buffers, block, column, [self.lanes] * self.vectors)
            if full < self.columns:
                starts = range(full, self.columns, self.lanes)
                widths = [min(self.lanes, self.columns - start) for start in starts]
                self._down(builder, buffers, block, full, widths)

    def _down(
        self,
        builder: ir.IRBuilder,
        buffers: dict[Node, ir.Value],
        block: Index,
        column: Index,
        widths: list[int],
    ) -> None:
        """Go down some vectors of columns; what is the same in all rows is read once."""
        body = Body(self.kernel, buffers, self.accesses)
        places = [plus(builder, column, number * self.lanes) for number in range(len(widths))]
        vectors = list(zip(places, widths, strict=True))
        leaves = [(node, self.accesses[node].strides) for node in self.kernel.leaves if node in self.accesses]
        of_column = [node for node, (by_row, _) in leaves if by_row == 0]
        of_row = [node for node, (by_row, by_column) in leaves if by_row != 0 and by_column == 0]
        known = [
            {node: body.operand(builder, node, Place([0, start], width), {}) for node in of_column}
            for start, width in vectors
        ]
        sums = [self._zero(builder, width) for width in widths]
        height = self.rows // self.units
        first = times(builder, block, height)
        with counted_loop(builder, 0, height) as number:
            row = plus(builder, first, number)
            numbers = {node: body.operand(builder, node, Place([row, 0], 1), {}) for node in of_row}
            factor = load(builder, buffers[self.row], self.type, Access(0, (1,)), Place([row], 1))
            with self._unless_zero(builder, [*numbers.values(), factor]):
                for (start, width), values, total in zip(vectors, known, sums, strict=True):
                    place = Place([row, start], width)
                    spread = {node: splat(builder, value, width) for node, value in numbers.items()}
                    values = body.compute(builder, place, {**values, **spread})
                    matrix = body.operand(builder, self.matrix, place, values)
                    before = builder.load(total, typ=total.allocated_type)
                    operands = [splat(builder, factor, width), matrix, before]
                    builder.store(intrinsic(builder, "llvm.fmuladd", operands), total)
        access = Access(0, (self.columns, 1))
        for (start, width), total in zip(vectors, sums, strict=True):
            value = builder.load(total, typ=total.allocated_type)
            store(builder, value, buffers[self.product], self.type, access, Place([block, start], width))

    @contextmanager
    def _unless_zero(self, builder: ir.IRBuilder, factors: list[ir.Value]) -> Iterator[None]:
        """Leave a row alone that is only multiplied by zeros."""
        if not self.is_plain:
            yield
            return
        is_some = [builder.fcmp_unordered("!=", one, constant(one.type, 0)) for one in factors]
        with builder.if_then(functools.reduce(builder.or_, is_some)):
            yield

    def _zero(self, builder: ir.IRBuilder, width: int) -> ir.AllocaInstr:
        """Return a variable, which LLVM keeps in a register."""
        type_ = widened(self.type, width)
        with builder.goto_entry_block():
            slot = builder.alloca(type_)
        builder.store(constant(type_, 0), slot)
        return slot
