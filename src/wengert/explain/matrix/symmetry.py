"""Matrices that are their own transpose by the way they are computed."""

from __future__ import annotations

from wengert.explain.index.definitions import solves
from wengert.explain.index.letters import kept_axes, letters_of, renames_axes
from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.ir.program import Program


def symmetric_lines(program: Program) -> set[Node]:
    """Return the lines with two axes of which element ij is element ji, whatever the arguments are.

    They are XᵀX and the like, what is computed element by element from such matrices and from numbers, and
    their transposes and inverses. An argument that happens to be symmetric is none: its elements vary alone.
    """
    found: set[Node] = set()
    for node in program.nodes:
        shape = node.type.shape
        if len(shape) == 2 and shape[0] == shape[1] > 1 and _is_symmetric(node, found):
            found.add(node)
    return found


def _is_symmetric(node: Node, known: set[Node]) -> bool:
    if node.value is not None:
        return bool((node.value == node.value.T).all())
    match node.primitive.kind:
        case Kind.CONTRACTION:
            terms, result = letters_of(node)
            swapped = str.maketrans(result, result[::-1])
            pairs = [_source(*pair) for pair in zip(node.inputs, terms, strict=False)]
            turned = [(one, letters.translate(swapped)) for one, letters in pairs]
            return len(pairs) == 2 and turned == pairs[::-1]
        case Kind.ELEMENTWISE:
            return all(one in known or one.type.size == 1 for one in map(_unmoved, node.inputs))
        case Kind.MOVEMENT:
            return renames_axes(node) and node.inputs[0] in known
    return solves(node) and node.inputs[0] in known and node.inputs[1] in known


def _unmoved(node: Node) -> Node:
    """Return what a line repeats, where that is one number."""
    return node.inputs[0] if renames_axes(node) and node.inputs[0].type.size == 1 else node


def _source(node: Node, letters: str) -> tuple[Node, str]:
    """Return the matrix that a transpose is one of, and its own letters."""
    while renames_axes(node) and node.inputs[0].type.ndim == len(letters):
        back = {theirs: letters[mine] for mine, theirs in kept_axes(node)}
        node, letters = node.inputs[0], "".join(back[axis] for axis in sorted(back))
    return node, letters
