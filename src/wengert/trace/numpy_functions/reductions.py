"""Reductions and scans: how their primitives are called, and var and std."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, ShapeError
from wengert.ir.composite import composite
from wengert.ir.primitive import Kind, Primitive
from wengert.primitives import reductions as primitives
from wengert.trace.numpy_functions.table import (
    array,
    implements,
    normalise_axes,
    normalise_axis,
    reduced_axes,
    whole,
)
from wengert.trace.tensor import here


def _cast(value: Any, dtype: Any) -> Any:
    return value if dtype is None else value.astype(dtype)


def _one_axis(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return all axes for None, else the one; several are refused."""
    if axis is not None:
        whole(axis, "axis")
    return reduced_axes(axis, ndim)


# What an element counts as that is left out, and how an initial value joins.
_NOTHING: dict[str, Any] = {"sum": 0, "prod": 1, "any": False, "all": True}
_JOINS: dict[str, Any] = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


@implements(Kind.REDUCTION)
def reduce(
    primitive: Primitive,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """np.sum and its kin.

    Raises
    ------
    ShapeError
        When ``where`` leaves out elements of a maximum or minimum without ``initial``.
    """
    name, x, axes = primitive.name, _cast(a, dtype), reduced_axes(axis, a.ndim)
    if where is not None:
        where = np.broadcast_to(array(where), x.shape)
        if name == "mean":
            count = np.sum(where, axis=axes, keepdims=keepdims)
            total = np.sum(x, axis=axes, keepdims=keepdims, where=where)
            return total / (count.astype(x.dtype) if x.dtype.kind in "fc" else count)
        filling = _NOTHING.get(name, initial)
        if filling is None:
            raise ShapeError(f"{name}: with where=, the {name} of nothing needs initial={here()}")
        x = np.where(where, x, array(filling).astype(x.dtype))
    result = primitive(x, axes=axes, keepdims=bool(keepdims))
    if initial is not None:
        result = _JOINS[name](result, array(initial).astype(result.dtype))
    return _cast(result, dtype)


@implements(Kind.SCAN)
def scan(primitive: Primitive, a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """np.cumsum and its kin."""
    x = _cast(a, dtype)
    axes = _one_axis(axis, x.ndim)
    if axis is None or not axes:
        return primitive(np.reshape(x, -1), axis=0)
    return primitive(x, axis=axes[0])


def _cumulative(scanned: Any, start: int, x: Any, axis: Any, dtype: Any, include_initial: bool) -> Any:
    x = np.atleast_1d(x)
    if axis is None and x.ndim > 1:
        raise ShapeError(f"cumulative_sum, cumulative_prod: {x.ndim} axes need axis={here()}")
    place = normalise_axis(axis or 0, x.ndim)
    result = scanned(x, axis=place, dtype=dtype)
    if not include_initial:
        return result
    edge = np.full((*x.shape[:place], 1, *x.shape[place + 1 :]), start, result.dtype)
    return np.concatenate([edge, result], axis=place)


if hasattr(np, "cumulative_sum"):  # since NumPy 2.1

    @implements(np.cumulative_sum)
    def cumulative_sum(x: Any, *, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Any:
        """np.cumulative_sum."""
        return _cumulative(np.cumsum, 0, x, axis, dtype, include_initial)

    @implements(np.cumulative_prod)
    def cumulative_prod(x: Any, *, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Any:
        """np.cumulative_prod."""
        return _cumulative(np.cumprod, 1, x, axis, dtype, include_initial)


@implements(np.argmax)
def argmax(a: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """np.argmax."""
    return primitives.argmax(a, axes=_one_axis(axis, a.ndim), keepdims=bool(keepdims))


@implements(np.argmin)
def argmin(a: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """np.argmin."""
    return primitives.argmin(a, axes=_one_axis(axis, a.ndim), keepdims=bool(keepdims))


def _one_of(ddof: float, correction: float | None) -> float:
    if correction is None:
        return ddof
    if ddof != 0:
        raise ConfigurationError(f"ddof and correction mean the same: give one of them{here()}")
    return correction


@implements(np.var)
@composite
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    correction: float | None = None,
    where: Any = None,
) -> Any:
    """np.var, two passes: the mean of the squared deviations from the mean.

    Raises
    ------
    ShapeError
        When there are not more values than `ddof`.
    """
    x = _cast(a, dtype)
    axes = normalise_axes(axis, x.ndim)
    ddof = _one_of(ddof, correction)
    if where is not None:
        kept = np.broadcast_to(array(where), x.shape)
        squared = square_of_modulus(x - np.mean(x, axis=axes, keepdims=True, where=kept))
        left = np.sum(kept, axis=axes, keepdims=keepdims) - ddof
        return np.sum(squared, axis=axes, keepdims=keepdims, where=kept) / left
    count = math.prod(x.shape[one] for one in axes)
    if count and count - ddof <= 0:
        raise ShapeError(f"var of {count} values with ddof={ddof} divides by {count - ddof}{here()}")
    squared = square_of_modulus(x - np.mean(x, axis=axes, keepdims=True))
    if ddof == 0 or not count:  # of nothing NaN, as NumPy's
        return np.mean(squared, axis=axes, keepdims=keepdims)
    return np.sum(squared, axis=axes, keepdims=keepdims) / float(count - ddof)


def square_of_modulus(z: Any) -> Any:
    """|z|², a real number."""
    if z.dtype.kind != "c":
        return np.square(z)
    return np.square(np.real(z)) + np.square(np.imag(z))


def root(squared: Any) -> Any:
    """√x, with the derivative 0 at 0."""
    # Where the radicand is 0 the branch is not taken, so nothing flows back through √ there.
    return np.where(squared == 0, 0, np.sqrt(squared))


@implements(np.std)
@composite
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    correction: float | None = None,
    where: Any = None,
) -> Any:
    """np.std; the derivative at a constant is 0.

    Raises
    ------
    ShapeError
        When there are not more values than `ddof`.
    """
    ddof = _one_of(ddof, correction)
    return root(var(a, axis, dtype, ddof, keepdims, where=where))
