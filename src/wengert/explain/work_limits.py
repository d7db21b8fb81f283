"""How much memory and work one formula may take: counted from shapes, before anything is computed.

Formulas and claims are text that anybody may have written, and a short one can ask for any amount of work:
``outer(outer(x, x), outer(x, x))`` of 120 numbers has 207 million elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.errors import LimitError

MAX_ELEMENTS = 4_000_000  # of one value: 32 MB in double precision
MAX_OPERATIONS = 200_000_000  # of one line: about a tenth of a second
MAX_LINKS = 400  # derivatives of one value by another in a derivation: some thousand lines to read
MAX_BOXES = 1000  # of a drawing: some hundred screens

_left: ContextVar[list[int] | None] = ContextVar("operations left", default=None)


@contextmanager
def budget(operations: int) -> Iterator[None]:
    """Limit everything inside to a number of elementary operations in all."""
    token = _left.set([operations])
    try:
        yield
    finally:
        _left.reset(token)


def spend(name: str, operands: Sequence[Any]) -> None:
    """Count an operation of a formula before it is done.

    Parameters
    ----------
    name : str
        Of the function or operator.
    operands : sequence
        Arrays, tensors, numbers, and what else the function is called with.

    Raises
    ------
    LimitError
        When its result, or the work for it, or all work so far is more than is allowed.
    """
    elements, operations = _cost(name, operands)
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


def check_boxes(boxes: int) -> None:
    """Refuse a drawing that is too large to be read.

    Raises
    ------
    LimitError
    """
    if boxes > MAX_BOXES:
        raise LimitError(
            f"the drawing would have {boxes:,} boxes; {MAX_BOXES:,} are allowed: draw a part of the "
            "function, or fold layers and loops"
        )


def _cost(name: str, operands: Sequence[Any]) -> tuple[int, int]:
    """Return how many elements the result of an operation has, and how many operations it takes, at most."""
    if name in _MADE:
        elements = _MADE[name](operands)
        return elements, elements
    if name == "einsum" and operands and isinstance(operands[0], str):
        return _einsum_cost(operands[0], operands[1:])
    if operands and isinstance(operands[0], tuple):  # arrays that are joined
        operands = operands[0]
    shapes = [np.shape(one) for one in operands if not isinstance(one, (tuple, str))]
    sizes = [math.prod(shape) for shape in shapes]
    if name == "outer":
        elements = math.prod(sizes)
        return elements, elements
    if name in _PRODUCTS and all(shapes):
        inner = shapes[0][-1]
        elements = math.prod(sizes) // max(1, inner) ** 2  # at most, and exact for matrices and vectors
        return elements, elements * inner
    if name == "diag" and [len(shape) for shape in shapes] == [1]:
        return sizes[0] ** 2, sizes[0] ** 2
    if name in _CUBIC and shapes and shapes[0]:
        return max(sizes), 10 * max(sizes) * max(shapes[0])
    if len({*shapes} - {()}) < 2:  # the usual case, spared the time of `broadcast_shapes`
        elements = math.prod(max(shapes, key=len, default=()))
    else:
        try:
            elements = math.prod(np.broadcast_shapes(*shapes))
        except ValueError:  # joined, or it will be refused for that
            elements = sum(sizes)
    return elements, max(elements, *sizes, 0)


_PRODUCTS = ("@", "dot", "matmul", "inner", "vdot")
_CUBIC = ("norm", "det", "inv", "solve", "slogdet", "pinv", "cholesky")


def _extents(shape: Any) -> int:
    """Return how many elements a shape has that somebody wrote down; nothing where it is none."""
    given = shape if isinstance(shape, tuple) else (shape,)
    return math.prod(abs(int(one)) for one in given if isinstance(one, (int, np.integer)))


def _arange_cost(operands: Sequence[Any]) -> int:
    numbers = [float(one) for one in operands if isinstance(one, (int, float))]
    if len(numbers) == 1:
        numbers = [0.0, *numbers]
    reach = abs(numbers[1] - numbers[0]) if len(numbers) > 1 else 0.0
    count = reach / abs(numbers[2]) if len(numbers) > 2 and numbers[2] else reach
    return int(min(count, 1e18)) + 1


# How many elements a function makes that takes a shape.
_MADE: dict[str, Callable[[Sequence[Any]], int]] = {
    "ones": lambda operands: _extents(operands[0]) if operands else 0,
    "zeros": lambda operands: _extents(operands[0]) if operands else 0,
    "full": lambda operands: _extents(operands[0]) if operands else 0,
    "broadcast_to": lambda operands: _extents(operands[1]) if len(operands) > 1 else 0,
    "eye": lambda operands: _extents(operands[0]) * _extents(operands[:2][-1]) if operands else 0,
    "identity": lambda operands: _extents(operands[0]) ** 2 if operands else 0,
    "arange": _arange_cost,
}


def _einsum_cost(subscripts: str, operands: Sequence[Any]) -> tuple[int, int]:
    """Return the product of the extents of the letters of the result, and of all letters."""
    terms, _, result = subscripts.replace(" ", "").partition("->")
    extents: dict[str, int] = {}
    for term, operand in zip(terms.split(","), operands, strict=False):
        if "." in term:
            raise LimitError("an einsum with an ellipsis is not allowed in a formula; write its indices out")
        extents |= dict(zip(term, np.shape(operand), strict=False))
    letters = result if "->" in subscripts else [one for one in extents if terms.count(one) == 1]
    operations = math.prod(extents.values())
    return math.prod(extents.get(one, 1) for one in letters), operations * max(1, len(operands))
