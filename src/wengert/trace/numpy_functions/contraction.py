"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import string
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


@implements(np.vecdot)
def vecdot(x1: Any, x2: Any) -> Any:
    """np.vecdot over the last axis."""
    return np.sum(x1 * x2, axis=-1)


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
        pairs = ([left - int(axes) + k for k in range(int(axes))], list(range(int(axes))))
    else:
        pairs = tuple([one] if isinstance(one, (int, np.integer)) else list(one) for one in axes)
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
    used = set("".join(terms))
    dtype = np.result_type(*[part.dtype if isinstance(part, Tensor) else part for part in operands])
    parts: list[tuple[str, Any]] = []
    for term, operand in zip(terms, operands, strict=True):
        distinct = ""
        for axis, letter in enumerate(term):
            if letter in distinct:
                fresh = next(spare for spare in string.ascii_letters if spare not in used)
                used.add(fresh)
                parts.append((letter + fresh, np.eye(np.shape(operand)[axis], dtype=dtype)))
                letter = fresh
            distinct += letter
        parts.append((distinct, operand))
    canonical = ",".join(term for term, _ in parts) + "->" + result
    types = tuple(tensor_type(np.shape(value), np.dtype(dtype)) for _, value in parts)
    primitives.index_extents(canonical, types)
    return primitives.einsum(*[value for _, value in parts], subscripts=canonical)
