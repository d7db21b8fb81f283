"""Joining, splitting, padding and repeating."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.primitives import movement
from wengert.trace.numpy_functions.table import implements, normalise_axis
from wengert.trace.tensor import here, refuse


@implements(np.concatenate)
def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    """np.concatenate."""
    parts = list(arrays)
    if axis is None:
        parts, axis = [np.reshape(part, -1) for part in parts], 0
    if len({np.ndim(part) for part in parts}) > 1 or np.ndim(parts[0]) == 0:
        shapes = ", ".join(str(np.shape(part)) for part in parts)
        raise ShapeError(
            f"concatenate: arrays of shapes {shapes}; all need the same number of axes, at least 1{here()}"
        )
    if len(parts) == 1:
        return parts[0]
    return movement.concatenate(*parts, axis=normalise_axis(axis, np.ndim(parts[0])))


@implements(np.stack)
def stack(arrays: Any, axis: int = 0) -> Any:
    """np.stack."""
    parts = list(arrays)
    shapes = {np.shape(part) for part in parts}
    if len(shapes) != 1:
        raise ShapeError(
            f"stack: arrays of shapes {', '.join(map(str, sorted(shapes)))}; all must be equal{here()}"
        )
    place = normalise_axis(axis, len(shapes.pop()) + 1)
    return concatenate([np.expand_dims(part, place) for part in parts], place)


@implements(np.vstack)
def vstack(tup: Any) -> Any:
    """np.vstack."""
    return concatenate([np.atleast_2d(part) for part in tup], 0)


@implements(np.hstack)
def hstack(tup: Any) -> Any:
    """np.hstack."""
    parts = [np.atleast_1d(part) for part in tup]
    return concatenate(parts, 0 if np.ndim(parts[0]) == 1 else 1)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    """np.column_stack."""
    return concatenate([part if np.ndim(part) > 1 else np.reshape(part, (-1, 1)) for part in tup], 1)


@implements(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """np.append."""
    return concatenate([arr, values], axis)


@implements(np.split, np.array_split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """np.split, and np.array_split where the parts are not equal."""
    place = normalise_axis(axis, ary.ndim)
    extent = ary.shape[place]
    if isinstance(indices_or_sections, (int, np.integer)):
        count = int(indices_or_sections)
        bounds = np.cumsum(
            [0] + [extent // count + (part < extent % count) for part in range(count)]
        ).tolist()
    else:
        bounds = [0, *[int(bound) for bound in indices_or_sections], extent]
    head = (slice(None),) * place
    return [ary[(*head, slice(first, last))] for first, last in itertools.pairwise(bounds)]


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """np.pad with constant values."""
    if mode != "constant":
        refuse(f"np.pad: mode={mode!r} has no rule; 'constant' has")
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    low, high = (tuple(int(pair[side]) for pair in widths) for side in (0, 1))
    if min(*low, *high, 0) < 0:
        raise ShapeError(f"pad: widths {pad_width} cannot be negative{here()}")
    interior = (0,) * array.ndim
    if np.ndim(constant_values) != 0:
        refuse("np.pad: one constant for all sides has a rule, several have not")
    padded = movement.pad(array, low=low, high=high, interior=interior)
    if isinstance(constant_values, (int, float)) and constant_values == 0:
        return padded
    inside = np.pad(np.ones(array.shape, bool), tuple(zip(low, high, strict=True)))
    return np.where(inside, padded, constant_values)


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """np.tile."""
    counts = [int(reps)] if isinstance(reps, (int, np.integer)) else [int(count) for count in reps]
    ndim = max(A.ndim, len(counts))
    counts = [1] * (ndim - len(counts)) + counts
    extents = [1] * (ndim - A.ndim) + list(A.shape)
    between = np.reshape(A, [part for extent in extents for part in (1, extent)])
    grown = np.broadcast_to(between, [part for pair in zip(counts, extents, strict=True) for part in pair])
    return np.reshape(grown, [count * extent for count, extent in zip(counts, extents, strict=True)])


@implements(np.repeat)
def repeat(a: Any, repeats: int, axis: int | None = None) -> Any:
    """np.repeat by one count."""
    if not isinstance(repeats, (int, np.integer)):
        refuse("np.repeat: one count for all elements has a rule, several have not; use indexing")
    x, place = (np.reshape(a, -1), 0) if axis is None else (a, normalise_axis(axis, a.ndim))
    return np.take(x, np.repeat(np.arange(x.shape[place]), repeats), axis=place)


@implements(np.roll)
def roll(a: Any, shift: int, axis: int | None = None) -> Any:
    """np.roll along one axis."""
    if axis is None:
        return np.reshape(roll(np.reshape(a, -1), shift, 0), a.shape)
    place = normalise_axis(axis, a.ndim)
    cut = -int(shift) % max(a.shape[place], 1)
    head = (slice(None),) * place
    return concatenate([a[(*head, slice(cut, None))], a[(*head, slice(None, cut))]], place)


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """np.diff."""
    place = normalise_axis(axis, a.ndim)
    head = (slice(None),) * place
    for _ in range(n):
        a = a[(*head, slice(1, None))] - a[(*head, slice(None, -1))]
    return a
