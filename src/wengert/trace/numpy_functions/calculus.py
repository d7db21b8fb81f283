"""Differences, integrals, filters, polynomials and products of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import ShapeError, UnsupportedFunctionError
from wengert.ir.composite import composite
from wengert.primitives.library import linear_algebra, special
from wengert.trace.numpy_functions.linear_algebra import lstsq
from wengert.trace.numpy_functions.table import (
    array,
    implements,
    normalise_axes,
    normalise_axis,
    refuse_booleans,
    whole,
)
from wengert.trace.tensor import Tensor, here


@implements(np.gradient)
def gradient(*varargs: Any, f: Any, axis: Any = None, edge_order: Any = 1) -> Any:
    """np.gradient, with distances or coordinates.

    Raises
    ------
    ShapeError
        When there are too few values, or coordinates that do not fit.
    """
    f = array(f)
    refuse_booleans("gradient", f)
    f = f if f.dtype.kind in "fc" else f.astype(np.float64)
    axes = normalise_axes(axis, f.ndim)
    if np.iterable(axis):
        axes = tuple(normalise_axis(one, f.ndim) for one in axis)
    spacings = [array(one) for one in (varargs or (1.0,))]
    if len(spacings) == 1:
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise ShapeError(f"gradient: {len(varargs)} spacings for {len(axes)} axes{here()}")
    results = [_slope(f, h, one, edge_order).astype(f.dtype) for h, one in zip(spacings, axes, strict=True)]
    return results[0] if len(results) == 1 else tuple(results)


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    f = np.moveaxis(f, axis, 0)
    extent = f.shape[0]
    if extent < edge_order + 1 or h.ndim > 1 or (h.ndim == 1 and h.size != extent):
        raise ShapeError(
            f"gradient: {extent} values along axis {axis}, spacing of shape {h.shape}, "
            f"edge_order={edge_order}{here()}"
        )
    steps = np.diff(h) if h.ndim else np.broadcast_to(h, (extent - 1,))
    steps = np.reshape(steps, (-1,) + (1,) * (f.ndim - 1))
    rises = np.diff(f, axis=0) / steps
    before, after = steps[:-1], steps[1:]
    inside = (rises[:-1] * after + rises[1:] * before) / (before + after)
    first, last = rises[:1], rises[-1:]
    if edge_order == 2:
        first = first + (first - rises[1:2]) * steps[:1] / (steps[:1] + steps[1:2])
        last = last + (last - rises[-2:-1]) * steps[-1:] / (steps[-1:] + steps[-2:-1])
    return np.moveaxis(np.concatenate([first, inside, last], axis=0), 0, axis)


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    """np.trapezoid."""
    y = np.moveaxis(array(y), axis, -1)
    if x is None:
        steps: Any = dx
    else:
        x = array(x)
        steps = np.diff(x) if x.ndim == 1 else np.diff(np.moveaxis(x, axis, -1), axis=-1)
    return np.sum(steps * (y[..., 1:] + y[..., :-1]) / 2, axis=-1)


_MODES = {"v": "valid", "s": "same", "f": "full", 0: "valid", 1: "same", 2: "full"}


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    """np.correlate, as the product of a matrix of windows with the shorter vector.

    Raises
    ------
    ShapeError
        When one is no vector or empty.
    """
    a, v = array(a), array(v)
    if a.ndim != 1 or v.ndim != 1 or not a.size or not v.size:
        raise ShapeError(f"correlate: takes two vectors, got shapes {a.shape} and {v.shape}{here()}")
    if v.size > a.size:
        return np.conjugate(correlate(v, a, mode))[::-1]
    kind = _MODES.get(mode[:1].lower() if isinstance(mode, str) else mode)
    if kind is None or (isinstance(mode, str) and not kind.startswith(mode.lower())):
        raise UnsupportedFunctionError(f"correlate: mode is full, same or valid, got {mode!r}{here()}")
    before = {"valid": 0, "same": v.size // 2, "full": v.size - 1}[kind]
    after = {"valid": 0, "same": v.size - v.size // 2 - 1, "full": v.size - 1}[kind]
    padded = np.pad(a, (before, after))
    return padded[np.arange(padded.size - v.size + 1)[:, None] + np.arange(v.size)] @ np.conjugate(v)


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    """np.convolve."""
    a, v = np.atleast_1d(array(a)), np.atleast_1d(array(v))
    if v.size > a.size:
        a, v = v, a
    return correlate(a, np.conjugate(v)[::-1], mode)


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """np.polyval, by Horner's rule."""
    x = array(x)
    total = np.zeros_like(x)
    for coefficient in array(p):
        total = total * x + coefficient
    return total


