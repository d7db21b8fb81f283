"""Values that are cheaper to compute again where they are read than to keep in memory."""

from __future__ import annotations

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import is_literal
from wengert.run.llvm.codegen.elementwise import ELEMENTWISE
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan
from wengert.run.llvm.fusion.views import is_whole


def rematerialised(made: Plan) -> Plan:
    """Return a plan in which readers compute what is one cheap line away from another value in memory.

    The square of a product, say, which is kept for the derivative anyway.
    """
    readers: dict[Node, list[Kernel]] = {}
    for kernel in made.kernels:
        for view in kernel.leaves.values():
            readers.setdefault(view.base, []).append(kernel)
    results = {view.base for view in made.outputs}
    for kernel in made.kernels:
        for node in list(kernel.stored):
            source = _source(kernel, node) if node not in results else None
            if source is not None and all(_can_compute(one, node) for one in readers[node]):
                for reader in readers[node]:
                    _compute(reader, node, kernel, source)
                    # It reads the source now, which may come into question itself; perhaps it did before.
                    others = readers.setdefault(source, [])
                    if not any(one is reader for one in others):
                        others.append(reader)
                _drop(kernel, node)
    return made


def _source(kernel: Kernel, node: Node) -> Node | None:
    """Return the value in memory that a member is one cheap line away from, beside literals."""
    code = ELEMENTWISE.get(node.primitive.name)
    if code is None or not code.is_cheap or kernel.form not in (Form.LOOPS, Form.PRODUCT):
        return None
    operands = {one for one in node.inputs if not (one in kernel.leaves and is_literal(kernel.leaves[one]))}
    if len(operands) != 1:
        return None
    (source,) = operands
    kept = source in kernel.stored and source not in kernel.reductions
    return source if kept and source.type is node.type else None


def _can_compute(reader: Kernel, node: Node) -> bool:
    """Whether a reader needs a value nowhere but at its own place: not its transposed beside it, say."""
    seen = [(leaf, view) for leaf, view in reader.leaves.items() if view.base is node]
    here = len(seen) == 1 and seen[0][0] is node and is_whole(seen[0][1])
    return here and reader.form is Form.LOOPS and reader.shape == node.type.shape


def _compute(reader: Kernel, node: Node, kernel: Kernel, source: Node) -> None:
    del reader.leaves[node]
    reader.members.insert(0, node)
    for operand in node.inputs:
        if operand is source:
            reader.leaves[source] = kernel.stored[source]
        elif operand not in reader.leaves:
            reader.leaves[operand] = kernel.leaves[operand]


def _drop(kernel: Kernel, node: Node) -> None:
    """Compute a member no more, unless others need it."""
    del kernel.stored[node]
    if not any(node in one.inputs for one in kernel.members):
        kernel.members.remove(node)
