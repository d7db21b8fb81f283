"""Joining, splitting, padding and repeating."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from wengert.errors import DTypeError, IndexRangeError, ShapeError
from wengert.primitives import movement
from wengert.trace.numpy_functions.table import implements, listed, normalise_axis, reduced_axes, whole
from wengert.trace.tensor import Tensor, here


def _cast(value: Any, dtype: Any, casting: str) -> Any:
    if dtype is None:
        return value
    array = value if isinstance(value, Tensor) else np.asarray(value)
    if not np.can_cast(array.dtype, dtype, casting):  # type: ignore[arg-type]
        raise DTypeError(f"{array.dtype} cannot be cast to {np.dtype(dtype)} ({casting}){here()}")
    return array.astype(dtype)


@implements(np.concatenate)
def concatenate(
    arrays: Any,
    axis: int | None = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Any:
    """np.concatenate."""
    parts = [_cast(part, dtype, casting) for part in arrays]
    if not parts:
        raise ShapeError(f"concatenate: no arrays{here()}")
    if axis is None:
        parts, axis = [np.reshape(part, -1) for part in parts], 0
    if len({np.ndim(part) for part in parts}) > 1 or np.ndim(parts[0]) == 0:
        shapes = ", ".join(str(np.shape(part)) for part in parts)
        raise ShapeError(
            f"concatenate: arrays of shapes {shapes}; all need the same number of axes, at least 1{here()}"
        )
    place = normalise_axis(axis, np.ndim(parts[0]))
    return parts[0] if len(parts) == 1 else movement.concatenate(*parts, axis=place)


@implements(np.stack)
def stack(arrays: Any, axis: int = 0, dtype: Any = None, casting: str = "same_kind") -> Any:
    """np.stack."""
    parts = list(arrays)
    shapes = {np.shape(part) for part in parts}
    if len(shapes) != 1:
        raise ShapeError(
            f"stack: arrays of shapes {', '.join(map(str, sorted(shapes)))}; all must be equal{here()}"
        )
    place = normalise_axis(axis, len(shapes.pop()) + 1)
    return concatenate([np.expand_dims(part, place) for part in parts], place, dtype=dtype, casting=casting)


@implements(np.vstack)
def vstack(tup: Any, dtype: Any = None, casting: str = "same_kind") -> Any:
    """np.vstack."""
    return concatenate([np.atleast_2d(part) for part in tup], 0, dtype=dtype, casting=casting)


@implements(np.hstack)
def hstack(tup: Any, dtype: Any = None, casting: str = "same_kind") -> Any:
    """np.hstack."""
    parts = [np.atleast_1d(part) for part in tup]
    axis = 1 if parts and np.ndim(parts[0]) > 1 else 0
    return concatenate(parts, axis, dtype=dtype, casting=casting)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    """np.column_stack."""
    return concatenate([part if np.ndim(part) > 1 else np.reshape(part, (-1, 1)) for part in tup], 1)


@implements(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """np.append."""
    return concatenate([arr, values], axis)


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """np.split.

    Raises
    ------
    ShapeError
        When the axis cannot be divided into as many equal parts.
    """
    extent = ary.shape[normalise_axis(axis, ary.ndim)]
    if not np.iterable(indices_or_sections):
        count = whole(indices_or_sections, "the number of sections")
        if count < 1 or extent % count:
            raise ShapeError(f"split: {extent} entries cannot be divided into {count} equal parts{here()}")
    return array_split(ary, indices_or_sections, axis)


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """np.array_split: the first parts are longer by one where they are not equal.

    Raises
    ------
    ShapeError
        When there is no section.
    """
    place = normalise_axis(axis, ary.ndim)
    extent = ary.shape[place]
    if np.iterable(indices_or_sections):
        bounds = [0, *[whole(bound, "a bound") for bound in indices_or_sections], extent]
    else:
        count = whole(indices_or_sections, "the number of sections")
        if count < 1:
            raise ShapeError(f"array_split: the number of sections is at least 1, got {count}{here()}")
        bounds = [part * (extent // count) + min(part, extent % count) for part in range(count + 1)]
    head = (slice(None),) * place
    return [ary[(*head, slice(first, last))] for first, last in itertools.pairwise(bounds)]


def unstack(x: Any, axis: Any = 0) -> tuple[Any, ...]:
    """np.unstack."""
    return tuple(np.moveaxis(x, axis, 0))


if hasattr(np, "unstack"):  # since NumPy 2.1
    implements(np.unstack)(unstack)


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """np.tile."""
    counts = [whole(count, "the number of repetitions") for count in listed(reps)]
    ndim = max(A.ndim, len(counts))
    counts = [1] * (ndim - len(counts)) + counts
    extents = [1] * (ndim - A.ndim) + list(A.shape)
    if min(counts, default=0) < 0:
        raise ShapeError(f"tile: the numbers of repetitions {reps} cannot be negative{here()}")
    between = np.reshape(A, [part for extent in extents for part in (1, extent)])
    grown = np.broadcast_to(between, [part for pair in zip(counts, extents, strict=True) for part in pair])
    return np.reshape(grown, [count * extent for count, extent in zip(counts, extents, strict=True)])


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """np.repeat, by one count or one for each entry; counts decide the shape, so they are known numbers."""
    flat = axis is None or not reduced_axes(axis, np.ndim(a))
    x, place = (np.reshape(a, -1), 0) if flat else (a, axis)
    place = normalise_axis(place, x.ndim)
    counts = np.asarray(whole(repeats, "a count") if isinstance(repeats, Tensor) else repeats)
    if counts.dtype.kind not in "iub":
        raise DTypeError(f"repeat: counts are integers, not {counts.dtype}{here()}")
    if counts.size and counts.min() < 0:
        raise IndexRangeError(f"repeat: counts cannot be negative{here()}")
    if counts.ndim > 1 or counts.size not in (1, x.shape[place]):
        raise ShapeError(f"repeat: counts of shape {counts.shape} for {x.shape[place]} entries{here()}")
    return np.take(x, np.repeat(np.arange(x.shape[place]), counts), axis=place)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """np.roll, along one axis, several, or the flattened array.

    Raises
    ------
    ShapeError
        When there are several shifts and another number of axes.
    """
    if axis is None:
        return np.reshape(roll(np.reshape(a, -1), shift, 0), a.shape)
    shifts, axes = listed(shift), listed(axis)
    if len(shifts) != len(axes) and 1 not in (len(shifts), len(axes)):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes{here()}")
    for place in range(max(len(shifts), len(axes)) if shifts and axes else 0):
        step = whole(shifts[place % len(shifts)], "shift")
        a = _rolled(a, step, normalise_axis(axes[place % len(axes)], a.ndim))
    return a


def _rolled(a: Any, shift: int, axis: int) -> Any:
    cut = -shift % max(a.shape[axis], 1)
    if cut == 0:
        return a
    head = (slice(None),) * axis
    return concatenate([a[(*head, slice(cut, None))], a[(*head, slice(None, cut))]], axis)


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """np.diff; booleans differ where they are not equal.

    Raises
    ------
    ShapeError
        When `n` is negative, or `a` has no axis.
    """
    if whole(n, "n") < 0:
        raise ShapeError(f"diff: n cannot be negative, got {n}{here()}")
    if n == 0:
        return a
    place = normalise_axis(axis, a.ndim)
    edge = (*a.shape[:place], 1, *a.shape[place + 1 :])
    ends = [end if end is None or np.ndim(end) else np.broadcast_to(end, edge) for end in (prepend, append)]
    parts = [part for part in (ends[0], a, ends[1]) if part is not None]
    a = concatenate(parts, place)
    head = (slice(None),) * place
    for _ in range(n):
        later, earlier = a[(*head, slice(1, None))], a[(*head, slice(None, -1))]
        a = later != earlier if a.dtype == np.bool_ else later - earlier
    return a
