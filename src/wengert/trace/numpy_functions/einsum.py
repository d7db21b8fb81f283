"""np.einsum."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from wengert.errors import DTypeError, ShapeError
from wengert.ir.types import tensor_type
from wengert.primitives import contraction as primitives
from wengert.trace.numpy_functions.diagonals import diagonal
from wengert.trace.numpy_functions.table import implements, whole
from wengert.trace.tensor import Tensor, here


def _expand_ellipses(
    terms: list[str], result: str | None, operands: tuple[Any, ...]
) -> tuple[list[str], str]:
    used = set("".join(terms)) | set(result or "")
    spare = [letter for letter in string.ascii_letters if letter not in used]
    widest = 0
    expanded = []
    for term, operand in zip(terms, operands, strict=True):
        if "..." in term:
            count = np.ndim(operand) - len(term.replace("...", ""))
            if count < 0:
                raise ShapeError(
                    f"einsum: {term!r} does not fit an operand of shape {np.shape(operand)}{here()}"
                )
            widest = max(widest, count)
            term = term.replace("...", "".join(spare[:26][-count:] if count else []))
        expanded.append(term)
    letters = "".join(spare[:26][-widest:] if widest else [])
    if result is None:
        joined = "".join(expanded)
        free = sorted(letter for letter in set(joined) if joined.count(letter) == 1 and letter not in letters)
        return expanded, letters + "".join(free)
    if letters and "..." not in result:
        raise ShapeError(f"einsum: the output {result!r} leaves out the axes of ...{here()}")
    return expanded, result.replace("...", letters)


@implements(np.einsum)
def einsum(*operands: Any, optimize: Any = False, dtype: Any = None, casting: Any = "safe") -> Any:
    """np.einsum, with subscripts as a string or as lists of integers.

    The primitive only ever sees distinct indices in a term and equal extents of an index: the diagonal is
    taken where an operand repeats an index, and axes that stretch are left out.

    Raises
    ------
    ShapeError
        When subscripts and shapes do not fit.
    DTypeError
        When the operands cannot be cast to `dtype`.
    """
    if not isinstance(operands[0], str):
        operands = _as_string(operands)
    subscripts, *values = operands
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(values):
        raise ShapeError(f"einsum {subscripts!r}: {len(terms)} terms for {len(values)} operands{here()}")
    strange = set(left + right) - set(string.ascii_letters + ",.")
    if strange or "." in (left + right).replace("...", ""):
        raise ShapeError(f"einsum {subscripts!r}: an index is a letter, and dots come by three{here()}")
    arrays = [value if isinstance(value, Tensor) else np.asarray(value) for value in values]
    if dtype is not None:
        wrong = [array.dtype for array in arrays if not np.can_cast(array.dtype, dtype, casting)]
        if wrong:
            raise DTypeError(f"einsum: {wrong[0]} cannot be cast to {np.dtype(dtype)} ({casting}){here()}")
        arrays = [array.astype(dtype) for array in arrays]
    terms, result = _expand_ellipses(terms, right if arrow else None, tuple(arrays))
    parts = _without_stretched([_distinct(*pair) for pair in zip(terms, arrays, strict=True)])
    text = ",".join(term for term, _ in parts) + "->" + result
    common = np.result_type(*[part.dtype for _, part in parts])
    try:
        primitives.index_extents(text, tuple(tensor_type(part.shape, common) for _, part in parts))
    except ShapeError as error:
        raise ShapeError(f"{error}{here()}") from None
    # The values as they were given, since a Python number does not decide the dtype.
    given = zip(values, parts, strict=True)
    return primitives.einsum(
        *[value if np.ndim(value) == 0 and dtype is None else part for value, (_, part) in given],
        subscripts=text,
    )


def _as_string(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return ``(x, [0, 1], y, [1], [0])`` in the form ``("AB,B->A", x, y)``."""
    letters = string.ascii_uppercase + string.ascii_lowercase  # in the order that NumPy sorts them in

    def term(places: Any) -> str:
        return "".join("..." if place is Ellipsis else letters[whole(place, "index")] for place in places)

    count = len(operands) // 2
    values, places = operands[: 2 * count : 2], operands[1 : 2 * count : 2]
    try:
        text = ",".join(term(one) for one in places)
        return (text + "->" + term(operands[-1]) if len(operands) % 2 else text, *values)
    except (IndexError, TypeError):
        raise ShapeError(
            f"einsum: after each operand stands a list of integers from 0 to {len(letters) - 1}{here()}"
        ) from None


def _distinct(term: str, operand: Any) -> tuple[str, Any]:
    """Return term and operand with each index once: the diagonal over the axes that share one.

    Raises
    ------
    ShapeError
        When these axes differ in extent.
    """
    if len(term) != np.ndim(operand):
        raise ShapeError(f"einsum: {term!r} does not fit an operand of shape {np.shape(operand)}{here()}")
    letter = next((letter for letter in term if term.count(letter) > 1), None)
    while letter is not None:
        first = term.index(letter)
        second = term.index(letter, first + 1)
        extents = operand.shape[first], operand.shape[second]
        if extents[0] != extents[1]:
            raise ShapeError(
                f"einsum: index {letter}, twice in {term!r}, is both {extents[0]} and {extents[1]}{here()}"
            )
        operand = diagonal(operand, 0, first, second)
        term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
        letter = next((letter for letter in term if term.count(letter) > 1), None)
    return term, operand


def _without_stretched(parts: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Drop axes of extent 1 whose index is longer in another operand: the value does not depend on it."""
    extents: dict[str, set[int]] = {}
    for term, operand in parts:
        for letter, extent in zip(term, operand.shape, strict=True):
            extents.setdefault(letter, set()).add(extent)
    kept = []
    for term, operand in parts:
        stretched = [
            axis for axis, letter in enumerate(term) if operand.shape[axis] == 1 and extents[letter] != {1}
        ]
        if stretched:
            operand = np.squeeze(operand, tuple(stretched))
            term = "".join(letter for axis, letter in enumerate(term) if axis not in stretched)
        kept.append((term, operand))
    return kept
