"""Putting one program into another: its inputs replaced by other nodes."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.ir.node import Node, with_operands
from wengert.ir.program import Program
from wengert.trace.tensor import Tensor, Trace


def substitute(program: Program, replacements: Sequence[Node]) -> dict[Node, Node]:
    """Return, for every node of `program`, the node that computes it from `replacements` of the inputs."""
    new: dict[Node, Node] = dict(zip(program.inputs, replacements, strict=True))
    for node in program.nodes:
        if node in new:
            continue
        operands = tuple(new[operand] for operand in node.inputs)
        unchanged = all(mine is theirs for mine, theirs in zip(operands, node.inputs, strict=True))
        new[node] = node if unchanged else with_operands(node, *operands)
    return new


def inline(program: Program, arguments: Sequence[Tensor], trace: Trace) -> list[Tensor]:
    """Record `program` applied to tensors of `trace`; origins come along, names of inputs do not."""
    new = substitute(program, [argument.node for argument in arguments])
    for old, node in new.items():
        if node.inputs and old in program.provenance:
            trace.provenance.setdefault(node, program.provenance[old])
    return [Tensor(new[output], trace) for output in program.outputs]
