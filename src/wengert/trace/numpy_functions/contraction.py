"""Products of vectors, matrices and tensors, but for `einsum`."""

from __future__ import annotations

import functools
import string
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.primitives import contraction as primitives
from wengert.trace.numpy_functions.table import array, implements, listed, normalise_axis, whole
from wengert.trace.tensor import here


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """np.dot: the last axis of `a` with the last but one of `b`."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(b) <= 2:
        return primitives.matmul(a, b)
    return tensordot(a, b, (np.ndim(a) - 1, np.ndim(b) - 2))


@implements(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """np.vdot."""
    return primitives.matmul(np.conjugate(np.reshape(a, -1)), np.reshape(b, -1))


@implements(np.inner)
def inner(a: Any, b: Any) -> Any:
    """np.inner."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    return tensordot(a, b, (np.ndim(a) - 1, np.ndim(b) - 1))


@implements(np.outer)
def outer(a: Any, b: Any) -> Any:
    """np.outer."""
    return primitives.outer(np.reshape(a, -1), np.reshape(b, -1))


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """np.tensordot.

    Raises
    ------
    ShapeError
        When two axes that are summed together differ in extent; an extent of 1 does not stretch here.
    """
    shapes = np.shape(a), np.shape(b)
    if np.iterable(axes):
        mine, theirs = (listed(one) for one in axes)
    else:
        count = whole(axes, "axes")
        mine, theirs = list(range(len(shapes[0]) - count, len(shapes[0]))), list(range(count))
    if len(mine) != len(theirs):
        raise ShapeError(f"tensordot: {len(mine)} axes on the left, {len(theirs)} on the right{here()}")
    mine, theirs = (
        [normalise_axis(axis, len(shape)) for axis in one]
        for one, shape in zip((mine, theirs), shapes, strict=True)
    )
    if len(set(mine)) != len(mine) or len(set(theirs)) != len(theirs):
        raise ShapeError(f"tensordot: axes={axes} names an axis twice{here()}")
    letters = iter(string.ascii_letters)
    first, second = ([next(letters) for _ in shape] for shape in shapes)
    for left, right in zip(mine, theirs, strict=True):
        if shapes[0][left] != shapes[1][right]:
            raise ShapeError(
                f"tensordot: axis {left} of {shapes[0]} and axis {right} of {shapes[1]} are summed "
                f"together and differ{here()}"
            )
        second[right] = first[left]
    result = [letter for letter in first if letter not in second] + [
        letter for letter in second if letter not in first
    ]
    return np.einsum(f"{''.join(first)},{''.join(second)}->{''.join(result)}", a, b)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Any:
    """np.linalg.multi_dot: the product in the order that takes the fewest multiplications."""
    parts = [array(one) for one in arrays]
    extents = [(1 if parts[0].ndim == 1 else parts[0].shape[0]), *[one.shape[-1] for one in parts[:-1]]]
    extents.append(1 if parts[-1].ndim == 1 else parts[-1].shape[-1])

    @functools.cache
    def best(first: int, last: int) -> tuple[int, int]:
        """Return the fewest multiplications for these factors, and where they are split for it."""
        if first == last:
            return 0, first
        return min(
            (
                best(first, at)[0]
                + best(at + 1, last)[0]
                + extents[first] * extents[at + 1] * extents[last + 1],
                at,
            )
            for at in range(first, last)
        )

    def product(first: int, last: int) -> Any:
        at = best(first, last)[1]
        return parts[first] if first == last else product(first, at) @ product(at + 1, last)

    return product(0, len(parts) - 1)
