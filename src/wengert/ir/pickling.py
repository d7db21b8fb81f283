"""Programs as plain lists for pickle: nodes are made anew when they are read, in order, not recursively."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wengert.errors import WengertError
from wengert.ir.node import INPUT, Node, make_input, make_node
from wengert.ir.program import Program, Signature, ancestors
from wengert.ir.provenance import Provenance

# Primitive, places of the operands, parameters; for an input its type in place of operands.
_Line = tuple[Any, Any, dict[str, Any]]
# Place of a node, its origin, and the place of the node whose adjoint it is.
_Origin = tuple[int, Provenance, int | None]


def reduced(program: Program) -> tuple[Callable[..., Program], tuple[Any, ...]]:
    """Return a function and arguments from which it makes the program again, as ``__reduce__`` does.

    Raises
    ------
    WengertError
        When the program reads values of an enclosing trace.
    """
    if program.free:
        raise WengertError("the program reads values of an enclosing trace, so it cannot be pickled")
    # The side table may name nodes that no line reads; those that the inputs give can be made again.
    made = _made_of(program)
    origins = {node: origin for node, origin in program.provenance.items() if node in made}
    adjoint_of = [origin.adjoint_of for origin in origins.values() if origin.adjoint_of in made]
    nodes = ancestors([*program.inputs, *program.outputs, *origins, *adjoint_of])
    places = {node: place for place, node in enumerate(nodes)}
    lines: list[_Line] = [
        (
            node.primitive,
            node.type if node.primitive is INPUT else tuple(places[operand] for operand in node.inputs),
            dict(node.params),
        )
        for node in nodes
    ]
    table: list[_Origin] = [
        (places[node], replace(origin, adjoint_of=None), places.get(origin.adjoint_of))  # type: ignore[arg-type]
        for node, origin in origins.items()
    ]
    inputs, outputs = ([places[node] for node in part] for part in (program.inputs, program.outputs))
    return _restored, (lines, inputs, outputs, table, program.signature)


def _made_of(program: Program) -> set[Node]:
    """Return the nodes that the program or its side table knows and that read no inputs but the program's."""
    made = set(program.inputs)
    others = [origin.adjoint_of for origin in program.provenance.values() if origin.adjoint_of is not None]
    for node in ancestors([*program.outputs, *program.provenance, *others]):
        if node.primitive is not INPUT and made.issuperset(node.inputs):
            made.add(node)
    return made


def _restored(
    lines: list[_Line],
    inputs: list[int],
    outputs: list[int],
    table: list[_Origin],
    signature: Signature | None,
) -> Program:
    nodes: list[Node] = []
    for primitive, operands, params in lines:
        if primitive is INPUT:
            nodes.append(make_input(params["name"], operands))
        else:
            nodes.append(make_node(primitive, [nodes[place] for place in operands], params))
    provenance = {
        nodes[place]: replace(origin, adjoint_of=None if other is None else nodes[other])
        for place, origin, other in table
    }
    return Program(
        [nodes[place] for place in inputs], [nodes[place] for place in outputs], provenance, signature
    )
