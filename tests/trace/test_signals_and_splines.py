"""SciPy's filters, splines and image filters on tensors: SciPy's values, and derivatives by differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import interpolate, ndimage, signal
from scipy.interpolate import CubicSpline
from tests.derivatives import differences

import wengert as wg
from wengert.errors import ConfigurationError, ShapeError, UnsupportedFunctionError

rng = np.random.default_rng(11)
X = rng.normal(size=24)
ROWS = rng.normal(size=(2, 24))
IMAGE = rng.normal(size=(5, 6))
KNOTS = np.array([0.0, 0.4, 1.1, 1.5, 2.3, 3.0, 3.2])
Y = np.sin(2 * KNOTS) + 0.1
TABLE = rng.normal(size=(2, 7))
AT = np.array([[0.2, 0.9], [1.7, 2.9]])
SECTIONS = signal.butter(3, 0.3, output="sos")
STATE = rng.normal(size=2)
SPLINE = interpolate.make_interp_spline(KNOTS, Y, 3)
COLUMNS = CubicSpline(KNOTS, TABLE, axis=1)


def after(pair: Any) -> Any:
    """Return a signal and the state after it as one array."""
    return np.concatenate(pair, axis=-1)


def spline(make: Any, **options: Any) -> Any:
    return lambda y: make(KNOTS, y, **options)(AT)


def of_itself(function: Any, part: Any, **options: Any) -> Any:
    return lambda x: function(x, x[part], **options)


FUNCTIONS: dict[str, tuple[Any, np.ndarray]] = {
    "lfilter": (lambda x: signal.lfilter([0.3, 0.1, 0.2], [2.0, -0.5], x), X),
    "lfilter by its coefficients": (lambda c: signal.lfilter(c[:3], c[3:], X), rng.normal(size=6) / 4 + 1),
    "lfilter without feedback": (lambda x: signal.lfilter(x[:3], 2.0, x), X),
    "lfilter along axis 0": (lambda x: signal.lfilter([1.0], [1.0, -0.4, 0.1], x, axis=0), ROWS.T),
    "lfilter from a state": (lambda x: after(signal.lfilter(x[:3], [1.5, 0.2], x[3:], zi=STATE + x[0])), X),
    "a short signal and a long state": (
        lambda x: after(signal.lfilter([1.0, 0.2, 0.1, 0.4], [2.0, 0.3], x, zi=[0.1, 0.2, 0.3])),
        X[:2],
    ),
    "a loop over values in a list": (lambda p: signal.lfilter([1 - p[0]], [1, -p[0]], X), np.array([0.4])),
    "sosfilt": (lambda x: signal.sosfilt(SECTIONS, x), ROWS),
    "sosfilt from a state": (
        lambda x: signal.sosfilt(SECTIONS, x, zi=signal.sosfilt_zi(SECTIONS))[0],
        X,
    ),
    "filtfilt": (lambda x: signal.filtfilt([0.2, 0.3], [1.0, -0.5], x), ROWS),
    "filtfilt by its coefficients": (
        lambda c: signal.filtfilt(c[:2], c[2:], X, padtype="even", padlen=5),
        np.array([0.2, 0.3, 1.0, -0.5]),
    ),
    "sosfiltfilt": (lambda x: signal.sosfiltfilt(SECTIONS, x, padtype="constant"), X),
    "freqz": (lambda c: np.abs(signal.freqz(c[:2], c[2:], 8)[1]), np.array([0.2, 0.3, 1.0, -0.5])),
    **{
        f"{function.__name__}, {mode}": (of_itself(function, np.s_[:4, 1:4], mode=mode), IMAGE)
        for function in (signal.correlate, signal.fftconvolve)
        for mode in ("full", "same", "valid")
    },
    "correlate with a larger one": (lambda x: signal.correlate(x, IMAGE, "valid"), IMAGE[:2, :3]),
    "savgol_filter": (lambda x: signal.savgol_filter(x, 5, 2), ROWS),
    "savgol_filter, a border of ones": (
        lambda x: signal.savgol_filter(x, 5, 2, mode="constant", cval=1.0), X
    ),
    "detrend": (lambda x: signal.detrend(x, axis=0), ROWS.T),
    "resample": (lambda x: signal.resample(x, 10), X),
    "envelope": (lambda x: np.abs(signal.hilbert(x)), X),
    "medfilt": (lambda x: signal.medfilt(x, 5), X),
    "welch": (lambda x: signal.welch(x, 10.0, nperseg=8)[1] + signal.welch(x, nperseg=9, nfft=9)[1], ROWS),
    "periodogram": (lambda x: signal.periodogram(x, scaling="spectrum", axis=0)[1], ROWS.T),
    "convolve2d": (
        lambda x: signal.convolve2d(x, x[:2, :3], "same") * signal.correlate2d(x, x[:3, :3], mode="same"),
        IMAGE,
    ),
    "CubicSpline": (lambda y: CubicSpline(KNOTS, y)(AT) + CubicSpline(KNOTS, y, bc_type="natural")(AT, 1), Y),
    "CubicSpline with slopes at its ends": (
        spline(CubicSpline, bc_type=((1, 0.5), (2, -1.0))), Y
    ),
    "CubicSpline, periodic": (lambda y: spline(CubicSpline, bc_type="periodic")(np.append(y, y[0])), Y[:6]),
    "CubicSpline along axis 1": (spline(CubicSpline, axis=1), TABLE),
    "CubicSpline at traced places": (lambda y: CubicSpline(KNOTS, y)(0.3 * y**2), Y),
    "the integral of a spline": (
        lambda y: CubicSpline(KNOTS, y).integrate(0.2, 2.0) + CubicSpline(KNOTS, y).antiderivative()(0.9), Y
    ),
    "the curvature of a spline": (lambda y: CubicSpline(KNOTS, y).derivative(2)(AT), Y),
    "the coefficients of a spline": (lambda y: CubicSpline(KNOTS, y).c, Y),
    "make_interp_spline": (spline(interpolate.make_interp_spline, k=2), Y),
    "make_interp_spline with conditions": (
        spline(interpolate.make_interp_spline, bc_type=([(1, 0.2)], [(2, 0.1)])), Y
    ),
    "BSpline by its coefficients": (lambda c: interpolate.BSpline(SPLINE.t, c, 3)(AT), Y),
    "BSpline at traced places": (lambda x: SPLINE(x) + SPLINE(x, 1), AT),
    "a table of splines at traced places": (lambda x: COLUMNS(x), AT),
    "make_smoothing_spline": (spline(interpolate.make_smoothing_spline, lam=0.1), Y),
    "PchipInterpolator": (spline(interpolate.PchipInterpolator, axis=1), TABLE),
    "Akima1DInterpolator": (spline(interpolate.Akima1DInterpolator), Y),
    "Akima1DInterpolator, makima": (spline(interpolate.Akima1DInterpolator, method="makima"), Y),
    "CubicHermiteSpline": (lambda y: interpolate.CubicHermiteSpline(KNOTS, y, y**2)(AT), Y),
    **{f"interp1d, {kind}": (spline(interpolate.interp1d, kind=kind, axis=-1), TABLE)
       for kind in ("linear", "quadratic", "cubic", "previous")},
    "interp1d beyond its ends": (
        lambda y: interpolate.interp1d(KNOTS, y, fill_value="extrapolate")(AT - 1)
        + interpolate.interp1d(KNOTS, y, bounds_error=False, fill_value=(2.0, 3.0))(2 * AT),
        Y,
    ),
    "RBFInterpolator": (lambda d: interpolate.RBFInterpolator(KNOTS[:, None], d)(AT.reshape(-1, 1)), Y),
    "RegularGridInterpolator": (
        lambda v: interpolate.RegularGridInterpolator((range(5), range(6)), v)(AT + v[1, 1] / 10), IMAGE
    ),
    "gaussian_filter": (lambda x: ndimage.gaussian_filter(x, (1.0, 0.5), order=(0, 1)), IMAGE),
    "uniform_filter": (lambda x: ndimage.uniform_filter(x, 3, mode="constant", cval=2.0), IMAGE),
    "edges of an image": (
        lambda x: ndimage.sobel(x, 0) * ndimage.prewitt(x, 1, mode="wrap") + ndimage.laplace(x), IMAGE
    ),
    **{
        f"ndimage.{function.__name__}, {mode}": (
            of_itself(function, np.s_[:2, :3], mode=mode, cval=0.5), IMAGE
        )
        for function in (ndimage.correlate, ndimage.convolve)
        for mode in ("reflect", "mirror", "nearest", "wrap", "constant")
    },
    "filters of order": (
        lambda x: ndimage.median_filter(x, (3, 2)) * ndimage.maximum_filter(x, 3)
        + ndimage.minimum_filter(x, 2, mode="wrap"),
        IMAGE,
    ),
    "map_coordinates": (
        lambda x: ndimage.map_coordinates(x, [1.5 + x[0] / 3, 0.7 + x[1] / 3], order=1)
        + ndimage.map_coordinates(x, 6 * x[:2], order=0, mode="nearest"),
        IMAGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives(name: str) -> None:
    function, x = FUNCTIONS[name]
    wanted = function(x)
    np.testing.assert_allclose(wg.trace(function, x)(x), wanted, rtol=1e-10, atol=1e-12)
    weights = np.cos(np.arange(float(np.size(wanted)))).reshape(np.shape(wanted))

    def value(x: Any) -> Any:
        return np.sum(np.sin(function(x)) * weights)

    direction, other = np.random.default_rng(len(name)).normal(size=(2, *x.shape))
    slope = wg.grad(value)
    np.testing.assert_allclose(
        np.sum(slope(x) * direction), differences(value, x, direction), rtol=1e-6, atol=1e-9
    )

    def along(x: Any) -> Any:
        return np.sum(slope(x) * direction)

    curve = np.sum(wg.grad(along)(x) * other)
    np.testing.assert_allclose(curve, differences(along, x, other), rtol=1e-6, atol=1e-8)


def test_a_batch_of_filters_and_of_splines() -> None:
    poles = np.array([0.1, -0.5, 0.8])
    rows = rng.normal(size=(3, 10))

    def filtered(p: Any, x: Any) -> Any:
        return signal.lfilter([1.0], [1.0, -p], x)

    for axes in ((0, 0), (0, None), (None, 0)):
        pole, row = (one if axis == 0 else one[0] for axis, one in zip(axes, (poles, rows), strict=True))
        wanted = [filtered(poles[i if axes[0] == 0 else 0], rows[i if axes[1] == 0 else 0]) for i in range(3)]
        np.testing.assert_allclose(wg.vmap(filtered, axes)(pole, row), wanted, rtol=1e-12)
    assert np.allclose(wg.vmap(wg.grad(lambda x: SPLINE(x)))(AT[0]), SPLINE(AT[0], 1))
    moved = wg.vmap(lambda x: ndimage.map_coordinates(IMAGE, [x, x / 2], order=1))(AT)
    np.testing.assert_allclose(moved, ndimage.map_coordinates(IMAGE, [AT, AT / 2], order=1))
    curves = wg.vmap(lambda y: CubicSpline(KNOTS, y)(AT))(TABLE)
    np.testing.assert_allclose(curves, CubicSpline(KNOTS, TABLE, axis=1)(AT), rtol=1e-12)


def test_a_compiled_filter_is_fitted() -> None:
    wanted = signal.lfilter([0.5], [1.0, -0.5], X)
    slope = wg.compile(wg.grad(lambda p: np.mean((signal.lfilter([1 - p], [1, -p], X) - wanted) ** 2)))
    p = 0.1
    for _ in range(60):
        p = p - 0.3 * slope(p)
    assert p == pytest.approx(0.5, abs=1e-6)


def test_complex_signals_are_filtered() -> None:
    z = X + 1j * X[::-1]
    assert wg.check_grad(lambda z: np.sum(np.abs(signal.lfilter([1.0, 0.2j], [1.0, -0.5j], z)) ** 2), z)


def test_of_known_arguments_scipy_computes() -> None:
    def mixed(x: Any) -> Any:
        b, a = signal.butter(2, 0.2)
        return x * signal.lfilter(b, a, X)[-1] * ndimage.gaussian_filter(IMAGE, 1.0)[0, 0]

    b, a = signal.butter(2, 0.2)
    wanted = signal.lfilter(b, a, X)[-1] * ndimage.gaussian_filter(IMAGE, 1.0)[0, 0]
    assert wg.grad(mixed)(1.0) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("function", "x", "error", "message"),
    [
        (lambda x: CubicSpline(x, Y)(0.5), KNOTS, UnsupportedFunctionError, "a traced x has no rule"),
        (
            lambda y: CubicSpline(KNOTS, y, bc_type="periodic")(0.5),
            Y, ConfigurationError, "same value at both ends",
        ),
        (lambda x: signal.detrend(x), np.zeros(5000), ShapeError, "5000 elements along the axis"),
        (lambda x: signal.lfilter([1.0], [[1.0]], x), X, ShapeError, r"coefficients a have shape \(1, 1\)"),
        (
            lambda x: signal.filtfilt([1.0], [1.0, 0.2], x), X[:4],
            ShapeError, "the signal has 4 values; padlen 6",
        ),
        (
            lambda x: signal.filtfilt([1.0], [1.0, 0.2], x, method="gust"), X,
            UnsupportedFunctionError, "method='gust' has no rule",
        ),
        (
            lambda x: signal.fftconvolve(x, IMAGE), X,
            ShapeError, r"mode 'full' of shapes \(24,\) and \(5, 6\)",
        ),
        (
            lambda x: ndimage.map_coordinates(x, [[0.5], [0.5]]), IMAGE,
            UnsupportedFunctionError, "order=0 and order=1",
        ),
        (
            lambda y: interpolate.interp1d(KNOTS, y)(9.0), Y,
            ConfigurationError, r"a place outside of \[0.0, 3.2\]",
        ),
        (
            lambda d: interpolate.RBFInterpolator(KNOTS[:, None], d)(d[:, None]), Y,
            UnsupportedFunctionError, "RBFInterpolator: traced places have no rule",
        ),
    ],
)  # fmt: skip
def test_what_has_no_rule_is_named(function: Any, x: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        wg.trace(function, x)
