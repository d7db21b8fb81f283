"""More of NumPy's functions with their options: NumPy's values and dtypes, and the slopes of differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConcreteValueError

rng = np.random.default_rng(0)
M = rng.normal(size=(4, 5))
V = rng.normal(size=6)
N = M.copy()
N[1, 2] = np.nan
N[:, 3] = np.nan
N[0, 3] = 1.0
I = rng.integers(0, 4, 6)
T = rng.normal(size=(2, 3, 4))
CASES: dict[str, tuple[Any, np.ndarray]] = {}


def add(name: str, x: np.ndarray, *functions: Any) -> None:
    for i, f in enumerate(functions):
        CASES[f"{name} {i}"] = (f, x)


add(
    "sort",
    M,
    lambda x: np.sort(x),
    lambda x: np.sort(x, 0),
    lambda x: np.sort(x, None),
    lambda x: np.argsort(x, axis=0),
    lambda x: np.partition(x, 2),
    lambda x: np.partition(x, (1, 3), axis=0),
    lambda x: np.argpartition(x, 1),
)
METHODS = (
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
    "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
)  # fmt: skip
add(
    "quant",
    M,
    lambda x: np.median(x),
    lambda x: np.median(x, axis=1),
    lambda x: np.median(x, axis=(0, 1), keepdims=True),
    lambda x: np.percentile(x, [10, 50, 93], axis=0),
    lambda x: np.quantile(x, [[0.1, 0.5], [0.2, 1.0]], axis=1, keepdims=True),
    *[
        lambda x, m=m: [
            np.quantile(x, [0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.75, 0.9, 1], axis=0, method=m),
            np.quantile(x, [0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.75, 0.9, 1], axis=1, method=m),
            np.quantile(x[:3], [0.5, 0.25, 0.75], axis=0, method=m),
        ]
        for m in METHODS
    ],
)
add(
    "nanq",
    N,
    lambda x: np.nanmedian(x, axis=0),
    lambda x: np.nanmedian(x),
    lambda x: np.nanquantile(x, [0.2, 0.6], axis=1),
    lambda x: np.nanpercentile(x, 30, axis=0, keepdims=True),
    lambda x: np.median(x, axis=0),
)
add(
    "nan",
    N,
    *[
        lambda x, f=f, k=k: f(x, **k)
        for f in (np.nansum, np.nanprod, np.nanmax, np.nanmin, np.nanmean, np.nanvar, np.nanstd)
        for k in ({}, {"axis": 0}, {"axis": 1, "keepdims": True})
    ],
    lambda x: np.nanstd(x, ddof=1, axis=1),
    lambda x: np.nancumsum(x, 1),
    lambda x: np.nancumprod(x, 0),
    lambda x: np.nanargmax(x, 1),
    lambda x: np.nanargmin(x),
    lambda x: np.nansum(x, where=np.arange(5) > 1),
)
add(
    "search",
    V,
    lambda x: np.searchsorted([-1.0, 0, 1], x),
    lambda x: np.searchsorted([-1.0, 0, 1], x, "right"),
    lambda x: np.digitize(x, [-1.0, 0, 1]),
    lambda x: np.digitize(x, [1.0, 0, -1], right=True),
    lambda x: np.interp(x, [-1, 0, 0.5, 1], [1, 3.0, 2, 4]),
    lambda x: np.interp(x, [-1, 0, 0.5, 1], [1, 3.0, 2, 4], left=-7, right=9),
    lambda x: np.interp(x, [0, 0.3, 0.5, 1], [1, 3.0, 2, 4], period=1.2),
    lambda x: np.interp([0.0, 0.2, 0.5, -1, 3], np.sort(x), x**2),
)
add(
    "known",
    V,
    lambda x: np.unique(x),
    lambda x: np.unique(np.round(x), return_counts=True, return_inverse=True, return_index=True),
    lambda x: x[np.nonzero(x > 0)],
    lambda x: x[x > 0],
    lambda x: np.extract(x > 0, x),
    lambda x: np.compress(x > 0, x),
    lambda x: np.histogram(x, 3),
    lambda x: np.histogram(V, 4, weights=x),
    lambda x: np.histogram(V, 4, weights=x, density=True),
    lambda x: np.histogram(V, 4, range=(-1, 1), weights=x),
    lambda x: np.bincount(I, weights=x, minlength=7),
    lambda x: x[np.flatnonzero(x < 0)],
    lambda x: np.argwhere(x > 0),
    lambda x: np.trim_zeros(np.where(x > 0, x, 0)),
    lambda x: np.where(x > 0)[0],
)
add(
    "choose",
    V,
    lambda x: np.select([x > 1, x > 0], [x**2, np.sin(x)], -1),
    lambda x: np.piecewise(x, [x < 0, x >= 0.5], [lambda x: -x, lambda x: x**2]),
    lambda x: np.piecewise(x, [x < 0], [lambda x: -x, lambda x: x**2]),
    lambda x: np.piecewise(x, [x < 0, x > 1], [1.0, 2.0, 3.0]),
    lambda x: np.choose([0, 1, 1, 0, 1, 0], [x, x**2]),
)
add(
    "tri",
    T,
    lambda x: np.tril(x),
    lambda x: np.triu(x, 1),
    lambda x: np.tril(x, -1),
    lambda x: np.rot90(x),
    lambda x: np.rot90(x, 3, (1, 2)),
    lambda x: np.rot90(x, 2),
    lambda x: np.rollaxis(x, 2),
    lambda x: np.rollaxis(x, 0, 3),
    lambda x: np.hsplit(x, 3),
    lambda x: np.vsplit(x, 2),
    lambda x: np.dsplit(x, [1, 3]),
    lambda x: np.dstack([x, x]),
    lambda x: np.atleast_3d(x),
    lambda x: np.resize(x, (5, 7)),
    lambda x: np.flip(x),
)
add(
    "ins",
    M,
    lambda x: np.insert(x, 1, 7.0, axis=0),
    lambda x: np.insert(x, 1, x[0], axis=0),
    lambda x: np.insert(x, [1, 3], x[:, :2], axis=1),
    lambda x: np.insert(x, [1, 1, 5], x[0, :3]),
    lambda x: np.insert(x, -1, x[:, 0], axis=1),
    lambda x: np.insert(x, 2, 3.0),
    lambda x: np.delete(x, [1, 3], axis=1),
    lambda x: np.delete(x, slice(0, 2), axis=0),
    lambda x: np.delete(x, 3),
    lambda x: np.delete(x, np.array([True, False, True, False]), axis=0),
)
add(
    "cat",
    V,
    lambda x: np.meshgrid(x, x[:3]),
    lambda x: np.meshgrid(x, x[:3], indexing="ij", sparse=True),
    lambda x: np.block([[x, x], [x[:3], np.ones(9)]]),
    lambda x: np.block([[np.outer(x, x), x[:, None]], [x[None], np.ones((1, 1))]]),
    lambda x: np.dstack([x, x]),
    lambda x: np.atleast_3d(x),
    lambda x: np.append(x, 1),
    lambda x: np.ediff1d(x, to_begin=9, to_end=x[:2]),
    lambda x: np.repeat(x, [1, 2, 0, 1, 3, 1]),
)
add(
    "calc",
    M,
    lambda x: np.gradient(x),
    lambda x: np.gradient(x, axis=0, edge_order=2),
    lambda x: np.gradient(x, 0.5, [0, 1.0, 1.5, 3, 4]),
    lambda x: np.gradient(x, [0, 1.0, 1.5, 3, 4], axis=1, edge_order=2),
    lambda x: np.trapezoid(x),
    lambda x: np.trapezoid(x, dx=0.3, axis=0),
    lambda x: np.trapezoid(x, [0, 1.0, 1.5, 3, 4]),
    lambda x: np.trapezoid(x, np.cumsum(abs(M) + 0.1, 0), axis=0),
    lambda x: np.diff(x, prepend=0.0),
    lambda x: np.diff(x, n=2, append=x[:, :2], axis=1),
    lambda x: np.unwrap(4 * x),
    lambda x: np.unwrap(4 * x, axis=0, period=3.0),
    lambda x: np.sinc(x),
    lambda x: np.vander(x[0], 3),
    lambda x: np.vander(x[0], increasing=True),
    lambda x: np.polyval(x[0], x),
    lambda x: np.polyder(x[0]),
    lambda x: np.polymul(x[0], x[1]),
    lambda x: np.kron(x[:2, :2], x[0]),
    lambda x: np.kron(x[0], x),
    lambda x: np.cross(x[:, :3], x[0, :3]),
    lambda x: np.cross(x[:3, :4], x[:3, 1:], axis=0),
    lambda x: np.linalg.cross(x[:, :3], x[:, 2:]),
)
for m in ("full", "same", "valid"):
    add(
        "conv " + m,
        V,
        *[
            lambda x, n=n, m=m, f=f: f(x[:n], x[1:4] * 2, m)
            for f in (np.convolve, np.correlate)
            for n in (6, 5, 4, 2, 1)
        ],
        lambda x, m=m: np.convolve(x[:2], x[1:5], mode=m),
    )
add(
    "stat",
    M,
    lambda x: np.average(x),
    lambda x: np.average(x, axis=0, weights=[1.0, 2, 3, 4]),
    lambda x: np.average(x, axis=1, weights=np.abs(M), returned=True),
    lambda x: np.average(x, keepdims=True),
    lambda x: np.ptp(x, axis=1),
    lambda x: np.count_nonzero(x > 0, axis=0),
    lambda x: np.cov(x),
    lambda x: np.cov(x[0]),
    lambda x: np.cov(x[0], x[1]),
    lambda x: np.cov(x, rowvar=False, bias=True),
    lambda x: np.cov(x, ddof=0, aweights=[1.0, 2, 1, 3, 1]),
    lambda x: np.cov(x, fweights=[1, 2, 1, 3, 1], aweights=[1.0, 2, 1, 3, 1]),
    lambda x: np.corrcoef(x),
    lambda x: np.corrcoef(x[0], x[1]),
    lambda x: np.corrcoef(x, rowvar=False),
)
w = np.arange(5) % 2 == 0
add(
    "where",
    M,
    lambda x: np.sum(x, where=w),
    lambda x: np.sum(x, axis=1, initial=3.0, where=w, keepdims=True),
    lambda x: np.prod(x, axis=0, initial=2.0, where=M > -1),
    lambda x: np.max(x, axis=1, initial=0.5),
    lambda x: np.max(x, initial=-9.0, where=w),
    lambda x: np.min(x, axis=0, initial=0.0),
    lambda x: np.mean(x, axis=1, where=w),
    lambda x: np.var(x, where=w),
    lambda x: np.std(x, axis=1, where=w, ddof=1),
    lambda x: np.any(x > 0, where=w, axis=0),
    lambda x: np.all(x > 0, where=w, axis=1),
    lambda x: x.sum(where=w),
)
add(
    "round",
    2 * M,
    *[
        lambda x, f=f: f(x)
        for f in (
            np.floor,
            np.ceil,
            np.trunc,
            np.rint,
            np.fix,
            np.round,
            np.cbrt,
            np.signbit,
            np.real,
            np.imag,
            np.conj,
            np.modf,
            np.abs,
        )
    ],
    lambda x: np.round(x, 1),
    lambda x: x.round(2),
    lambda x: x // 0.7,
    lambda x: 0.7 // x,
    lambda x: x % 0.7,
    lambda x: -x % x[0],
    lambda x: 3 % x,
    lambda x: np.fmod(x, 0.7),
    lambda x: np.fmod(5, x),
    lambda x: np.divmod(x, 0.7),
    lambda x: divmod(x, 0.7),
    lambda x: np.copysign(x, -M),
    lambda x: np.copysign(2, x),
    lambda x: np.nextafter(x, 9.0),
    lambda x: np.arccosh(abs(x) + 1.1),
    lambda x: np.logaddexp2(x, 1),
    lambda x: np.float_power(abs(x), 2),
    lambda x: np.ldexp(x, 3),
    lambda x: np.mod(x, 1.0),
    lambda x: np.isclose(x, 2 * M + 1e-9),
    lambda x: np.allclose(x, x),
    lambda x: np.array_equal(x, 2 * M),
)
add("fmax", N, lambda x: np.fmax(x, 0.1), lambda x: np.fmin(0.1, x), lambda x: np.fmax(x, x[0]))
add(
    "bits",
    I,
    lambda x: x & 3,
    lambda x: x | 8,
    lambda x: x ^ 5,
    lambda x: ~x,
    lambda x: x << 2,
    lambda x: x >> 1,
    lambda x: 6 & x,
    lambda x: np.bitwise_and(x, I[::-1]),
    lambda x: x % 3,
    lambda x: x // 2,
    lambda x: np.floor(x),
    lambda x: divmod(x, 3),
    lambda x: np.bincount(x),
    lambda x: np.round(x),
)
for m, kw in [
    ("edge", {}),
    ("reflect", {}),
    ("reflect", {"reflect_type": "odd"}),
    ("symmetric", {}),
    ("symmetric", {"reflect_type": "odd"}),
    ("wrap", {}),
    ("linear_ramp", {}),
    ("linear_ramp", {"end_values": ((1, 2), (3.0, 4))}),
    ("mean", {}),
    ("mean", {"stat_length": 2}),
    ("maximum", {}),
    ("minimum", {"stat_length": ((1, 2), (3, 1))}),
    ("median", {}),
    ("constant", {"constant_values": ((1, 2), (3, 4.0))}),
    ("constant", {"constant_values": (5, 6)}),
]:
    add(
        f"pad {m} {kw}",
        M,
        lambda x, m=m, kw=kw: np.pad(x, ((2, 1), (0, 7)), mode=m, **kw),
        lambda x, m=m, kw=kw: np.pad(x, 1, m, **kw),
    )
add("einsum", M, lambda x: np.einsum(x, [0, 1], [1, 0]), lambda x: np.einsum(x, [0, 1], x, [0, 1]))


add(
    "column order",
    T,
    lambda x: np.reshape(x, (4, 6), order="F") + x.reshape((4, -1), order="F"),
    lambda x: np.ravel(x, "F") * x.flatten("F"),
)

W = np.lib.stride_tricks.sliding_window_view
add(
    "joining",
    V,
    lambda x: np.r_[x, 1, x[:2]],
    lambda x: np.r_[0:3, x, 2.5],
    lambda x: np.r_["0,2", x, x[::-1]],
    lambda x: np.r_["-1", np.ones((2, 3)), np.reshape(x, (2, 3))],
    lambda x: np.c_[x, x**2, 1:7],
    lambda x: np.c_[np.reshape(x, (3, 2)), np.ones(3)],
)
add(
    "series",
    np.abs(V) + 0.5,
    lambda x: np.geomspace(x[0], x[1], 5),
    lambda x: np.geomspace(-x[0], -x[:2], 4, endpoint=False, axis=1),
    lambda x: np.logspace(x[0], 2.0, 4, base=x[1]),
    lambda x: np.polyint(x, 2, [1.0, 2.0]) + np.polyint(x, 2, 3.0),
    lambda x: np.poly(x),
    lambda x: np.cumulative_sum(x, include_initial=True) * np.cumulative_prod(x[0]),
    lambda x: x.conj() * x.nbytes + x.itemsize,
)
add(
    "windows",
    M,
    lambda x: W(x, 2, axis=1),
    lambda x: W(x, (2, 3)),
    lambda x: W(x, (2, 2), axis=(0, 0)),
    lambda x: np.cumulative_prod(x, axis=1, include_initial=True),
    lambda x: np.vecdot(x, 2 * x, axis=0),
    lambda x: np.maximum.accumulate(x) * np.minimum.accumulate(x, axis=1),
    lambda x: np.logaddexp.accumulate(x, axis=1) + np.fmax.accumulate(x),
    lambda x: (
        np.logaddexp.reduce(x) + np.fmax.reduce(x, axis=None) + np.logaddexp.reduce(x, 1, keepdims=True)
    ),
    lambda x: x[0, np.lexsort((x[0], [1, 0, 1, 0, 1]))],
    lambda x: np.lexsort(np.round(x)),
)
J = np.array([[3, 1, 2], [5, 0, -4]])
add(
    "integers",
    J,
    *[
        lambda x, k=k: np.pad(x, ((1, 2), (3, 2)), **k)
        for k in (
            {"mode": "mean"},
            {"mode": "mean", "stat_length": 2},
            {"mode": "median"},
            {"mode": "maximum"},
            {"mode": "linear_ramp", "end_values": (-7, 9)},
            {"mode": "reflect", "reflect_type": "odd"},
        )
    ],
    *[lambda x, m=m: np.quantile(x, [0.2, 0.5, 0.9], axis=1, method=m) for m in METHODS],
    lambda x: np.max(x, initial=3.5),
    lambda x: np.sum(x, axis=0, initial=1.5),
    lambda x: np.max(x > 0, initial=0),
)


def flat(result: Any) -> list[Any]:
    return [one for part in result for one in flat(part)] if isinstance(result, (tuple, list)) else [result]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes(name: str) -> None:
    function, x = CASES[name]
    wanted = [np.asarray(one) for one in flat(function(x))]
    for got, numpys in zip(flat(wg.trace(function, x)(x)), wanted, strict=True):
        assert (got.dtype, got.shape) == (numpys.dtype, numpys.shape)
        np.testing.assert_allclose(got, numpys, rtol=1e-11, atol=1e-12)
    if x.dtype.kind != "f":
        return
    weights = [rng.normal(size=one.shape) for one in wanted]

    def value(x: Any) -> Any:
        parts = zip(flat(function(x)), weights, strict=True)
        return sum(np.sum(np.where(np.isnan(part), 0, np.sin(part * 1.0)) * weight) for part, weight in parts)

    direction = rng.normal(size=x.shape)
    change = (value(x + 1e-6 * direction) - value(x - 1e-6 * direction)) / 2e-6
    slope = np.where(np.isnan(x), 0, wg.grad(value)(x))
    np.testing.assert_allclose(np.sum(slope * direction), change, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    "function",
    [
        np.gradient, np.nanmean, np.nanvar, np.nanstd, np.vander, np.median, np.poly,
        lambda x: np.gradient(x, np.arange(3.0)), lambda x: np.r_[x, 1.0], lambda x: np.geomspace(x[1], x[2]),
        *[
            lambda x, f=f, m=m, q=q: f(x, q, method=m)
            for f in (np.quantile, np.nanpercentile)
            for m in ("linear", "nearest", "hazen")
            for q in (0.3, [0.3, 0.7], np.float32(0.3))
        ],
    ],
)  # fmt: skip
def test_single_precision_becomes_what_numpy_makes_of_it(function: Any) -> None:
    x = np.array([1, 2, 3.5], np.float32)
    got, wanted = wg.trace(function, x)(x), function(x)
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_shapes_that_follow_from_unknown_values_are_refused_by_name() -> None:
    for name, function in {
        "np.unique": np.unique,
        "np.nonzero": np.nonzero,
        "np.histogram": np.histogram,
    }.items():
        with pytest.raises(ConcreteValueError, match=name):
            wg.trace(function, wg.abstract(5))


def test_sinc_has_all_its_derivatives_at_zero() -> None:
    """1 − (πx)²/6 + (πx)⁴/120 − …"""
    slope = wg.grad(np.sinc)
    curve = wg.grad(slope)
    fourth = wg.grad(wg.grad(curve))
    assert slope(0.0) == 0
    np.testing.assert_allclose([curve(0.0), fourth(0.0)], [-(np.pi**2) / 3, np.pi**4 / 5], rtol=1e-14)


def test_sorting_gives_each_element_its_own_derivative_also_at_ties() -> None:
    x = np.array([2.0, 1.0, 2.0, 1.0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(np.sort(x) * np.arange(4.0)))(x), [2, 0, 3, 1])
    np.testing.assert_array_equal(wg.grad(np.median)(np.array([4.0, 1.0, 3.0, 2.0])), [0, 0, 0.5, 0.5])


def test_edges_of_a_histogram_move_with_the_extremes() -> None:
    def width(x: Any) -> Any:
        edges = np.histogram(x, 4)[1]
        return edges[1] - edges[0]

    np.testing.assert_allclose(wg.grad(width)(np.array([1.0, 3.0, 2.0])), [-0.25, 0.25, 0])
    assert width(np.ones(3)) == wg.trace(width, np.ones(3))(np.ones(3))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize(
    "function",
    [
        np.sort, np.argsort, np.unique, np.diff, np.trapezoid, np.cov, np.vander, np.unwrap, np.nansum,
        lambda x: np.delete(x, []), lambda x: np.insert(x, 0, 1.0), lambda x: np.resize(x, 3),
        lambda x: np.histogram(x, 2)[0], lambda x: np.interp(x, [0, 1.0], [1, 2.0]), lambda x: np.kron(x, x),
        lambda x: np.reshape(x, (-1, 1), order="F"), lambda x: np.searchsorted([0, 1.0], x),
    ],
)  # fmt: skip
def test_few_elements(function: Any, size: int) -> None:
    x = 0.7 * np.arange(1.0, size + 1)
    got, wanted = np.asarray(wg.trace(function, x)(x)), np.asarray(function(x))
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("function", [np.nanargmax, np.nanargmin])
def test_where_all_elements_are_nan_numpys_error_says_where(function: Any) -> None:
    slope = wg.grad(lambda x: x[function(x)] ** 2)
    np.testing.assert_array_equal(slope(np.array([np.nan, 3.0])), [0, 6])
    compiled = wg.compile(slope)
    compiled(np.ones(2))
    for one in (slope, compiled):
        with pytest.raises(ValueError, match=r"^All-NaN slice encountered \(nanarg.*test_more_functions"):
            one(np.array([np.nan, np.nan]))