@implements(np.polyder)
def polyder(p: Any, m: Any = 1) -> Any:
    """np.polyder."""
    p = array(p)
    for _ in range(whole(m, "m")):
        p = p[:-1] * np.arange(p.size - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    """np.polyint.

    Raises
    ------
    ShapeError
        When `m` is negative, or there are fewer constants than integrations.
    """
    p, times = array(p), whole(m, "m")
    constants = np.atleast_1d(array(0.0 if k is None else k))
    if constants.size == 1:
        constants = np.broadcast_to(constants, (max(times, 1),))
    if times < 0 or constants.size < times:
        raise ShapeError(f"polyint: m={times} integrations with {constants.size} constants{here()}")
    for place in range(times):
        p = np.concatenate([p / np.arange(p.size, 0, -1, dtype=np.int64), constants[place : place + 1]])
    return p


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """np.poly of roots, of which the coefficients are multiplied out.

    Raises
    ------
    UnsupportedFunctionError
        For a matrix, whose roots are eigenvalues.
    """
    roots = np.atleast_1d(seq_of_zeros)
    if roots.ndim != 1:
        raise UnsupportedFunctionError(
            f"np.poly of a matrix has no rule; of a vector of roots it has{here()}"
        )
    roots = roots if roots.dtype.kind in "fc" else roots.astype(np.float64)
    coefficients: Any = np.ones(1, roots.dtype)
    for place in range(roots.size):
        shifted = np.pad(coefficients, (1, 0))
        coefficients = np.pad(coefficients, (0, 1)) - roots[place] * shifted
    return coefficients


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """np.polymul."""
    return convolve(a1, a2)


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """np.polyadd."""
    a1, a2 = array(a1), array(a2)
    count = max(a1.size, a2.size)
    return np.pad(a1, (count - a1.size, 0)) + np.pad(a2, (count - a2.size, 0))


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """np.polysub."""
    return polyadd(a1, -array(a2))


@implements(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, w: Any = None) -> Any:
    """np.polyfit: the coefficients, by least squares in powers scaled to length 1."""
    x, y = array(x), array(y)
    powers = vander(x if isinstance(x, Tensor) else x.astype(np.float64), whole(deg, "deg") + 1)
    if w is not None:
        powers = powers * array(w)[:, None]
        y = np.moveaxis(np.moveaxis(y, 0, -1) * array(w), -1, 0)
    lengths = np.sqrt(np.sum(powers * powers, axis=0))
    ratio = x.size * np.finfo(powers.dtype).eps if rcond is None else rcond
    scaled = lstsq(powers / lengths, y, ratio)[0]
    return scaled / np.reshape(lengths, (-1,) + (1,) * (y.ndim - 1))


@implements(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """np.vander."""
    x = x.astype(np.promote_types(x.dtype, np.int64))  # so float32 becomes float64
    count = x.shape[0] if N is None else whole(N, "N")
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    return np.power(x[:, None], powers.astype(x.dtype) if x.dtype.kind in "fc" else powers)


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2 * np.pi) -> Any:
    """np.unwrap; what is added is constant between jumps."""
    place = normalise_axis(axis, p.ndim)
    p = np.moveaxis(p, place, -1)
    steps = np.diff(p, axis=-1)
    half = period / 2
    reduced = np.mod(steps + half, period) - half
    reduced = np.where((reduced == -half) & (steps > 0), half, reduced)
    added = np.where(np.abs(steps) < (half if discont is None else discont), 0, reduced - steps)
    result = np.concatenate([p[..., :1], p[..., 1:] + np.cumsum(added, axis=-1)], axis=-1)
    return np.moveaxis(result, -1, place)


@implements(np.sinc)
@composite
def sinc(x: Any) -> Any:
    """np.sinc; near 0 its series, whose derivatives of every order are right at 0 too."""
    y = np.pi * x
    near = np.abs(y) < 0.5
    small, large = np.where(near, y, 0), np.where(near, 1, y)
    squared, series = small * small, 0.0
    for k in range(9, -1, -1):
        series = series * squared + (-1) ** k / math.factorial(2 * k + 1)
    return np.where(near, series, np.sin(large) / large)


@implements(np.cross)
def cross(a: Any, b: Any, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1, axis: Any = None) -> Any:
    """np.cross of vectors of three components, or of two for the third component of their product.

    Raises
    ------
    ShapeError
        When there are other numbers of components.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(array(a), axisa, -1), np.moveaxis(array(b), axisb, -1)
    if not {a.shape[-1], b.shape[-1]} <= {2, 3}:
        raise ShapeError(
            f"cross: vectors of {a.shape[-1]} and {b.shape[-1]} components, 3 are needed{here()}"
        )
    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (
        one if one.shape[-1] == 3 else np.concatenate([one, np.zeros_like(one[..., :1])], axis=-1)
        for one in (a, b)
    )
    return np.moveaxis(linear_algebra.cross(a, b), -1, axisc)


@implements(np.linalg.cross)
def cross_of_three(x1: Any, x2: Any, *, axis: Any = -1) -> Any:
    """np.linalg.cross."""
    return cross(x1, x2, axis=axis)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    """np.kron."""
    a, b = array(a), array(b)
    rank = max(a.ndim, b.ndim)
    left, right = ((1,) * (rank - one.ndim) + one.shape for one in (a, b))
    spread = np.reshape(a, [part for extent in left for part in (extent, 1)])
    product = spread * np.reshape(b, [part for extent in right for part in (1, extent)])
    return np.reshape(product, [one * other for one, other in zip(left, right, strict=True)])


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """np.ediff1d."""
    refuse_booleans("ediff1d", ary)
    ends = [[] if one is None else [np.reshape(one, -1)] for one in (to_begin, to_end)]
    return np.concatenate([*ends[0], np.diff(np.reshape(ary, -1)), *ends[1]])


@implements(np.i0)
def i0(x: Any) -> Any:
    """np.i0."""
    return special.i0(x)
