"""Elements chosen by conditions; where their number follows from values, these are known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from wengert.errors import IndexRangeError, ShapeError
from wengert.primitives.library.linear_algebra import triangle
from wengert.trace.numpy_functions.table import array, implements, known, normalise_axis, whole
from wengert.trace.tensor import Tensor, here


@implements(np.nonzero)
def nonzero(a: Any) -> Any:
    """np.nonzero of known values."""
    return np.nonzero(known(a, "np.nonzero"))


@implements(np.flatnonzero)
def flatnonzero(a: Any) -> Any:
    """np.flatnonzero of known values."""
    return np.flatnonzero(known(a, "np.flatnonzero"))


@implements(np.argwhere)
def argwhere(a: Any) -> Any:
    """np.argwhere of known values."""
    return np.argwhere(known(a, "np.argwhere"))


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """np.extract by a known condition."""
    return np.reshape(arr, -1)[flatnonzero(condition)]


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None) -> Any:
    """np.compress by a known condition."""
    return np.take(a, flatnonzero(condition), axis=axis)


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb") -> Any:
    """np.trim_zeros of a vector of known values."""
    filt = array(filt)
    places = flatnonzero(filt)
    first = places[0] if places.size and "f" in trim.lower() else 0 if places.size else filt.size
    last = places[-1] + 1 if places.size and "b" in trim.lower() else filt.size
    return filt[first:last]


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """np.select.

    Raises
    ------
    ShapeError
        When there are not as many choices as conditions.
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ShapeError(f"select: {len(condlist)} conditions for {len(choicelist)} choices{here()}")
    result = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = np.where(condition, choice, result)
    return result


@implements(np.piecewise)
def piecewise(*args: Any, x: Any, condlist: Any, funclist: Any, **kw: Any) -> Any:
    """np.piecewise; each function is applied to all of `x`, and what is not taken contributes nothing.

    Raises
    ------
    ShapeError
        When there are not as many functions as conditions, or one more.
    """
    x = array(x)
    single = not isinstance(condlist, (list, tuple)) or (
        np.ndim(condlist[0]) == 0 and not isinstance(condlist[0], Tensor) and x.ndim != 0
    )
    conditions = [condlist] if single else list(condlist)
    if len(funclist) - len(conditions) not in (0, 1):
        raise ShapeError(f"piecewise: {len(conditions)} conditions for {len(funclist)} functions{here()}")
    values = [one(x, *args, **kw) if callable(one) else one for one in funclist]
    result: Any = values[len(conditions)] if len(values) > len(conditions) else 0
    for condition, value in zip(conditions, values, strict=False):  # a later condition wins
        result = np.where(condition, value, result)
    return np.broadcast_to(result, x.shape).astype(x.dtype)


@implements(np.choose)
def choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    """np.choose; a number outside counts as the nearest with ``mode="clip"``, and is refused otherwise."""
    parts = np.broadcast_arrays(*[array(one) for one in choices]) if np.iterable(choices) else choices
    place, *spread = np.broadcast_arrays(array(a), *parts)
    if mode == "clip":
        place = np.clip(place, 0, len(spread) - 1)
    elif mode == "wrap":
        place = place % len(spread)
    return np.take_along_axis(np.stack(spread), place[None], axis=0)[0]


@implements(np.tril)
def tril(m: Any, k: Any = 0) -> Any:
    """np.tril."""
    return triangle(_matrices("tril", m), True, whole(k, "k"))


@implements(np.triu)
def triu(m: Any, k: Any = 0) -> Any:
    """np.triu."""
    return triangle(_matrices("triu", m), False, whole(k, "k"))


def _matrices(name: str, m: Any) -> Any:
    if not m.ndim:
        raise ShapeError(f"np.{name}: takes a vector or matrices, got a scalar{here()}")
    return np.broadcast_to(m, m.shape * 2) if m.ndim == 1 else m


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Report places that NumPy refuses as an error of the function `name`."""
    try:
        yield
    except (IndexError, ValueError) as error:
        raise IndexRangeError(f"{name}: {error}{here()}") from None


def _places(obj: Any, name: str) -> np.ndarray[Any, Any]:
    """Return known places; an empty list is one of integers."""
    places = np.asarray(known(obj, name))
    return places if places.size else places.astype(np.int64)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """np.insert at known places: the places of the results are those of NumPy's on numbers."""
    arr = array(arr)
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    place = normalise_axis(axis, arr.ndim)
    extent = arr.shape[place]
    at = np.arange(extent)[obj] if isinstance(obj, slice) else _places(obj, "np.insert")
    added = array(values).astype(arr.dtype)
    at = np.flatnonzero(at) if at.dtype == bool else at
    added = np.reshape(added, (1,) * (arr.ndim - added.ndim) + added.shape)
    if at.ndim == 0:
        added = np.moveaxis(added, 0, place)
    count = added.shape[place] if at.size == 1 else at.size  # one place takes all that is given
    added = np.broadcast_to(added, (*arr.shape[:place], count, *arr.shape[place + 1 :]))
    with _refusing("np.insert"):
        places = np.insert(np.arange(extent), at, extent + np.arange(count))
    return np.take(np.concatenate([arr, added], axis=place), places, axis=place)


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """np.delete at known places."""
    arr = array(arr)
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    place = normalise_axis(axis, arr.ndim)
    at = obj if isinstance(obj, slice) else _places(obj, "np.delete")
    with _refusing("np.delete"):
        left = np.delete(np.arange(arr.shape[place]), at)
    return np.take(arr, left, axis=place)
