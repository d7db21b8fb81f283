"""How much memory and work one formula may take: counted from shapes, before anything is computed.

Formulas and claims are text that anybody may have written, and a short one can ask for any amount of work:
``outer(outer(x, x), outer(x, x))`` of 120 numbers has 207 million elements.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from wengert.errors import LimitError

MAX_ELEMENTS = 4_000_000  # of one value: 32 MB in double precision
MAX_OPERATIONS = 200_000_000  # of one line: about a tenth of a second
MAX_LINKS = 400  # derivatives of one value by another in a derivation: some thousand lines to read

Shape = tuple[int, ...]

_left: ContextVar[list[int] | None] = ContextVar("operations left", default=None)


@contextmanager
def budget(operations: int) -> Iterator[None]:
    """Limit everything inside to a number of elementary operations in all."""
    token = _left.set([operations])
    try:
        yield
    finally:
        _left.reset(token)


def spend(name: str, shapes: Sequence[Shape]) -> None:
    """Count an operation of a formula before it is done.

    Parameters
    ----------
    name : str
        Of the function or operator.
    shapes : sequence of tuple of int
        Of its operands.

    Raises
    ------
    LimitError
        When its result, or the work for it, or all work so far is more than is allowed.
    """
    elements, operations = _cost(name, shapes)
    check_elements(elements, name)
    if operations > MAX_OPERATIONS:
        raise LimitError(f"{name} would take {operations:,} operations; {MAX_OPERATIONS:,} are allowed")
    left = _left.get()
    if left is not None:
        left[0] -= operations
        if left[0] < 0:
            raise LimitError("the operations that are allowed have been used up")


def check_elements(elements: int, what: str) -> None:
    """Refuse a value with too many elements before it is computed.

    Raises
    ------
    LimitError
    """
    if elements > MAX_ELEMENTS:
        raise LimitError(
            f"{what} would have {elements:,} elements; {MAX_ELEMENTS:,} are allowed: take smaller shapes"
        )


def check_links(links: int) -> None:
    """Refuse a derivation that nobody would read to its end.

    Raises
    ------
    LimitError
    """
    if links > MAX_LINKS:
        raise LimitError(
            f"the function has {links:,} derivatives of one value by another; a derivation may have "
            f"{MAX_LINKS}: explain a part of it, or fewer steps of its loop"
        )


def _cost(name: str, shapes: Sequence[Shape]) -> tuple[int, int]:
    """Return how many elements the result of an operation has, and how many operations it takes, at most."""
    sizes = [math.prod(shape) for shape in shapes]
    if name == "outer":
        elements = math.prod(sizes)
        return elements, elements
    if name in ("@", "dot", "matmul") and all(shapes):
        inner = shapes[0][-1]
        elements = math.prod(sizes) // max(1, inner) ** 2  # at most, and exact for matrices and vectors
        return elements, elements * inner
    if name == "diag" and [len(shape) for shape in shapes] == [1]:
        return sizes[0] ** 2, sizes[0] ** 2
    try:
        elements = math.prod(np.broadcast_shapes(*shapes))
    except ValueError:  # it will be refused for that
        elements = 0
    return elements, max(elements, *sizes, 0)
