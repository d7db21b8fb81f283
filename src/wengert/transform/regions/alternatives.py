"""Branches written out: those without an alternative, and those that are computed sooner than chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.ir.node import ITEM, Node, with_operands
from wengert.ir.primitive import Kind
from wengert.ir.program import Program
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.inline import inline
from wengert.transform.regions.branch import cond

# Operations that take less time than it takes to leave generated code and to choose, some 20 µs.
_MOST = 20_000

# Lines that give a value for every operand and end.
_TOTAL = (Kind.INPUT, Kind.CONSTANT, Kind.ELEMENTWISE, Kind.MOVEMENT, Kind.REDUCTION, Kind.CONTRACTION)


def without_choice(program: Program) -> Program:
    """Return a program in which branches are written out that need not be chosen.

    Those are the only branch that there is, and small branches without loops, routines and indices that may
    be out of range: all of them are computed, and one of the values is taken.
    """
    if all(node.primitive is not cond for node in program.nodes):
        return program
    new: dict[Node, Node] = {}
    written: dict[Node, list[Node]] = {}
    trace = Trace(rule="without choice")
    with trace.recording():
        for node in program.nodes:
            operands = [new.get(one, one) for one in node.inputs]
            branches = _written_out(node)
            if branches:
                index, *others = [Tensor(one, trace) for one in operands]
                values = _taken(index, [inline(one, others, trace) for one in branches])
                written[node] = [as_tensor(one, trace).node for one in values]
            elif node.primitive is ITEM and node.inputs[0] in written:
                new[node] = written[node.inputs[0]][node.param("index")]
            else:
                new[node] = with_operands(node, *operands) if operands else node
    origins = {**trace.provenance, **program.provenance}
    return Program(program.inputs, [new.get(node, node) for node in program.outputs], origins)


def _written_out(node: Node) -> list[Program]:
    """Return the branches of a choice that is not made; none for other lines."""
    if node.primitive is not cond:
        return []
    branches = [without_choice(one) for one in node.param("branches")]
    if len(branches) == 1:
        return branches
    lines = [line for one in branches for line in (*one.nodes, *one.outputs)]
    is_total = all(line.primitive.kind in _TOTAL for line in lines)
    return branches if is_total and sum(max(one.flops, one.type.size) for one in lines) <= _MOST else []


def _taken(index: Any, values: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the values of the branch of this number, or of the last or first."""
    results = list(values[0])
    for number, others in enumerate(values[1:], 1):
        taken = [np.where(index >= number, one, before) for one, before in zip(others, results, strict=True)]
        results = taken
    return results
