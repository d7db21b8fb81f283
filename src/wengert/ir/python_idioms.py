"""Lines that have a name of their own on the board: a softmax is one word, and X @ W + b is Z."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from wengert.ir.node import Node
from wengert.ir.program import Program


@dataclass(frozen=True, slots=True)
class Idiom:
    """What is written in place of a node and of those that only it reads.

    Attributes
    ----------
    template : str
        With the operands as ``{0}``, ``{1}``, …
    operands : tuple of Node
    absorbed : tuple of Node
        Have no line of their own.
    """

    template: str
    operands: tuple[Node, ...]
    absorbed: tuple[Node, ...]


def is_preactivation(node: Node) -> bool:
    """Whether a node is X @ W or X @ W + b."""
    candidates = node.inputs if node.primitive.name == "add" else (node,)
    return any(one.primitive.name == "matmul" and one.type.ndim for one in candidates)


def idioms(program: Program) -> dict[Node, Idiom]:
    """Return the idioms that `program` contains, by the node whose value they are."""
    reads = Counter([*program.outputs, *[operand for node in program.nodes for operand in node.inputs]])
    found = {}
    for node in program.nodes:
        idiom = _softmax(node)
        if idiom is not None and all(reads[one] == 1 for one in idiom.absorbed):
            found[node] = idiom
    return found


def _softmax(node: Node) -> Idiom | None:
    """exp(x − logsumexp x) is the softmax of x; where others need the logarithm, both stay as they are."""
    if node.primitive.name != "exp_difference":
        return None
    x, total = node.inputs
    absorbed: tuple[Node, ...] = (total,)
    expanded = total.primitive.name == "expand_dims"
    if expanded:
        total = total.inputs[0]
        absorbed = (total, *absorbed)
    if total.primitive.name != "logsumexp" or total.inputs[0] is not x:
        return None
    params = dict(total.params)
    axes = params["axes"]
    if not (params["keepdims"] or (expanded and node.inputs[1].params == (("axes", axes),))):
        return None
    last = axes == (x.type.ndim - 1,)
    where = "" if last else f", axis={axes[0] if len(axes) == 1 else axes}"
    return Idiom(f"softmax({{0}}{where})", (x,), absorbed)
