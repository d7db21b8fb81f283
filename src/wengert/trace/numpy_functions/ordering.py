"""Sorting and what follows from it: order statistics, look-ups among sorted values, histograms.

The elements are read at the places that an order gives them, so each keeps its own derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import DTypeError, ShapeError, UnsupportedFunctionError
from wengert.primitives.functions import scatter_add
from wengert.primitives.library import order as primitives
from wengert.trace.numpy_functions.selection import take
from wengert.trace.numpy_functions.table import (
    array,
    implements,
    known,
    normalise_axes,
    normalise_axis,
    refuse_booleans,
)
from wengert.trace.tensor import Tensor, here


def _last(a: Any, axis: Any) -> tuple[Any, int]:
    """Return `a` with `axis` moved to the end, and the axis; None flattens."""
    if axis is None:
        return np.reshape(a, -1), -1
    place = normalise_axis(axis, a.ndim)
    return np.moveaxis(a, place, -1), place


def _by_order(order: Callable[..., Any], a: Any, axis: Any, values: bool, **params: Any) -> Any:
    moved, place = _last(a, axis)
    places = order(moved, **params)
    return np.moveaxis(np.take_along_axis(moved, places, axis=-1) if values else places, -1, place)


@implements(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """np.sort; every kind of sort gives the same values, and equal ones keep their order here."""
    return _by_order(primitives.argsort, a, axis, True)


@implements(np.argsort)
def argsort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """np.argsort, stable."""
    return _by_order(primitives.argsort, a, axis, False)


@implements(np.lexsort)
def lexsort(keys: Any, axis: Any = -1) -> Any:
    """np.lexsort, by one stable sort after the other; the last key counts most."""
    first, *others = [array(one) for one in keys]
    places = argsort(first, axis)
    for key in others:
        later = argsort(np.take_along_axis(key, places, axis), axis)
        places = np.take_along_axis(places, later, axis)
    return places


@implements(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1) -> Any:
    """np.partition."""
    return _by_order(primitives.argpartition, a, axis, True, kth=_kth(kth))


@implements(np.argpartition)
def argpartition(a: Any, kth: Any, axis: Any = -1) -> Any:
    """np.argpartition."""
    return _by_order(primitives.argpartition, a, axis, False, kth=_kth(kth))


def _kth(kth: Any) -> Any:
    return tuple(int(one) for one in kth) if np.iterable(kth) else int(kth)


@implements(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """np.searchsorted."""
    if side not in ("left", "right"):
        raise UnsupportedFunctionError(f"searchsorted: side is 'left' or 'right', got {side!r}{here()}")
    ordered = array(a) if sorter is None else array(a)[sorter]
    return primitives.searchsorted(ordered, v, side=side)


@implements(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """np.digitize."""
    bins = array(bins)
    edges = known(bins, "np.digitize")
    if edges.size > 1 and edges[0] > edges[-1]:
        return bins.size - searchsorted(bins[::-1], x, "right" if right else "left")
    return searchsorted(bins, x, "left" if right else "right")


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """np.interp; at a knot the slope is the mean of those on both sides."""
    x, xp, fp = (array(one) for one in (x, xp, fp))
    if period is not None:
        x, xp = x % abs(period), xp % abs(period)
        order = primitives.argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp = np.concatenate([xp[-1:] - abs(period), xp, xp[:1] + abs(period)])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ShapeError(f"interp: knots of shape {xp.shape} with values of shape {fp.shape}{here()}")
    low = np.broadcast_to(fp[0] if left is None else left, np.shape(x))
    high = np.broadcast_to(fp[-1] if right is None else right, np.shape(x))
    # Beyond the knots the function is constant; at one the derivative is the mean of those on both sides.
    slopes = np.concatenate([[0.0], np.diff(fp) / np.diff(xp), [0.0]])
    left_of, right_of = (primitives.searchsorted(xp, x, side=side) for side in ("left", "right"))
    at = np.clip(right_of - 1, 0, xp.size - 1)
    slope = (take(slopes, left_of) + take(slopes, right_of)) / 2
    inside = take(fp, at) + slope * (x - take(xp, at))
    return np.where(np.isnan(x), x, np.where(x < xp[0], low, np.where(x > xp[-1], high, inside)))


# Hyndman & Fan 1996: the place of quantile q among n sorted values, counted from 0; and what a method that
# takes one of the values takes of the fraction.
_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda n, q: (n - 1) * q,
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.rint((n - 1) * q),
    "midpoint": lambda n, q: (np.floor((n - 1) * q) + np.ceil((n - 1) * q)) / 2,
    "inverted_cdf": lambda n, q: np.maximum(np.ceil(n * q) - 1, 0),
    "averaged_inverted_cdf": lambda n, q: (np.ceil(n * q) - 1 + np.floor(n * q)) / 2,
    "closest_observation": lambda n, q: _even_below(n * q - 1.5),
    "interpolated_inverted_cdf": lambda n, q: n * q - 1,
    "hazen": lambda n, q: n * q - 0.5,
    "weibull": lambda n, q: (n + 1) * q - 1,
    "median_unbiased": lambda n, q: (n + 1 / 3) * q - 2 / 3,
    "normal_unbiased": lambda n, q: (n + 1 / 4) * q - 5 / 8,
}


_TAKES_ONE = {"lower", "higher", "nearest", "inverted_cdf", "closest_observation"}


def _even_below(place: Any) -> Any:
    """Return the nearest place, of two equally near ones that whose number counted from 1 is even."""
    low = np.floor(place)
    stays = (place - low == 0) & (low % 2 == 1)
    return np.where(stays, low, low + 1)


def _quantile(name: str, a: Any, q: Any, axis: Any, method: str, keepdims: bool, skip: bool) -> Any:
    if method not in _PLACE:
        raise UnsupportedFunctionError(f"{name}: method {method!r} is none of {', '.join(_PLACE)}{here()}")
    share = array(q) / 100 if name.endswith("percentile") else array(q)
    if not isinstance(share, Tensor) and np.any((share < 0) | (share > 1)):
        raise ShapeError(f"{name}: quantiles lie between 0 and 1, or percentiles between 0 and 100{here()}")
    refuse_booleans(name, a)
    # A value of the array has its dtype; else a quantile that is no Python number has a say.
    x = a if method in _TAKES_ONE or a.dtype.kind == "f" else a.astype(np.float64)
    least = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    share = share.astype(np.result_type(least, least if type(q) in (int, float) else share.dtype))
    axes = normalise_axes(axis, x.ndim)
    kept = [place for place in range(x.ndim) if place not in axes]
    flat = np.reshape(np.transpose(x, [*kept, *axes]), (*[x.shape[place] for place in kept], -1))
    count = flat.shape[-1]
    if not count:
        raise ShapeError(f"{name}: no elements along axis {axis} of an array of shape {x.shape}{here()}")
    ordered = sort(flat)  # NaN stands last
    missing = np.sum(flat != flat, axis=-1, keepdims=True)
    numbers = np.maximum(count - missing, 1) if skip else count
    place = np.clip(_PLACE[method](numbers, np.reshape(share, -1)), 0, numbers - 1)
    place = np.broadcast_to(place, (*flat.shape[:-1], share.size))
    low, high = np.floor(place), np.ceil(place)
    below, above = (np.take_along_axis(ordered, one.astype(np.int64), axis=-1) for one in (low, high))
    if method in _TAKES_ONE:
        value = below
    else:  # infinities have no difference
        value = np.where(below == above, below, below + (above - below) * (place - low).astype(share.dtype))
    if not skip and x.dtype.kind == "f":
        value = np.where(missing > 0, np.nan, value)
    result = np.moveaxis(value, -1, 0)
    if keepdims:
        result = np.expand_dims(result, [place + 1 for place in axes])
    return np.reshape(result, share.shape + result.shape[1:])


@implements(np.quantile)
def quantile(a: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """np.quantile, by each of its methods, without weights."""
    return _quantile("quantile", a, q, axis, method, keepdims, False)


@implements(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """np.percentile."""
    return _quantile("percentile", a, q, axis, method, keepdims, False)


def _median(name: str, a: Any, axis: Any, keepdims: bool) -> Any:
    x = a if a.dtype.kind == "f" else a.astype(np.float64)
    if not x.size:
        return np.mean(x, axis=axis, keepdims=keepdims)  # NaN, as NumPy's
    return _quantile(name, x, 0.5, axis, "linear", keepdims, name == "nanmedian")


@implements(np.median)
def median(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """np.median; of an even number of values half the derivative goes to each of the two in the middle."""
    return _median("median", a, axis, keepdims)


@implements(np.nanquantile)
def nanquantile(a: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """np.nanquantile."""
    return _quantile("nanquantile", a, q, axis, method, keepdims, True)


@implements(np.nanpercentile)
def nanpercentile(a: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """np.nanpercentile."""
    return _quantile("nanpercentile", a, q, axis, method, keepdims, True)


@implements(np.nanmedian)
def nanmedian(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """np.nanmedian."""
    return _median("nanmedian", a, axis, keepdims)


@implements(np.unique)
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
    axis: Any = None, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """np.unique of known values: how many there are decides the shape; each is read where it stands first."""
    wanted: Any = {"return_inverse": return_inverse, "return_counts": return_counts, "equal_nan": equal_nan}
    _, first, *others = np.unique(known(ar, "np.unique"), True, axis=axis, **wanted)
    values = np.reshape(ar, -1)[first] if axis is None else np.take(ar, first, axis=axis)
    parts = (values, *([first] if return_index else []), *others)
    return parts if len(parts) > 1 else values


@implements(np.bincount)
def bincount(x: Any, weights: Any = None, minlength: Any = 0) -> Any:
    """np.bincount of known numbers; the weights may be traced."""
    places = known(x, "np.bincount")
    if weights is None:
        return np.bincount(places, minlength=minlength)
    length = np.bincount(places, minlength=minlength).size
    return scatter_add(np.zeros(length), places, array(weights).astype(np.float64))


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """np.histogram_bin_edges of known values; with the extremes of these, edges that are not given move."""
    values = known(a, "np.histogram_bin_edges")
    if values.dtype.kind == "c":
        raise DTypeError(f"histogram has no meaning for {values.dtype}{here()}")
    edges = np.histogram_bin_edges(values, bins, range)
    if np.ndim(bins) or range is not None or not isinstance(a, Tensor) or not a.size:
        return edges
    low: Any = np.min(a)
    high: Any = np.max(a)
    middle = (edges[0] + edges[-1]) / 2  # of values that are all equal NumPy takes a bin around them
    if edges[0] != known(low, "np.min"):
        return low + (edges - middle)
    return low + (high - low) * np.linspace(0, 1, edges.size)


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """np.histogram of known values; the weights may be traced."""
    values = np.ravel(known(a, "np.histogram"))
    exact = histogram_bin_edges(a, bins, range)
    edges = np.histogram_bin_edges(values, bins, range)
    if weights is None:
        counts: Any = np.histogram(values, edges)[0]
        return (counts / np.diff(exact) / counts.sum() if density else counts), exact
    inside = (values >= edges[0]) & (values <= edges[-1])
    places = np.minimum(np.searchsorted(edges, values[inside], "right") - 1, edges.size - 2)
    counts = bincount(places, weights=np.reshape(weights, -1)[inside], minlength=edges.size - 1)
    return (counts / np.diff(exact) / np.sum(counts) if density else counts), exact
