"""Lines written out in other ones, for a backend that has no code of its own for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.ir.node import CONSTANT, INPUT, Node, with_operands
from wengert.ir.program import Program
from wengert.trace.tensor import Tensor, Trace, as_tensor

Replacement = Callable[[Node, Trace], Any]


def declared(node: Node, trace: Trace) -> Any:
    """Return a line as what its primitive declares to decompose into, None where it declares nothing."""
    decomposition = node.primitive.decomposition
    if decomposition is None:
        return None
    return decomposition(*[Tensor(operand, trace) for operand in node.inputs], **dict(node.params))


def decompose(program: Program, replacement: Replacement) -> Program:
    """Return a program with the same values, in which no line remains that has a replacement.

    Parameters
    ----------
    program : Program
    replacement : callable
        ``replacement(node, trace)`` gives what a line becomes, None where it stays. A result of another type
        is not put in its place.
    """
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
            result = replacement(current, trace)
            found = current if result is None else as_tensor(result, trace).node
            # Only exact replacements: one that changed a type would be a wrong program.
            final[node] = found if found.type is current.type else current
            changed |= final[node] is not current
    names = {final[node]: origin for node, origin in program.provenance.items() if node in final}
    expanded = Program(program.inputs, [final[node] for node in program.outputs], names, program.signature)
    # What a line is made of may be replaced in turn.
    return decompose(expanded, replacement) if changed else expanded
