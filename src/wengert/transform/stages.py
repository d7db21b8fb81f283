"""One program as two that follow each other: the first results are there before the rest is computed."""

from __future__ import annotations

from wengert.ir.node import ITEM, Node, make_input, with_operands
from wengert.ir.program import Program, ancestors


def two_stages(program: Program, first: int) -> tuple[Program, Program]:
    """Return the program of the first outputs, and that of the others, which goes on from it.

    Parameters
    ----------
    program : Program
    first : int
        How many outputs the first stage gives.

    Returns
    -------
    early : Program
        inputs → (first outputs, values that the second stage needs)
    late : Program
        (inputs, these values) → other outputs
    """
    outputs = program.outputs[:first], program.outputs[first:]
    known = set(ancestors(outputs[0]))
    later = []
    for node in ancestors(outputs[1]):
        if node.primitive is ITEM and node.inputs[0] in known:
            known.add(node)  # the results of a loop go over one by one
        elif node not in known:
            later.append(node)
    read = dict.fromkeys([*(one for node in later for one in node.inputs), *outputs[1]])
    kept = [node for node in read if node in known and node.inputs]
    new: dict[Node, Node] = {node: make_input(f"kept{place}", node.type) for place, node in enumerate(kept)}
    for node in later:
        if node.inputs:
            new[node] = with_operands(node, *[new.get(one, one) for one in node.inputs])
    late = [new.get(node, node) for node in outputs[1]]
    origins = {new.get(node, node): origin for node, origin in program.provenance.items()}
    return (
        Program(program.inputs, [*outputs[0], *kept], program.provenance),
        Program([*program.inputs, *(new[node] for node in kept)], late, origins),
    )
