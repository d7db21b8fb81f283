"""Reductions over axes, running sums and products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.ir.primitive import Interval, NotDifferentiable, Primitive
from wengert.primitives import reference
from wengert.primitives.exponential import exp_difference
from wengert.primitives.kinds import (
    BOOL,
    INT64,
    TRANSCENDENTAL,
    floating,
    reduction,
    scan,
    strong,
)


def _restored(reduced: Any, axes: Any, keepdims: Any) -> Any:
    """Give the reduced axes back, with extent 1, so that the value broadcasts against the operand."""
    return reduced if keepdims or not axes else np.expand_dims(reduced, axes)


def _sum_dtypes(dtypes: Any) -> Any:
    (dtype,) = strong(dtypes)
    if dtype.kind in "bi" and dtype.itemsize < 8:
        return (INT64,)
    return (np.dtype(np.uint64),) if dtype.kind == "u" else (dtype,)


sum = reduction(
    "sum",
    numpy=lambda x, axes, keepdims: reference.wide_sum(x, axes, keepdims),
    promote=_sum_dtypes,
    vjp=lambda ct, out, x, axes, keepdims: (np.broadcast_to(_restored(ct, axes, keepdims), x.shape),),
    python="np.sum",
    formula="sum(x)",
    implements=(np.sum, np.add.reduce),
    complex=True,
    source="DLMF 1.4.8",
    linear=True,
)


def _mean(x: Any, axes: Any, keepdims: Any) -> Any:
    count = math.prod(x.shape[axis] for axis in axes)
    return reference.wide_sum(x, axes, keepdims) / x.dtype.type(count)


def _mean_decomposition(x: Any, axes: Any, keepdims: Any) -> Any:
    return np.sum(x, axis=axes, keepdims=keepdims) / math.prod(x.shape[axis] for axis in axes)


mean = reduction(
    "mean",
    numpy=_mean,
    promote=floating,
    vjp=lambda ct, out, x, axes, keepdims: (
        np.broadcast_to(_restored(ct / math.prod(x.shape[axis] for axis in axes), axes, keepdims), x.shape),
    ),
    python="np.mean",
    formula="sum(x) / n",
    implements=(np.mean,),
    complex=True,
    source="lecture 000, several examples",
    linear=True,
    decomposition=_mean_decomposition,
)


def _extreme_vjp(ct: Any, out: Any, x: Any, axes: Any, keepdims: Any) -> tuple[Any, ...]:
    """Split the cotangent evenly over the elements that attain the extreme; the count is an int64."""
    attained = x == _restored(out, axes, keepdims)
    count = np.sum(attained, axis=axes, keepdims=True).astype(x.dtype)
    return (np.where(attained, _restored(ct, axes, keepdims) / count, 0),)


max = reduction(
    "max",
    numpy=lambda x, axes, keepdims: np.max(x, axis=axes, keepdims=keepdims),
    vjp=_extreme_vjp,
    python="np.max",
    formula="max(x)",
    implements=(np.max, np.amax, np.maximum.reduce),
    needs_elements=True,
    ties="split evenly over the largest elements",
    complex=True,
    source="lecture 002, (7.35)",
)

min = reduction(
    "min",
    numpy=lambda x, axes, keepdims: np.min(x, axis=axes, keepdims=keepdims),
    vjp=_extreme_vjp,
    python="np.min",
    formula="min(x)",
    implements=(np.min, np.amin, np.minimum.reduce),
    needs_elements=True,
    ties="split evenly over the smallest elements",
    complex=True,
    source="lecture 002, (7.35)",
)


def _others(x: Any) -> Any:
    """Products of all other elements along axis 0, never dividing: a tree of pairwise products.

    Going up, neighbours are multiplied; coming down, each element's partner joins what the parent lacks.
    """
    extent = x.shape[0]
    if extent == 1:
        return np.ones_like(x)
    if extent % 2:
        x = np.concatenate([x, np.ones_like(x[:1])])
    even, odd = x[0::2], x[1::2]
    above = _others(even * odd)
    both = np.stack([above * odd, above * even], axis=1)
    return np.reshape(both, (extent + extent % 2, *x.shape[1:]))[:extent]


def _prod_vjp(ct: Any, out: Any, x: Any, axes: Any, keepdims: Any) -> tuple[Any, ...]:
    if x.size == 0:
        return (np.zeros_like(x),)
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    order = (*axes, *kept)
    flat = np.reshape(np.transpose(x, order), (-1, *[x.shape[axis] for axis in kept]))
    others = np.reshape(_others(flat), [x.shape[axis] for axis in order])
    back = tuple(np.argsort(order).tolist())
    return (_restored(ct, axes, keepdims) * np.transpose(others, back),)


prod = reduction(
    "prod",
    numpy=lambda x, axes, keepdims: np.prod(x, axis=axes, keepdims=keepdims),
    promote=_sum_dtypes,
    vjp=_prod_vjp,
    python="np.prod",
    implements=(np.prod, np.multiply.reduce),
    complex=True,
    source="DLMF 1.4.9",
)


def _logsumexp_decomposition(x: Any, axes: Any, keepdims: Any) -> Any:
    top = np.max(x, axis=axes, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0)
    total = np.log(np.sum(np.exp(x - shift), axis=axes, keepdims=True)) + shift
    return total if keepdims else np.squeeze(total, axis=axes)


logsumexp = reduction(
    "logsumexp",
    numpy=lambda x, axes, keepdims: reference.logsumexp(x, axes, keepdims),
    promote=floating,
    vjp=lambda ct, out, x, axes, keepdims: (
        _restored(ct, axes, keepdims) * exp_difference(x, _restored(out, axes, keepdims)),
    ),
    python="logsumexp",
    formula="log(sum(exp(x)))",
    needs_elements=True,
    operations=TRANSCENDENTAL,
    ties="0 where all elements are −∞",
    source="Blanchard, Higham & Higham 2021",
    decomposition=_logsumexp_decomposition,
)

_POSITION = NotDifferentiable("a position does not change under a small change of the values")


def _batched_position(primitive: Any, mapped: Any, size: int, x: Any, axes: Any, keepdims: bool) -> Any:
    """Positions over one axis, or over all axes of an entry, which are made one first."""
    if len(axes) == 1:
        return primitive(x, axes=(axes[0] + 1,), keepdims=keepdims)
    flat = np.reshape(x, (size, math.prod(x.shape[1:])))
    positions = primitive(flat, axes=(1,), keepdims=False)
    return np.reshape(positions, (size, *(1,) * len(axes))) if keepdims else positions


def _position(name: str, function: Any) -> Primitive:
    return reduction(
        name,
        numpy=lambda x, axes, keepdims: function(
            x if len(axes) == 1 else x.reshape(-1), axis=axes[0] if len(axes) == 1 else 0, keepdims=False
        ).reshape([1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]),
        vjp=_POSITION,
        python=f"np.{name}",
        implements=(function,),
        result=INT64,
        needs_elements=True,
        ties="the first of equal elements",
        source="the position of max or min",
        batch=_batched_position,
    )


argmax = _position("argmax", np.argmax)
argmin = _position("argmin", np.argmin)
# These raise NumPy's ValueError where all elements are NaN.
nanargmax = _position("nanargmax", np.nanargmax)
nanargmin = _position("nanargmin", np.nanargmin)

_TRUTH = NotDifferentiable("piecewise constant")

any = reduction(
    "any",
    numpy=lambda x, axes, keepdims: np.any(x, axis=axes, keepdims=keepdims),
    promote=lambda dtypes: (BOOL,),
    vjp=_TRUTH,
    python="np.any",
    implements=(np.any, np.logical_or.reduce),
    domain=(Interval(0, 1, integer=True),),
    source="logical or of the elements",
    decomposition=lambda x, axes, keepdims: np.sum(x, axis=axes, keepdims=keepdims) > 0,
)

all = reduction(
    "all",
    numpy=lambda x, axes, keepdims: np.all(x, axis=axes, keepdims=keepdims),
    promote=lambda dtypes: (BOOL,),
    vjp=_TRUTH,
    python="np.all",
    implements=(np.all, np.logical_and.reduce),
    domain=(Interval(0, 1, integer=True),),
    source="logical and of the elements",
    decomposition=lambda x, axes, keepdims: np.sum(np.logical_not(x), axis=axes, keepdims=keepdims) == 0,
)


def _cumsum(x: Any, axis: Any) -> Any:
    return np.cumsum(x, axis=axis, dtype=reference.WIDER.get(x.dtype)).astype(x.dtype, copy=False)


cumsum = scan(
    "cumsum",
    numpy=_cumsum,
    promote=_sum_dtypes,
    vjp=lambda ct, out, x, axis: (np.flip(np.cumsum(np.flip(ct, axis), axis=axis), axis),),
    python="np.cumsum",
    implements=(np.cumsum, np.add.accumulate),
    complex=True,
    source="DLMF 1.4.8 on each partial sum",
    linear=True,
)


def _recurrence(a: Any, b: Any) -> Any:
    """Solve rᵢ = bᵢ + aᵢ rᵢ₊₁ along axis 0, from the last r = b; two steps become one of half as many."""
    extent = b.shape[0]
    if extent == 1:
        return b
    outer, inner = a[0::2], a[1::2]
    even = b[0 : extent - 1 : 2] + outer * b[1::2]
    odd = b[1::2]
    if extent % 2:
        even = np.concatenate([even, b[-1:]])
    if extent > 2:
        even = _recurrence(outer[: inner.shape[0]] * inner, even)
        following = b[1 : extent - 1 : 2] + inner * even[1:]
        odd = following if extent % 2 else np.concatenate([following, b[-1:]])
    both = np.stack([even[: odd.shape[0]], odd], axis=1)
    joined = np.reshape(both, (2 * odd.shape[0], *b.shape[1:]))
    return np.concatenate([joined, b[-1:]]) if extent % 2 else joined


def _cumprod_vjp(ct: Any, out: Any, x: Any, axis: Any) -> tuple[Any, ...]:
    """∏ xₖ over k < i, times Σ over j ≥ i of ctⱼ ∏ xₖ over i < k ≤ j; nothing is divided, so x may be 0."""
    if x.size == 0:
        return (np.zeros_like(x),)
    ct, out, x = (np.moveaxis(one, axis, 0) for one in (ct, out, x))
    before = np.concatenate([np.ones_like(out[:1]), out[:-1]])
    after = _recurrence(x[1:], ct)
    return (np.moveaxis(before * after, 0, axis),)


cumprod = scan(
    "cumprod",
    numpy=lambda x, axis: np.cumprod(x, axis=axis),
    promote=_sum_dtypes,
    vjp=_cumprod_vjp,
    python="np.cumprod",
    implements=(np.cumprod, np.multiply.accumulate),
    complex=True,
    source="DLMF 1.4.9 on each partial product",
)
