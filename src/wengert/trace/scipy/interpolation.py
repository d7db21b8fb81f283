"""scipy.interpolate in traced functions: splines of traced values, and calls at traced places.

Every interpolant but Pchip's and Akima's is linear in the values that it goes through. SciPy makes one of the
unit vectors, whose values at a place are what each of them contributes there.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from wengert.errors import ConcreteValueError, ConfigurationError, UnsupportedFunctionError
from wengert.trace.numpy_functions.table import array, normalise_axis
from wengert.trace.recorder import here
from wengert.trace.scipy.known import (
    check_extent,
    is_traced,
    plain,
    product,
    refuse_traced,
    scipys,
    where_traced,
)
from wengert.trace.tensor import Tensor, fillable

_numpy: Any = np
_LIBRARY = "scipy.interpolate"


def is_polynomial(value: Any) -> bool:
    """Whether a value is a spline of SciPy's: a piecewise polynomial, or one by B-splines."""
    own = type(value).__module__.startswith(_LIBRARY)
    return own and hasattr(value, "c") and (hasattr(value, "x") or hasattr(value, "t"))


def _pieces(spline: Any) -> Any:
    """Return a spline as polynomials between its breakpoints; by B-splines, from its derivatives there."""
    if not hasattr(spline, "t"):
        return spline
    order = spline.k
    breaks = np.unique(spline.t[order : len(spline.t) - order])
    parts = [spline(breaks[:-1], nu) / math.factorial(nu) for nu in range(order, -1, -1)]
    if spline.axis:
        parts = [np.moveaxis(part, spline.axis, 0) for part in parts]
    return SimpleNamespace(c=np.stack(parts), x=breaks, extrapolate=spline.extrapolate, axis=spline.axis)


class TracedPolynomial:
    """Stands for a spline of known values, which is called at traced places."""

    def __init__(self, scipys: Any) -> None:
        self._scipys = scipys

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of SciPy's object; derivatives and integrals of it are such objects again."""
        found = getattr(self._scipys, name)
        if name not in ("derivative", "antiderivative"):
            return found
        return lambda nu=1: TracedPolynomial(found(nu))

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """Return the value, or the derivative of order `nu`, at places in any piece."""
        x = plain(x)
        if not isinstance(x, Tensor):
            return self._scipys(x, nu, extrapolate)
        pieces = _pieces(self._scipys.derivative(nu) if nu else self._scipys)
        extrapolate = pieces.extrapolate if extrapolate is None else extrapolate
        start, end = pieces.x[0], pieces.x[-1]
        breaks, table = fillable(np.asarray(pieces.x)), fillable(np.asarray(pieces.c))
        if isinstance(extrapolate, str):  # "periodic"
            x = start + np.remainder(x - start, end - start)
        piece = np.clip(_numpy.searchsorted(pieces.x, x, side="right") - 1, 0, len(pieces.x) - 2)
        further = (1,) * (pieces.c.ndim - 2)
        distance = np.reshape(x - breaks[piece], (*np.shape(x), *further))
        total = table[0][piece]
        for coefficients in table[1:]:
            total = total * distance + coefficients[piece]
        if not extrapolate:
            outside = np.reshape((x < start) | (x > end), (*np.shape(x), *further))
            total = np.where(outside, np.nan, total)
        return _axes_in_place(total, np.ndim(x), getattr(pieces, "axis", 0))


def _axes_in_place(found: Any, ndim: int, axis: int) -> Any:
    """Move the axes of the places, which are the first `ndim`, to where the interpolated axis was."""
    return _numpy.moveaxis(found, range(ndim), range(axis, axis + ndim)) if axis else found


