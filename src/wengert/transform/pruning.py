"""What no result of a loop or branch that is read depends on is not computed for it."""

from __future__ import annotations

from wengert.ir.node import ITEM, Node, with_operands
from wengert.ir.program import Program
from wengert.trace.tensor import Trace
from wengert.transform.placement import zeros


def pruned(program: Program) -> Program:
    """Return a program in which operands of regions that do not matter are zeros.

    Which of them matter depends on the results that some line reads. The regions themselves stay what they
    are, so that they can be differentiated again.
    """
    if all(node.primitive.region is None for node in program.nodes):
        return program
    unread = _unread(program)
    new: dict[Node, Node] = {}
    trace = Trace(rule="simplify")
    with trace.recording():
        for node in program.nodes:
            operands = [
                zeros(one.type, trace).node if place in unread.get(node, ()) else new.get(one, one)
                for place, one in enumerate(node.inputs)
            ]
            new[node] = with_operands(node, *operands) if operands else node
    origins = {new.get(node, node): origin for node, origin in program.provenance.items()}
    return Program(
        program.inputs, [new.get(node, node) for node in program.outputs], origins, program.signature
    )


def _unread(program: Program) -> dict[Node, set[int]]:
    """Return which operands of each region do not matter, by position."""
    needed = set(program.outputs)
    wanted: dict[Node, set[int]] = {}
    unread: dict[Node, set[int]] = {}
    for node in reversed(program.nodes):
        if node not in needed:
            continue
        region = node.primitive.region
        if node.primitive is ITEM:
            wanted.setdefault(node.inputs[0], set()).add(node.param("index"))
        if region is not None:
            unread[node] = region.unread(sorted(wanted[node]), **dict(node.params))
        needed.update(one for place, one in enumerate(node.inputs) if place not in unread.get(node, ()))
    return unread
