"""Blocks, grids, further stacks and splits; comparisons of arrays; the parts of complex numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.primitives import complex_numbers
from wengert.trace.numpy_functions.joining import split
from wengert.trace.numpy_functions.table import (
    array,
    implements,
    listed,
    normalise_axis,
    refuse_booleans,
    whole,
)
from wengert.trace.tensor import here


@implements(np.block)
def block(arrays: Any) -> Any:
    """np.block."""

    def depth(part: Any) -> int:
        return 1 + max(map(depth, part), default=0) if isinstance(part, list) else 0

    def rank(part: Any) -> int:
        return max(map(rank, part)) if isinstance(part, list) else np.ndim(part)

    levels = depth(arrays)
    axes = max(rank(arrays), levels)

    def joined(part: Any, level: int) -> Any:
        if isinstance(part, list):
            return np.concatenate([joined(one, level + 1) for one in part], axis=level - levels)
        value = array(part)
        return np.reshape(value, (1,) * (axes - value.ndim) + value.shape)

    return joined(arrays, 0)


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """np.meshgrid."""
    count = len(xi)
    grids = [
        np.reshape(one, (1,) * place + (-1,) + (1,) * (count - place - 1)) for place, one in enumerate(xi)
    ]
    if indexing == "xy" and count > 1:
        grids = [np.swapaxes(one, 0, 1) for one in grids]
    return tuple(grids) if sparse else tuple(np.broadcast_arrays(*grids))


@implements(np.dstack)
def dstack(tup: Any) -> Any:
    """np.dstack."""
    return np.concatenate([atleast_3d(one) for one in tup], axis=2)


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """np.atleast_3d."""
    grown = [
        one if np.ndim(one) > 2 else np.reshape(one, (*(np.shape(one) if np.ndim(one) == 2 else (1, -1)), 1))
        for one in arys
    ]
    return grown[0] if len(grown) == 1 else tuple(grown)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    """np.hsplit."""
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    """np.vsplit."""
    return split(ary, indices_or_sections, 0)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    """np.dsplit."""
    return split(ary, indices_or_sections, 2)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """np.resize: the elements over and over."""
    shape = tuple(new_shape) if np.iterable(new_shape) else (new_shape,)
    flat = np.reshape(a, -1)
    if not flat.size:
        return np.zeros(shape, a.dtype)
    return np.reshape(flat[np.arange(math.prod(shape)) % flat.size], shape)


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """numpy.lib.stride_tricks.sliding_window_view.

    Raises
    ------
    ShapeError
        When a window is larger than the array, or there are not as many as axes.
    """
    windows = [whole(one, "a window") for one in listed(window_shape)]
    axes = [normalise_axis(one, x.ndim) for one in (range(x.ndim) if axis is None else listed(axis))]
    if len(windows) != len(axes):
        raise ShapeError(f"sliding_window_view: {len(windows)} windows for {len(axes)} axes{here()}")
    for place, extent in zip(axes, windows, strict=True):
        starts = x.shape[place] - extent + 1
        if not 0 < starts <= x.shape[place] + 1:
            raise ShapeError(
                f"sliding_window_view: a window of {extent} along {x.shape[place]} entries{here()}"
            )
        x = np.take(x, np.arange(starts)[:, None] + np.arange(extent), axis=place)
        x = np.moveaxis(x, place + 1, -1)
    return x


@implements(np.rot90)
def rot90(m: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    """np.rot90.

    Raises
    ------
    ShapeError
        When the axes are not two.
    """
    first, second = (normalise_axis(one, m.ndim) for one in axes)
    if first == second:
        raise ShapeError(f"rot90: axes={tuple(axes)} names an axis twice{here()}")
    turns = whole(k, "k") % 4
    if turns == 2:
        return np.flip(m, (first, second))
    turned = np.swapaxes(m, first, second)
    return m if not turns else np.flip(turned, first) if turns == 1 else np.flip(turned, second)


@implements(np.rollaxis)
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    """np.rollaxis."""
    place, target = normalise_axis(axis, a.ndim), start + a.ndim if start < 0 else start
    return np.moveaxis(a, place, target - (place < target))


@implements(np.real)
def real(val: Any) -> Any:
    """np.real."""
    return complex_numbers.real(val) if val.dtype.kind == "c" else val


@implements(np.imag)
def imag(val: Any) -> Any:
    """np.imag."""
    return complex_numbers.imag(val) if val.dtype.kind == "c" else np.zeros_like(val)


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """np.isrealobj."""
    return not np.iscomplexobj(x)


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """np.isclose."""
    a, b = array(a), array(b)
    near = (np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(b) | (a == b)
    return near | (np.isnan(a) & np.isnan(b)) if equal_nan else near


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """np.allclose."""
    return np.all(isclose(a, b, rtol, atol, equal_nan))


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """np.array_equal."""
    a1, a2 = array(a1), array(a2)
    if a1.shape != a2.shape:
        return False
    same = a1 == a2
    return np.all(same | (np.isnan(a1) & np.isnan(a2)) if equal_nan else same)


@implements(np.around, np.round)
def around(a: Any, decimals: Any = 0) -> Any:
    """np.round; a constant where it does not jump."""
    a, digits = array(a), whole(decimals, "decimals")
    refuse_booleans("round", a)
    if a.dtype.kind not in "fc":
        scale = 10 ** max(-digits, 0)
        return a if digits >= 0 else (np.rint(a / scale) * scale).astype(a.dtype)
    return (
        np.rint(a * 10.0**digits) / 10.0**digits
        if digits >= 0
        else np.rint(a / 10.0**-digits) * 10.0**-digits
    )


@implements(np.fix)
def fix(x: Any) -> Any:
    """np.fix."""
    return np.trunc(x)


def astype(x: Any, dtype: Any, copy: bool = True) -> Any:
    """np.astype."""
    return x.astype(dtype)


if hasattr(np, "astype"):  # since NumPy 2.1
    implements(np.astype)(astype)


@implements(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    """np.real_if_close; of complex numbers the dtype hangs on values, which are asked for."""
    if a.dtype.kind != "c":
        return a
    bound = tol * np.finfo(a.dtype).eps if tol > 1 else tol
    return np.real(a) if np.all(np.abs(np.imag(a)) < bound) else a


@implements(np.isreal)
def isreal(x: Any) -> Any:
    """np.isreal."""
    return np.imag(x) == 0


@implements(np.iscomplex)
def iscomplex(x: Any) -> Any:
    """np.iscomplex."""
    return np.imag(x) != 0


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """np.angle; of real numbers 0, or π of negative ones."""
    return np.arctan2(np.imag(z), np.real(z)) * (180 / np.pi if deg else 1)


@implements(np.isposinf)
def isposinf(x: Any) -> Any:
    """np.isposinf."""
    return x == np.inf


@implements(np.isneginf)
def isneginf(x: Any) -> Any:
    """np.isneginf."""
    return x == -np.inf


@implements(np.isin)
def isin(element: Any, test_elements: Any, invert: bool = False) -> Any:
    """np.isin."""
    found = np.any(array(element)[..., None] == np.reshape(test_elements, -1), axis=-1)
    return ~found if invert else found


@implements(np.diagflat)
def diagflat(v: Any, k: Any = 0) -> Any:
    """np.diagflat."""
    return np.diag(np.reshape(v, -1), k)


@implements(np.tril_indices_from)
def tril_indices_from(arr: Any, k: Any = 0) -> Any:
    """np.tril_indices_from."""
    return np.tril_indices(arr.shape[-2], k, arr.shape[-1])


@implements(np.triu_indices_from)
def triu_indices_from(arr: Any, k: Any = 0) -> Any:
    """np.triu_indices_from."""
    return np.triu_indices(arr.shape[-2], k, arr.shape[-1])
