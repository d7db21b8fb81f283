"""Averages, covariances and reductions that leave out NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.composite import composite
from wengert.primitives.reductions import prod, sum as sum_
from wengert.trace.numpy_functions.reductions import reduce, square_of_modulus
from wengert.trace.numpy_functions.table import array, implements, normalise_axes
from wengert.trace.tensor import here


@implements(np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    """np.average.

    Raises
    ------
    ShapeError
        When the weights fit neither the array nor its axis.
    """
    a = array(a)
    if weights is None:
        total = np.mean(a, axis=axis, keepdims=keepdims)
        return (total, np.full(total.shape, a.size / max(total.size, 1))) if returned else total
    axes, weights = normalise_axes(axis, a.ndim), array(weights)
    if weights.shape != a.shape:
        if axis is None or weights.shape != tuple(a.shape[one] for one in axes):
            raise ShapeError(
                f"average: weights of shape {weights.shape} for axis {axis} of {a.shape}{here()}"
            )
        weights = np.reshape(weights, [a.shape[one] if one in axes else 1 for one in range(a.ndim)])
    weights = np.broadcast_to(weights, a.shape)
    scale = np.sum(weights, axis=axes, keepdims=keepdims)
    total = np.sum(a * weights, axis=axes, keepdims=keepdims) / scale
    if total.dtype.kind == "c":
        scale = scale.astype(total.dtype)
    return (total, scale) if returned else total


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """np.ptp."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """np.count_nonzero."""
    return np.sum(a != 0, axis=axis, keepdims=keepdims)


@implements(np.cov)
@composite
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """np.cov.

    Raises
    ------
    ShapeError
        When there is an array of more than two axes.
    """
    rows = [_rows(one, rowvar) for one in (m, y) if one is not None]
    x = np.concatenate(rows, axis=0) if len(rows) > 1 else rows[0]
    x = x.astype(dtype or np.result_type(x.dtype, np.float64))
    ddof = (0 if bias else 1) if ddof is None else ddof
    given = [array(one) for one in (fweights, aweights) if one is not None]
    weights: Any = 1.0
    for one in given:
        weights = weights * one
    total = np.sum(weights) if given else float(x.shape[1])
    centred = x - np.sum(x * weights, axis=1, keepdims=True) / total
    if ddof and aweights is not None:
        degrees = total - ddof * np.sum(weights * array(aweights)) / total
    else:
        degrees = total - ddof
    degrees = np.maximum(degrees, 0)  # 0/0 where there are too few
    covariance = (centred * weights) @ np.conjugate(centred.T) / degrees
    return np.squeeze(covariance)


def _rows(x: Any, rowvar: bool) -> Any:
    x = array(x)
    if x.ndim > 2:
        raise ShapeError(f"cov: takes a vector or a matrix, got shape {x.shape}{here()}")
    x = np.reshape(x, (1, -1)) if x.ndim < 2 else x
    return x.T if not rowvar and x.shape[0] != 1 else x


@implements(np.corrcoef)
@composite
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """np.corrcoef."""
    c = np.cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    deviations = np.sqrt(np.diagonal(c))
    return np.clip(c / deviations[:, None] / deviations[None, :], -1, 1)


def _without_nan(a: Any, filling: Any) -> Any:
    return np.where(np.isnan(a), np.asarray(filling, a.dtype), a) if a.dtype.kind in "fc" else a


@implements(np.nansum)
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """np.nansum."""
    return reduce(sum_, _without_nan(a, 0), axis, dtype, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """np.nanprod."""
    return reduce(prod, _without_nan(a, 1), axis, dtype, keepdims, initial, where)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """np.nancumsum."""
    return np.cumsum(_without_nan(a, 0), axis=axis, dtype=dtype)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    """np.nancumprod."""
    return np.cumprod(_without_nan(a, 1), axis=axis, dtype=dtype)


def _extreme(a: Any, axis: Any, keepdims: bool, sign: int) -> Any:
    reduce: Any = np.max if sign > 0 else np.min
    result = reduce(_without_nan(a, -sign * np.inf), axis=axis, keepdims=keepdims)
    return np.where(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.asarray(np.nan, a.dtype), result)


@implements(np.nanmax)
def nanmax(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """np.nanmax."""
    return _extreme(a, axis, keepdims, 1)


@implements(np.nanmin)
def nanmin(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """np.nanmin."""
    return _extreme(a, axis, keepdims, -1)


@implements(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """np.nanmean."""
    return np.mean(a, axis=axis, dtype=dtype, keepdims=keepdims, where=~np.isnan(a))


@implements(np.nanvar)
def nanvar(a: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False) -> Any:
    """np.nanvar."""
    there = ~np.isnan(a)
    count = np.sum(there, axis=axis, keepdims=keepdims).astype(np.abs(a).dtype)
    away = np.where(there, a - np.mean(a, axis=axis, keepdims=True, where=there), 0)
    degrees = np.where(count > ddof, count - ddof, np.nan)
    return np.sum(square_of_modulus(away), axis=axis, dtype=dtype, keepdims=keepdims) / degrees


@implements(np.nanstd)
def nanstd(a: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False) -> Any:
    """np.nanstd."""
    squared = nanvar(a, axis, dtype, ddof, keepdims)
    return np.where(squared == 0, 0, np.sqrt(squared))
