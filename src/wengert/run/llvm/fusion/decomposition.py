"""Lines that have no code of their own, written out in simpler ones."""

from __future__ import annotations

from typing import Any

from wengert.ir.node import CONSTANT, INPUT, Node, with_operands
from wengert.ir.program import Program
from wengert.run.llvm.fusion.lowering import left_to_numpy
from wengert.run.llvm.fusion.product_rewrites import rewritten
from wengert.trace.tensor import Tensor, Trace, as_tensor


def expand(program: Program) -> Program:
    """Return a program with the same values, of lines that have code of their own as far as possible."""
    trace = Trace(rule="expand")
    final: dict[Node, Node] = {node: node for node in program.inputs}
    changed = False
    with trace.recording():
        for node in program.nodes:
            if node.primitive is INPUT:
                continue
            if node.primitive is CONSTANT:
                final[node] = node
                continue
            current = with_operands(node, *[final[operand] for operand in node.inputs])
            final[node] = _expanded(current, trace)
            changed |= final[node] is not current
    expanded = Program(
        program.inputs, [final[node] for node in program.outputs], program.provenance, program.signature
    )
    # What a line is made of may be decomposed in turn.
    return expand(expanded) if changed else expanded


def _expanded(node: Node, trace: Trace) -> Node:
    result = rewritten(node, trace) if left_to_numpy(node) is None else _decomposed(node, trace)
    if result is None:
        return node
    found = as_tensor(result, trace).node
    # Only exact replacements: one that changed a type would be a wrong program.
    return found if found.type is node.type else node


def _decomposed(node: Node, trace: Trace) -> Any:
    decomposition = node.primitive.decomposition
    if decomposition is None:
        return None
    return decomposition(*[Tensor(operand, trace) for operand in node.inputs], **dict(node.params))
