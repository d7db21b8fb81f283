"""Which kernels are the same but for the places of their buffers, so that one function serves them all.

A loop in a traced function is written out, and its iterations give kernels of the same structure.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from wengert.ir.node import Node
from wengert.run.llvm.codegen.body import is_literal
from wengert.run.llvm.fusion.kernels import Form, Kernel
from wengert.run.llvm.fusion.views import View

# What these compute depends on nothing but the operands' types, views, and places.
SHARED_FORMS = (Form.LOOPS, Form.PRODUCT, Form.COPY)


@dataclass(frozen=True)
class Pattern:
    """A kernel without the places of its buffers.

    Attributes
    ----------
    key : hashable
        Equal for kernels that the same code computes, given `places`.
    places : tuple of (Node, int)
        The buffers that are read or written, each with the first element that is read, in the same order for
        all kernels of a key.
    """

    key: Hashable
    places: tuple[tuple[Node, int], ...]


def pattern(kernel: Kernel) -> Pattern | None:
    """Return the pattern of a kernel; None where its code is its own."""
    if kernel.form not in SHARED_FORMS:
        return None
    numbers: dict[Node, int] = {}
    places: dict[Node, tuple[int, int]] = {}
    leaves: list[Hashable] = []
    members: list[Hashable] = []
    for node in kernel.members:
        for operand in node.inputs:
            if operand not in numbers:
                numbers[operand] = len(numbers)
                leaves.append(_leaf(operand, kernel.leaves[operand], kernel, places))
        operands = tuple([numbers[operand] for operand in node.inputs])
        members.append((node.primitive, node.params, node.type, operands))
        numbers[node] = len(numbers)
    stored = tuple([numbers[node] for node in kernel.stored])
    reductions = tuple([numbers[node] for node in kernel.reductions])
    # A buffer may be read and written; it is the same place then.
    written = tuple([_written(view, places) for view in kernel.stored.values()])
    panels = frozenset([(places[node][0], width) for node, width in kernel.panels.items()])
    key = (
        kernel.form, kernel.shape, kernel.axes, tuple(members), tuple(leaves), stored, reductions, written,
        kernel.in_place, panels,
    )  # fmt: skip
    return Pattern(key, tuple([(node, start) for node, (_, start) in places.items()]))


def _leaf(operand: Node, view: View, kernel: Kernel, places: dict[Node, tuple[int, int]]) -> Hashable:
    """Return what of a leaf must be equal, and enter its buffer."""
    shown = operand.type, view.shape, view.strides
    literal = view.base if is_literal(view) else None  # the number stands in the code
    if literal is not None and kernel.form is Form.LOOPS:
        return *shown, literal
    number, start = places.setdefault(view.base, (len(places), view.offset))
    # In what is computed after a product a number stands in the code too, as an operand it is read.
    return *shown, literal, view.base.type.dtype, number, view.offset - start


def _written(view: View, places: dict[Node, tuple[int, int]]) -> Hashable:
    """Return what of a place that is written to must be equal, and enter its buffer."""
    number, start = places.setdefault(view.base, (len(places), view.offset))
    return number, view.base.type.dtype, view.offset - start, view.strides


def distinct_lines(kernels: list[Kernel]) -> int:
    """Return how many lines there are to compile: those of equal kernels once."""
    seen: set[Hashable] = set()
    lines = 0
    for kernel in kernels:
        found = pattern(kernel)
        if found is None or found.key not in seen:
            lines += len(kernel.members)
        if found is not None:
            seen.add(found.key)
    return lines
