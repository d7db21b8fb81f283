"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.types import tensor_type
from wengert.primitives import contraction as primitives
from wengert.trace.numpy_functions.table import implements
from wengert.trace.tensor import Tensor, here, refuse


@implements(np.dot)
def dot(a: Any, b: Any) -> Any:
    """np.dot: the last axis of `a` with the last but one of `b`."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(b) <= 2:
        return primitives.matmul(a, b)
    return np.tensordot(a, b, axes=((np.ndim(a) - 1,), (np.ndim(b) - 2,)))


@implements(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """np.vdot."""
    return primitives.matmul(np.reshape(a, -1), np.reshape(b, -1))


@implements(np.inner)
def inner(a: Any, b: Any) -> Any:
    """np.inner."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    return np.tensordot(a, b, axes=((np.ndim(a) - 1,), (np.ndim(b) - 1,)))


@implements(np.outer)
def outer(a: Any, b: Any) -> Any:
    """np.outer."""
    return primitives.outer(np.reshape(a, -1), np.reshape(b, -1))


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """np.tensordot."""
    left, right = np.ndim(a), np.ndim(b)
    if isinstance(axes, (int, np.integer)):
        pairs: list[list[Any]] = [[left - int(axes) + k for k in range(int(axes))], list(range(int(axes)))]
    else:
        pairs = [[one] if isinstance(one, (int, np.integer)) else list(one) for one in axes]
    letters = iter(string.ascii_lowercase)
    first = [next(letters) for _ in range(left)]
    second = [next(letters) for _ in range(right)]
    for mine, theirs in zip(pairs[0], pairs[1], strict=True):
        second[theirs % right] = first[mine % left]
    shared = set(first) & set(second)
    result = [letter for letter in (*first, *second) if letter not in shared]
    return np.einsum(f"{''.join(first)},{''.join(second)}->{''.join(result)}", a, b)


@implements(np.trace)
def trace(a: Any) -> Any:
    """np.trace of a matrix."""
    return np.einsum("ii->", a)


@implements(np.diagonal, np.diag)
def diagonal(v: Any) -> Any:
    """The diagonal of a matrix, or the diagonal matrix of a vector."""
    if v.ndim == 1:
        return np.expand_dims(v, 1) * np.eye(v.shape[0], dtype=v.dtype)
    return np.einsum("ii->i", v)


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
    return expanded, result.replace("...", letters)


@implements(np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    """np.einsum with a string of subscripts.

    An index that an operand repeats (a diagonal) is written with an identity matrix, so that the primitive
    only ever sees distinct indices in a term.

    Raises
    ------
    ShapeError
        When subscripts and shapes do not fit.
    """
    if not isinstance(subscripts, str):
        refuse("np.einsum: the form with lists of integers has no rule; write the subscripts as a string")
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ShapeError(f"einsum {subscripts!r}: {len(terms)} terms for {len(operands)} operands{here()}")
    terms, result = _expand_ellipses(terms, right if arrow else None, operands)
    parts = _without_stretched(terms, operands)
    dtype = np.result_type(*[part.dtype if isinstance(part, Tensor) else part for part in operands])
    spare = (letter for letter in string.ascii_letters if letter not in "".join(terms))
    canonical = [part for term, operand in parts for part in _distinct(term, operand, dtype, spare)]
    text = ",".join(term for term, _ in canonical) + "->" + result
    types = tuple(tensor_type(np.shape(value), np.dtype(dtype)) for _, value in canonical)
    try:
        primitives.index_extents(text, types)
    except ShapeError as error:
        raise ShapeError(f"{error}{here()}") from None
    return primitives.einsum(*[value for _, value in canonical], subscripts=text)


def _without_stretched(terms: list[str], operands: tuple[Any, ...]) -> list[tuple[str, Any]]:
    """Drop axes of extent 1 whose index is longer in another operand: the value does not depend on it."""
    extents: dict[str, set[int]] = {}
    for term, operand in zip(terms, operands, strict=True):
        for letter, extent in zip(term, np.shape(operand), strict=False):
            extents.setdefault(letter, set()).add(extent)
    parts = []
    for term, operand in zip(terms, operands, strict=True):
        shape = np.shape(operand)
        if len(term) != len(shape):
            raise ShapeError(f"einsum: {term!r} does not fit an operand of shape {shape}{here()}")
        stretched = [axis for axis, letter in enumerate(term) if shape[axis] == 1 and extents[letter] != {1}]
        if stretched:
            operand = np.squeeze(operand, tuple(stretched))
            term = "".join(letter for axis, letter in enumerate(term) if axis not in stretched)
        parts.append((term, operand))
    return parts


def _distinct(term: str, operand: Any, dtype: Any, spare: Iterator[str]) -> list[tuple[str, Any]]:
    """Return the term with distinct indices, after an identity matrix for each index it repeats."""
    identities = []
    distinct = ""
    for axis, letter in enumerate(term):
        if letter in distinct:
            fresh = next(spare)
            identities.append((letter + fresh, np.eye(np.shape(operand)[axis], dtype=dtype)))
            letter = fresh
        distinct += letter
    return [*identities, (distinct, operand)]
