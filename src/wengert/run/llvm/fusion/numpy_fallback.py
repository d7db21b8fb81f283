"""The one list of what this executor leaves to NumPy, and why.

Such a line runs between two stretches of generated code, on the same buffers.
"""

from __future__ import annotations

from wengert.ir.node import Node
from wengert.ir.primitive import Kind
from wengert.run.llvm.codegen import elementwise

# Compiling takes about a millisecond a line; a longer program would be compiled for longer than it runs.
# Lines of kernels that share their code count once.
LONGEST_PROGRAM = 4000

NATIVE_REDUCTIONS = ("sum", "prod", "max", "min", "any", "all")

REASONS = {
    "cumsum": "each element needs the one before it, so NumPy's loop is as fast",
    "argmax": "rare: a score, not a part of training",
    "argmin": "rare: a score, not a part of training",
    "einsum": "a repeated index within one term, that is a diagonal",
}


def left_to_numpy(node: Node) -> str | None:
    """Return the reason why NumPy runs a line, None where generated code does."""
    kind = node.primitive.kind
    name = node.primitive.name
    if name in REASONS:
        return REASONS[name]
    if kind is Kind.ELEMENTWISE and not elementwise.can_emit(node):
        return f"{name} of integers"
    if kind is Kind.CONTRACTION and node.type.dtype.kind != "f":
        return f"{name} of integers"
    if name == "scatter_add" and node.type.dtype.kind == "b":
        return "scatter_add of booleans"
    if kind is Kind.REDUCTION and name not in NATIVE_REDUCTIONS:
        return f"no loop nest for {name}"
    return None
