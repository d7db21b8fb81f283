"""Lines that have no code of their own, written out in simpler ones."""

from __future__ import annotations

from typing import Any

from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.run.llvm.fusion.lowering import is_complex, left_to_numpy
from wengert.run.llvm.fusion.product_rewrites import rewritten
from wengert.trace.tensor import Trace
from wengert.transform.decomposition import declared, decompose


def expand(program: Program) -> Program:
    """Return a program with the same values, of lines that have code of their own as far as possible."""
    return decompose(program, _replacement)


def _replacement(node: Node, trace: Trace) -> Any:
    if is_complex(node):
        return None  # what it is made of is left to NumPy too
    return rewritten(node, trace) if left_to_numpy(node) is None else declared(node, trace)
