"""scipy.ndimage in traced functions: linear filters, and values between the pixels."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from wengert.errors import ShapeError, UnsupportedFunctionError
from wengert.trace.numpy_functions.table import array, normalise_axes, normalise_axis
from wengert.trace.recorder import here
from wengert.trace.scipy.known import along_axis, where_traced
from wengert.trace.tensor import fillable

_numpy: Any = np
_LIBRARY = "scipy.ndimage"
# What NumPy calls the ways in which an image goes on beyond its border.
_BORDERS = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge",
    "wrap": "wrap", "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip
_ALONG_AXIS = {
    name: along_axis(_LIBRARY, name)
    for name in (
        "gaussian_filter1d", "uniform_filter1d", "correlate1d", "convolve1d", "spline_filter1d",
    )
}  # fmt: skip


def _each(value: Any, count: int) -> list[Any]:
    return list(value) if np.iterable(value) and not isinstance(value, str) else [value] * count


def _refuse_output(output: Any) -> None:
    if output is not None:
        raise UnsupportedFunctionError(f"scipy.ndimage: the option output= has no rule{here()}")


def _gaussian(
    input: Any, sigma: Any, order: Any = 0, output: Any = None, mode: Any = "reflect", cval: float = 0.0,
    truncate: float = 4.0, *, radius: Any = None, axes: Any = None,
) -> Any:  # fmt: skip
    """scipy.ndimage.gaussian_filter, along one axis after the other."""
    _refuse_output(output)
    x = array(input)
    places = normalise_axes(axes, x.ndim)
    count = len(places)
    settings = [_each(one, count) for one in (sigma, order, mode, radius)]
    for axis, width, derivative, border, reach in zip(places, *settings, strict=True):
        if width > 1e-15:
            x = _ALONG_AXIS["gaussian_filter1d"](
                x, width, axis, derivative, None, border, cval, truncate, radius=reach
            )
    return x


def _uniform(
    input: Any, size: Any = 3, output: Any = None, mode: Any = "reflect", cval: float = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """scipy.ndimage.uniform_filter, along one axis after the other."""
    _refuse_output(output)
    x = array(input)
    places = normalise_axes(axes, x.ndim)
    count = len(places)
    settings = [_each(one, count) for one in (size, mode, origin)]
    for axis, extent, border, shift in zip(places, *settings, strict=True):
        x = _ALONG_AXIS["uniform_filter1d"](x, int(extent), axis, None, border, cval, shift)
    return x


def _edges(
    smooth: tuple[int, ...], input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect",
    cval: float = 0.0,
) -> Any:  # fmt: skip
    """scipy.ndimage.sobel and prewitt: differences along one axis, sums along the others."""
    _refuse_output(output)
    x = array(input)
    axis = normalise_axis(axis, x.ndim)
    borders = _each(mode, x.ndim)
    correlate = _ALONG_AXIS["correlate1d"]
    x = correlate(x, [-1, 0, 1], axis, None, borders[axis], cval)
    for other in range(x.ndim):
        x = x if other == axis else correlate(x, smooth, other, None, borders[other], cval)
    return x


def _laplace(input: Any, output: Any = None, mode: Any = "reflect", cval: float = 0.0) -> Any:
    """scipy.ndimage.laplace: the sum of the second differences."""
    _refuse_output(output)
    x = array(input)
    parts = [
        _ALONG_AXIS["correlate1d"](x, [1, -2, 1], axis, None, border, cval)
        for axis, border in enumerate(_each(mode, x.ndim))
    ]
    return sum(parts[1:], parts[0])


def _weighted(
    is_convolution: bool, input: Any, weights: Any, output: Any = None, mode: str = "reflect",
    cval: float = 0.0, origin: Any = 0,
) -> Any:  # fmt: skip
    """scipy.ndimage.correlate and convolve: the sum over a window around each element."""
    _refuse_output(output)
    x, weights = array(input), array(weights)
    if x.ndim != weights.ndim or mode not in _BORDERS:
        raise ShapeError(
            f"scipy.ndimage: weights of shape {weights.shape}, an image of shape {x.shape}, {mode=}{here()}"
        )
    weights = np.flip(weights) if is_convolution else weights
    widths = []
    for extent, shift in zip(weights.shape, _each(origin, x.ndim), strict=True):
        before = (extent - 1) // 2 - shift if is_convolution else extent // 2 + shift
        widths.append((before, extent - 1 - before))
    options = {"constant_values": cval} if _BORDERS[mode] == "constant" else {}
    padded = _numpy.pad(x, widths, _BORDERS[mode], **options)
    return _numpy.tensordot(np.lib.stride_tricks.sliding_window_view(padded, weights.shape), weights, x.ndim)


def _of_windows(
    reduce: Any, input: Any, size: Any = 3, footprint: Any = None, output: Any = None, mode: str = "reflect",
    cval: float = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """scipy.ndimage.median_filter, maximum_filter and minimum_filter over rectangles."""
    _refuse_output(output)
    if footprint is not None or axes is not None or mode not in _BORDERS:
        raise UnsupportedFunctionError(
            f"scipy.ndimage: of traced images, filters of order over rectangles have a rule{here()}"
        )
    x = array(input)
    sizes = [int(one) for one in _each(size, x.ndim)]
    shifts = _each(origin, x.ndim)
    widths = [(n // 2 + shift, n - 1 - n // 2 - shift) for n, shift in zip(sizes, shifts, strict=True)]
    options = {"constant_values": cval} if _BORDERS[mode] == "constant" else {}
    windows = np.lib.stride_tricks.sliding_window_view(
        _numpy.pad(x, widths, _BORDERS[mode], **options), tuple(sizes)
    )
    flat = windows.reshape((*x.shape, -1))
    # NumPy's median is the mean of both middle elements of an even number, SciPy's the upper one.
    return _numpy.sort(flat, axis=-1)[..., flat.shape[-1] // 2] if reduce is None else reduce(flat, axis=-1)


def _at_coordinates(
    input: Any, coordinates: Any, output: Any = None, order: int = 3, mode: str = "constant",
    cval: float = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    """scipy.ndimage.map_coordinates of order 0 or 1."""
    _refuse_output(output)
    if order not in (0, 1) or mode not in ("constant", "nearest"):
        raise UnsupportedFunctionError(
            f"scipy.ndimage.map_coordinates: of traced values, order=0 and order=1 with mode='constant' or "
            f"'nearest' have a rule, not {order=}, {mode=}{here()}"
        )
    x, places = fillable(array(input)), array(coordinates)
    outside: Any = False
    lower, shares = [], []
    for axis, extent in enumerate(x.shape):
        at = places[axis]
        outside = outside | (at < 0) | (at > extent - 1)
        at = np.clip(at, 0, extent - 1)
        at = np.floor(at + 0.5) if order == 0 else at
        below = np.clip(np.floor(at), 0, max(extent - 2, 0))
        lower.append(below.astype(np.int64))
        shares.append(at - below)
    total: Any = 0.0
    for corner in itertools.product((0, 1), repeat=x.ndim):
        if any(side and extent == 1 for side, extent in zip(corner, x.shape, strict=True)):
            continue
        weight: Any = 1.0
        for side, share in zip(corner, shares, strict=True):
            weight = weight * (share if side else 1 - share)
        total = total + weight * x[tuple(one + side for one, side in zip(lower, corner, strict=True))]
    return total if mode == "nearest" else np.where(outside, cval, total)


_RULES: dict[str, Callable[..., Any]] = {
    "gaussian_filter": _gaussian,
    "uniform_filter": _uniform,
    "sobel": partial(_edges, (1, 2, 1)),
    "prewitt": partial(_edges, (1, 1, 1)),
    "laplace": _laplace,
    "correlate": partial(_weighted, False),
    "convolve": partial(_weighted, True),
    "map_coordinates": _at_coordinates,
    "median_filter": partial(_of_windows, None),
    "maximum_filter": partial(_of_windows, np.max),
    "minimum_filter": partial(_of_windows, np.min),
}

# What stands in traced functions for functions of scipy.ndimage.
IN_TRACES: dict[str, Any] = _ALONG_AXIS | {
    name: where_traced(_LIBRARY, name)(rule) for name, rule in _RULES.items()
}
