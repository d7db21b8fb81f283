"""What the derivative of a factor is written with: the other factors, and constants of the literature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wengert.explain.factors.stacked_parts import (
    CHOLESKY,
    EIGEN,
    ORTHOGONAL,
    PARTS,
    SINGULAR,
    Part,
    factor_of,
)
from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.primitives.library.factorisations import turned_by
from wengert.trace.tensor import Tensor, Trace, as_tensor
from wengert.transform.gradient import dependents

WEIGHTS, GAPS, BELOW = "Φ", "F", "T"
# Which factors and constants are triangular; see `Symbol.triangle`.
TRIANGLES = {"L": "lower", "R": "upper", WEIGHTS: "weights", BELOW: "below"}
# Of a factorisation and the letter of a factor: what the derivative of that is written with.
_NEEDED = {
    (EIGEN, "λ"): ("Q", WEIGHTS),
    (EIGEN, "Q"): ("λ", "Q", GAPS, WEIGHTS),
    (SINGULAR, "s"): ("U", "V"),
    (SINGULAR, "U"): ("U", "s", "V", GAPS),
    (SINGULAR, "V"): ("U", "s", "V", GAPS),
    (ORTHOGONAL, "Q"): ("Q", "R", BELOW),
    (ORTHOGONAL, "R"): ("Q", "R", BELOW),
    (CHOLESKY, "L"): ("L", WEIGHTS),
}


def companions(stack: Node) -> dict[str, Node]:
    """Return the lines that a derivative of a factor may be written with, each by its letter.

    They are its factors; Φ, which is 1 below the diagonal, ½ on it and 0 above, for matrices of which one
    triangle is read; T, which is 1 below the diagonal; and F, the reciprocal gaps between eigenvalues, or
    between the squares of singular values.
    """
    trace = Trace(rule="factors")
    with trace.recording():
        whole, extents = Tensor(stack, trace), stack.inputs[0].type.shape
        found = {part.letter: _taken(whole, part, extents) for part in PARTS[stack.primitive.formula]}
        count = stack.type.shape[1]
        lower = np.tril(np.ones((count, count)))
        weights = lower - np.eye(count) / 2
        if stack.primitive.formula in (EIGEN, CHOLESKY):
            found[WEIGHTS] = as_tensor(weights if dict(stack.params).get("lower", True) else weights.T, trace)
        if stack.primitive.formula == ORTHOGONAL:
            found[BELOW] = as_tensor(lower - np.eye(count), trace)
        values = {EIGEN: "λ", SINGULAR: "s"}.get(stack.primitive.formula)
        if values is not None:
            raised = found[values] if values == "λ" else found[values] ** 2
            found[GAPS] = turned_by(as_tensor(np.ones((count, count)), trace), raised, refuse=True)
    return {letter: tensor.node for letter, tensor in found.items()}


def _taken(stack: Tensor, part: Part, extents: tuple[int, ...]) -> Tensor:
    """Return a factor as NumPy's functions take it out of the stack."""
    first, after = part.rows(*extents)
    if part.is_vector:
        values: Tensor = stack[first, :]
        return values
    rows: Tensor = stack if (first, after) == (0, len(stack)) else stack[first:after, :]
    return rows.mT if part.transposed else rows


def with_companions(program: Program, wrt: Sequence[Node]) -> tuple[Program, dict[Node, str]]:
    """Return a program that also computes what derivatives of factors in it are written with, and letters.

    Only factors through which a derivative flows are meant; the letters are those of lines without a name.
    """
    moving = dependents(program.nodes, wrt)
    letters: dict[Node, str] = {}
    for node in moving:
        factor = factor_of(node)
        if factor is not None:
            known = companions(factor.stack)
            needed = _NEEDED[factor.stack.primitive.formula, factor.part.letter]
            letters |= {known[letter]: letter for letter in needed}
            letters.setdefault(node, factor.part.letter)
    extra = [node for node in letters if node not in program.nodes]
    return Program(program.inputs, (*program.outputs, *extra), program.provenance, program.signature), letters
