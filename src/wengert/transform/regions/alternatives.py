"""Branches without an alternative, written out."""

from __future__ import annotations

from wengert.ir.node import ITEM, Node, with_operands
from wengert.ir.program import Program
from wengert.transform.inline import substitute
from wengert.transform.regions.branch import cond


def without_alternative(program: Program) -> Program:
    """Return a program in which lines that have only one branch to take are written out."""
    if all(node.primitive is not cond for node in program.nodes):
        return program
    new: dict[Node, Node] = {}
    written: dict[Node, list[Node]] = {}
    for node in program.nodes:
        operands = [new.get(one, one) for one in node.inputs]
        if node.primitive is cond and len(node.param("branches")) == 1:
            (branch,) = node.param("branches")
            branch = without_alternative(branch)
            inner = substitute(branch, operands[1:])
            written[node] = [inner[one] for one in branch.outputs]
        elif node.primitive is ITEM and node.inputs[0] in written:
            new[node] = written[node.inputs[0]][node.param("index")]
        else:
            new[node] = with_operands(node, *operands) if operands else node
    return Program(program.inputs, [new[node] for node in program.outputs], program.provenance)