class Combination:
    """Stands for an interpolant of traced values, as a combination of those of the unit vectors.

    Parameters
    ----------
    basis : callable
        SciPy's interpolant, at whose places the last axis holds what each value contributes.
    zero : callable
        SciPy's interpolant of zeros.
    values : Tensor of shape (n, …)
    axis : int
        Where the axes of the places stand in the result.
    """

    def __init__(self, basis: Any, zero: Any, values: Any, axis: int = 0) -> None:
        self._basis, self._zero, self._values, self._axis = basis, zero, values, axis

    def __getattr__(self, name: str) -> Any:
        """Return the knots or breakpoints as they are, and the coefficients from the values."""
        if name in ("x", "t", "k", "extrapolate"):
            return getattr(self._basis, name)
        if name == "c":
            return product(self._basis.c - self._zero.c, self._values, self._zero.c[..., 0])
        raise UnsupportedFunctionError(f"{name} of an interpolant of traced values has no rule{here()}")

    def _of(self, make: Callable[[Any], Any]) -> Combination:
        return Combination(make(self._basis), make(self._zero), self._values, self._axis)

    def derivative(self, nu: int = 1) -> Combination:
        """Return the derivative of order `nu`."""
        return self._of(lambda spline: spline.derivative(nu))

    def antiderivative(self, nu: int = 1) -> Combination:
        """Return the integral from the first breakpoint, taken `nu` times."""
        return self._of(lambda spline: spline.antiderivative(nu))

    def integrate(self, a: float, b: float, extrapolate: Any = None) -> Any:
        """Return the integral between two places."""
        primitive = self.antiderivative()
        return primitive(b, extrapolate=extrapolate) - primitive(a, extrapolate=extrapolate)

    def __call__(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the values at known or traced places."""
        x, basis, zero = plain(x), self._basis, self._zero
        if isinstance(x, Tensor):
            if not is_polynomial(basis):
                name = type(basis).__name__
                raise UnsupportedFunctionError(f"{name}: traced places have no rule; give numbers{here()}")
            basis, zero = TracedPolynomial(basis), TracedPolynomial(zero)
        offset = zero(x, *args, **options)
        found = product(basis(x, *args, **options) - offset, self._values, offset[..., 0])
        return _axes_in_place(found, np.ndim(found) - self._values.ndim + 1, self._axis)


def _spread(condition: Any, shape: tuple[int, ...]) -> Any:
    """Return conditions at the ends, (order, number), for each of several splines."""
    if isinstance(condition, (tuple, list)):
        if len(condition) == 2 and isinstance(condition[0], int):
            return condition[0], np.broadcast_to(condition[1], shape)
        return type(condition)(_spread(one, shape) for one in condition)
    return condition


def _of_values(name: str, values: str, *args: Any, **options: Any) -> Combination:
    """Return the interpolant `name` of traced values, its argument `values`."""
    function = scipys(_LIBRARY, name)
    bound = inspect.signature(function).bind(*args, **options)
    named = bound.arguments
    traced, axis = array(named[values]), named.get("axis", 0)
    axis = normalise_axis(axis, traced.ndim)
    named[values] = None
    refuse_traced(f"{_LIBRARY}.{name}", named)
    ends = named.get("bc_type")
    if "axis" in named:
        named["axis"] = 0

    def of(columns: Any) -> Any:
        named[values] = columns
        if ends is not None:
            named["bc_type"] = _spread(ends, columns.shape[1:])
        return function(*bound.args, **bound.kwargs)

    tied = isinstance(ends, str) and ends == "periodic"
    traced = _numpy.moveaxis(traced, axis, 0)
    if tied:
        _refuse_open(traced)
    return _combined(of, traced, axis, tied)


def _refuse_open(values: Any) -> None:
    """Raise a `ShapeError` where a periodic spline has different values at its ends, if they are known."""
    try:
        first, last = (values.recorder.peek(one.node) for one in (values[0], values[-1]))
    except ConcreteValueError:
        return
    if not np.allclose(first, last, rtol=1e-15, atol=1e-15):
        raise ConfigurationError(f"a periodic spline has the same value at both ends, not {first} and {last}")


def _combined(of: Callable[[Any], Any], values: Any, axis: int = 0, tied: bool = False) -> Combination:
    """Return the combination for ``of(columns)``; with `tied`, the last value is the first one again."""
    extent = values.shape[0]
    check_extent(_LIBRARY, extent)
    units = np.eye(extent - tied)
    units = np.concatenate([units, units[:1]]) if tied else units
    return Combination(of(units), of(np.zeros((extent, 1))), values[: extent - tied], axis)


def _by_slopes(slopes: Callable[..., Any], x: Any, y: Any, axis: int = 0, **options: Any) -> Combination:
    """Return the cubic Hermite spline through `y` with the slopes that a rule gives."""
    method, extrapolate = options.pop("method", "akima"), options.pop("extrapolate", None)
    if options or is_traced(x):
        what = next(iter(options), "traced x")
        raise UnsupportedFunctionError(f"{_LIBRARY}: {what} has no rule for traced values{here()}")
    x, y = np.asarray(x, float), array(y)
    axis = normalise_axis(axis, y.ndim)
    y = _numpy.moveaxis(y, axis, 0)
    steps = np.diff(x).reshape((-1,) + (1,) * (y.ndim - 1))
    both = _numpy.concatenate([y, slopes(steps, np.diff(y, axis=0) / steps, method)], axis=0)
    hermite, extent = scipys(_LIBRARY, "CubicHermiteSpline"), x.shape[0]
    return _combined(lambda rows: hermite(x, rows[:extent], rows[extent:], 0, extrapolate), both, axis)


def _pchip_slopes(steps: Any, secants: Any, method: str) -> Any:
    """Return Fritsch and Butland's slopes, which keep the spline monotone where the values are."""
    if secants.shape[0] == 1:
        return _numpy.concatenate([secants, secants], axis=0)
    before, after = secants[:-1], secants[1:]
    same = before * after > 0
    left, right = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    mean = left / np.where(same, before, 1) + right / np.where(same, after, 1)
    inner = np.where(same, (left + right) / mean, 0)
    ends = [_pchip_end(steps[i], steps[j], secants[i], secants[j]) for i, j in ((0, 1), (-1, -2))]
    return _numpy.concatenate([ends[0][None], inner, ends[1][None]], axis=0)


def _pchip_end(step: Any, next_step: Any, secant: Any, next_secant: Any) -> Any:
    slope = ((2 * step + next_step) * secant - step * next_secant) / (step + next_step)
    turns = np.sign(secant) != np.sign(next_secant)
    bounded = np.where(turns & (np.abs(slope) > 3 * np.abs(secant)), 3 * secant, slope)
    return np.where(np.sign(slope) != np.sign(secant), 0, bounded)


def _akima_slopes(steps: Any, secants: Any, method: str) -> Any:
    """Return Akima's slopes, or with `method` "makima" those that favour the flatter side."""
    if secants.shape[0] == 1:
        return _numpy.concatenate([secants, secants], axis=0)
    low, high = 2 * secants[:1] - secants[1:2], 2 * secants[-1:] - secants[-2:-1]
    m = _numpy.concatenate([2 * low - secants[:1], low, secants, high, 2 * high - secants[-1:]], axis=0)
    change = np.abs(np.diff(m, axis=0))
    if method == "makima":
        change = change + 0.5 * np.abs(m[1:] + m[:-1])
    before, after = change[:-2], change[2:]
    total = before + after
    uneven = total > 1e-9 * np.max(total)
    weighted = m[1:-2] + before / np.where(uneven, total, 1) * (m[2:-1] - m[1:-2])
    return np.where(uneven, weighted, 0.5 * (m[3:] + m[:-3]))


def _hermite(x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> Combination:
    """scipy.interpolate.CubicHermiteSpline."""
    given = _numpy.moveaxis(array(dydx), axis, 0)
    return _by_slopes(lambda *_: given, x, y, axis, extrapolate=extrapolate)


_ORDERS = {"linear": 1, "slinear": 1, "quadratic": 2, "cubic": 3}


def _interp1d(
    x: Any, y: Any, kind: Any = "linear", axis: int = -1, copy: Any = None, bounds_error: Any = None,
    fill_value: Any = np.nan, assume_sorted: bool = False,
) -> Callable[[Any], Any]:  # fmt: skip
    """scipy.interpolate.interp1d, by B-splines; steps ("previous" and the like) at known places."""
    if is_traced(x) or is_traced(fill_value):
        raise UnsupportedFunctionError(f"interp1d: a traced x or fill_value has no rule{here()}")
    x, y = np.asarray(x, float), array(y)
    axis = normalise_axis(axis, y.ndim)
    order, values = np.argsort(x, kind="stable"), _numpy.moveaxis(y, axis, 0)
    if not assume_sorted:
        x, values = x[order], values[order]
    spline = scipys(_LIBRARY, "make_interp_spline")
    step = partial(scipys(_LIBRARY, "interp1d"), kind=kind, axis=0, fill_value="extrapolate")
    degree = _ORDERS.get(kind, kind)
    made = _combined(
        lambda columns: step(x, columns) if isinstance(degree, str) else spline(x, columns, k=degree),
        values,
    )
    extrapolates = isinstance(fill_value, str)
    below, above = fill_value if isinstance(fill_value, tuple) else (fill_value, fill_value)

    def interpolated(places: Any) -> Any:
        places = plain(places)
        known = not isinstance(places, Tensor)
        low, high = places < x[0], places > x[-1]
        checked = bounds_error or (bounds_error is None and not extrapolates and np.ndim(fill_value) == 0)
        if known and checked and np.all(np.isnan(below)) and np.any(low | high):
            raise ConfigurationError(f"interp1d: a place outside of [{x[0]}, {x[-1]}]{here()}")
        found = made(places)
        if not extrapolates:
            further = (*np.shape(places), *(1,) * (found.ndim - np.ndim(places)))
            found = np.where(np.reshape(low, further), below, found)
            found = np.where(np.reshape(high, further), above, found)
        return _axes_in_place(found, np.ndim(places), axis)

    return interpolated


def _regular_grid(
    points: Any, values: Any, method: str = "linear", bounds_error: bool = True, fill_value: Any = np.nan
) -> Callable[[Any], Any]:
    """scipy.interpolate.RegularGridInterpolator: the weighted sum over the corners of the cell."""
    if method != "linear" or is_traced(*points, fill_value):
        raise UnsupportedFunctionError(
            f"RegularGridInterpolator: of traced values, method='linear' on known points has a rule{here()}"
        )
    axes, values = [fillable(np.asarray(one, float)) for one in points], array(values)

    def interpolated(xi: Any) -> Any:
        xi = array(plain(xi))
        lower, shares, outside = [], [], _numpy.zeros(xi.shape[:-1], bool)
        for number, axis in enumerate(axes):
            at = xi[..., number]
            place = np.clip(_numpy.searchsorted(axis, at, side="right") - 1, 0, axis.shape[0] - 2)
            lower.append(place)
            shares.append((at - axis[place]) / (axis[place + 1] - axis[place]))
            outside = outside | (at < axis[0]) | (at > axis[-1])
        if bounds_error and not isinstance(outside, Tensor) and np.any(outside):
            raise ConfigurationError(f"RegularGridInterpolator: a place outside of the grid{here()}")
        further = (1,) * (values.ndim - len(axes))
        total: Any = 0.0
        for corner in itertools.product((0, 1), repeat=len(axes)):
            weight: Any = 1.0
            for side, share in zip(corner, shares, strict=True):
                weight = weight * (share if side else 1 - share)
            value = values[tuple(place + side for place, side in zip(lower, corner, strict=True))]
            total = total + np.reshape(weight, np.shape(weight) + further) * value
        if fill_value is None:  # extrapolated
            return total
        return np.where(np.reshape(outside, np.shape(outside) + further), fill_value, total)

    return interpolated


_VALUES = {
    "CubicSpline": "y",
    "make_interp_spline": "y",
    "make_lsq_spline": "y",
    "make_smoothing_spline": "y",
    "BSpline": "c",
    "RBFInterpolator": "d",
    "LinearNDInterpolator": "values",
    "KroghInterpolator": "yi",
    "BarycentricInterpolator": "yi",
}

_RULES: dict[str, Callable[..., Any]] = {
    **{name: partial(_of_values, name, values) for name, values in _VALUES.items()},
    "PchipInterpolator": partial(_by_slopes, _pchip_slopes),
    "Akima1DInterpolator": partial(_by_slopes, _akima_slopes, extrapolate=False),
    "CubicHermiteSpline": _hermite,
    "interp1d": _interp1d,
    "RegularGridInterpolator": _regular_grid,
}

# What stands in traced functions for the names of scipy.interpolate.
IN_TRACES: dict[str, Any] = {name: where_traced(_LIBRARY, name)(rule) for name, rule in _RULES.items()}
