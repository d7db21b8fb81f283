"""Simplification: fewer lines, and the stable form of formulas that overflow.

Dead code needs no pass: a program is what its outputs need.
"""

from __future__ import annotations

from collections.abc import Callable

from wengert.errors import VerificationError
from wengert.ir.node import Node, make_node
from wengert.ir.program import Program
from wengert.ir.provenance import Provenance
from wengert.trace.tensor import Tensor, Trace
from wengert.transform.rules import RULES

Rule = Callable[[Node, Trace], Tensor | None]

_MOST_PASSES = 50  # every rule shrinks or sorts, so this is never reached; it turns a mistake into an error


def simplify(program: Program) -> Program:
    """Return a program with the same values and fewer, better conditioned lines.

    Folds constants, removes what multiplies by one or adds zero, composes movements, and rewrites
    log(softmax z), log(sigmoid z), log(1 + exp z), log Σ exp z and the naive softmax and sigmoid into their
    stable forms, which are right where the naive ones overflow.

    Notes
    -----
    In exact arithmetic nothing changes. In floating point the result may differ by rounding, and it is finite
    where the naive formula gave NaN or ∞.
    """
    outputs = list(program.outputs)
    provenance = dict(program.provenance)
    for _ in range(_MOST_PASSES):
        mapping = _pass(Program(program.inputs, outputs, provenance), provenance)
        new = [mapping[node] for node in outputs]
        if all(mine is theirs for mine, theirs in zip(new, outputs, strict=True)):
            return Program(program.inputs, outputs, provenance, program.signature)
        outputs = new
    raise VerificationError("simplification does not come to an end")


def _pass(program: Program, provenance: dict[Node, Provenance]) -> dict[Node, Node]:
    trace = Trace(rule="simplify")
    mapping: dict[Node, Node] = {}
    with trace.recording():
        for node in program.nodes:
            operands = tuple(mapping[operand] for operand in node.inputs)
            current = node
            if any(mine is not theirs for mine, theirs in zip(operands, node.inputs, strict=True)):
                current = make_node(node.primitive, operands, dict(node.params))
            result = _rewritten(current, trace)
            mapping[node] = result
            if result is not node and node in provenance and (result.inputs or node.inputs):
                _inherit(provenance, result, provenance[node])
    for node, origin in trace.provenance.items():
        provenance.setdefault(node, origin)
    return mapping


def _inherit(provenance: dict[Node, Provenance], node: Node, origin: Provenance) -> None:
    """The node that replaces another stands for the same value: it takes over what was known of that."""
    known = provenance.get(node)
    if known is None or (known.name is None and known.adjoint_of is None and known.source is None):
        provenance[node] = origin


def _rewritten(node: Node, trace: Trace) -> Node:
    for rule in RULES.get(node.primitive.name, ()):
        result = rule(node, trace)
        if result is not None and result.node is not node:
            if result.node.type is not node.type:
                raise VerificationError(f"rule {rule.__name__} turns {node.type} into {result.node.type}")
            return result.node
    return node
