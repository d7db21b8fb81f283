"""Forward mode from the reverse rules: the transpose of the transpose."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.errors import VerificationError
from wengert.ir.node import Node, make_input
from wengert.ir.program import Program
from wengert.ir.provenance import Provenance
from wengert.trace.tensor import Tensor, Trace
from wengert.transform.gradient import backpropagate, check_differentiable
from wengert.transform.pruning import pruned


def pushforward(program: Program, wrt: Sequence[int]) -> Program:
    """Return the program (inputs, tangents of the inputs `wrt`) → (outputs, J·tangents).

    The pullback u ↦ Jᵀu is linear in u, so its own pullback is v ↦ Jv and reads u no more.

    Parameters
    ----------
    program : Program
    wrt : sequence of int
        Positions of floating inputs.

    Returns
    -------
    Program
        Tangents of integer outputs are zeros of their type.
    """
    trace = Trace(rule="seed")
    trace.provenance.update(program.provenance)
    targets = [program.inputs[position] for position in wrt]
    for target in targets:
        check_differentiable(target, f"argument {target.param('name')!r}")
    with trace.recording():
        dummies = [make_input(f"u{i}", node.type) for i, node in enumerate(program.outputs)]
        tangents = [make_input(f"d{node.param('name')}", node.type) for node in targets]
        cotangents = [Tensor(dummy, trace) for dummy in dummies]
        lines = _lines(trace)
        transposed = backpropagate(program.outputs, cotangents, targets, trace, lines, guard=False)
        directions = [Tensor(tangent, trace) for tangent in tangents]
        ends = [one.node for one in transposed]
        results = backpropagate(ends, directions, dummies, trace, _lines(trace), guard=False)
    outputs = [*program.outputs, *[one.node for one in results]]
    pushed = pruned(Program([*program.inputs, *tangents], outputs, trace.provenance))
    if any(dummy in pushed.nodes for dummy in dummies):
        raise VerificationError("a vjp rule is not linear in its cotangent")
    return pushed


def _lines(trace: Trace) -> dict[Node, Provenance]:
    """Return where the user wrote what has been recorded, which errors of LAPACK's say; names mean values."""
    return {node: Provenance(source=origin.source) for node, origin in trace.provenance.items()}
