"""scipy.signal in traced functions: filters, convolutions and frequency responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, ShapeError, UnsupportedFunctionError
from wengert.primitives.library.recursion import recurrence
from wengert.trace.numpy_functions import fourier
from wengert.trace.numpy_functions.table import array, normalise_axis
from wengert.trace.recorder import here
from wengert.trace.scipy.known import along_axis, scipys, where_traced

_numpy: Any = np
_LIBRARY = "scipy.signal"


def _coefficients(*values: Any) -> list[Any]:
    """Return coefficients and signals as arrays of one floating or complex dtype."""
    arrays = [array(value) for value in values]
    dtype = _numpy.result_type(*[one.dtype for one in arrays], np.float32)
    return [one.astype(dtype) if one.dtype != dtype else one for one in arrays]


def _filtered(b: Any, a: Any, x: Any, zi: Any = None) -> tuple[Any, Any]:
    """Return the filtered signal along the last axis, and the state after it (None without `zi`)."""
    extent = x.shape[-1]
    before = _numpy.concatenate([np.zeros((*x.shape[:-1], b.shape[0] - 1), x.dtype), x], axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(before, b.shape[0], axis=-1)
    driven = windows @ b[::-1]
    if zi is None:
        return (recurrence(a, driven) if a.shape[0] > 1 else driven / a[0]), None
    kept = min(zi.shape[-1], extent)
    # The state of the transposed form is added to what comes first.
    head = a[0] * zi[..., :kept]
    driven = driven + _numpy.pad(head, [(0, 0)] * (zi.ndim - 1) + [(0, extent - kept)])
    y = recurrence(a, driven)
    return y, _state(b / a[0], a / a[0], x, y, zi)


def _state(b: Any, a: Any, x: Any, y: Any, zi: Any) -> Any:
    extent, order = x.shape[-1], zi.shape[-1]
    parts = []
    for place in range(order):
        later = place + extent
        total = zi[..., later] if later < order else np.zeros(zi.shape[:-1], zi.dtype)
        for k in range(place + 1, order + 1):
            at = extent - k + place
            if at >= 0 and k < b.shape[0]:
                total = total + b[k] * x[..., at]
            if at >= 0 and k < a.shape[0]:
                total = total - a[k] * y[..., at]
        parts.append(total + np.zeros(y.shape[:-1], y.dtype))
    return np.stack(parts, axis=-1)


def _vector(name: str, value: Any) -> Any:
    value = _numpy.atleast_1d(array(value))
    if value.ndim != 1 or not value.size:
        raise ShapeError(f"scipy.signal: the coefficients {name} have shape {value.shape}, not (n,){here()}")
    return value


@where_traced(_LIBRARY, "lfilter")
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """scipy.signal.lfilter: the moving sum of `b`, then the recursion of `a`."""
    b, a, x = _coefficients(_vector("b", b), _vector("a", a), x)
    axis = normalise_axis(axis, x.ndim)
    order = max(a.shape[0], b.shape[0]) - 1
    state = None
    if zi is not None:
        state = _numpy.moveaxis(array(zi), axis, -1)
        if state.shape[-1] != order or state.ndim != x.ndim:
            raise ShapeError(
                f"scipy.signal.lfilter: zi has shape {np.shape(zi)}; {order} states along axis {axis}{here()}"
            )
        state = state + np.zeros((*x.shape[:axis], *x.shape[axis + 1 :], 1), x.dtype)
    y, after = _filtered(b, a, _numpy.moveaxis(x, axis, -1), state)
    y = _numpy.moveaxis(y, -1, axis)
    return y if zi is None else (y, _numpy.moveaxis(after, -1, axis))


@where_traced(_LIBRARY, "lfilter_zi")
def lfilter_zi(b: Any, a: Any) -> Any:
    """scipy.signal.lfilter_zi: the state that answers a step of height 1 by a constant."""
    b, a = _coefficients(_vector("b", b), _vector("a", a))
    extent = max(a.shape[0], b.shape[0])
    b, a = (_numpy.pad(one / a[0], (0, extent - one.shape[0])) for one in (b, a))
    companion = _numpy.concatenate([-a[None, 1:], np.eye(extent - 2, extent - 1, dtype=a.dtype)], axis=0)
    return _numpy.linalg.solve(np.eye(extent - 1, dtype=a.dtype) - companion.T, b[1:] - a[1:] * b[0])


def _sections(sos: Any, x: Any) -> tuple[Any, Any]:
    sos, x = _coefficients(sos, x)
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ShapeError(f"scipy.signal: the sections have shape {sos.shape}, not (n, 6){here()}")
    return sos, x


@where_traced(_LIBRARY, "sosfilt")
def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """scipy.signal.sosfilt: one section after the other."""
    sos, x = _sections(sos, x)
    axis = normalise_axis(axis, x.ndim)
    y = _numpy.moveaxis(x, axis, -1)
    states: list[Any] = []
    for number in range(sos.shape[0]):
        zero = None if zi is None else _numpy.moveaxis(array(zi)[number], axis, -1)
        y, after = _filtered(sos[number, :3], sos[number, 3:], y, zero)
        states.append(None if zi is None else _numpy.moveaxis(after, -1, axis))
    y = _numpy.moveaxis(y, -1, axis)
    return y if zi is None else (y, np.stack(states))


def _extended(x: Any, padtype: Any, padlen: int) -> Any:
    """Return the signal along the last axis with `padlen` more values at both ends."""
    if padtype not in ("odd", "even", "constant", None):
        raise ConfigurationError(f"padtype {padtype!r} is none of odd, even, constant, None{here()}")
    if padtype is None or not padlen:
        return x
    if x.shape[-1] <= padlen:
        raise ShapeError(f"the signal has {x.shape[-1]} values; padlen {padlen} takes more{here()}")
    first, last = x[..., padlen:0:-1], x[..., -2 : -padlen - 2 : -1]
    if padtype == "odd":
        first, last = 2 * x[..., :1] - first, 2 * x[..., -1:] - last
    elif padtype == "constant":
        first, last = 0 * first + x[..., :1], 0 * last + x[..., -1:]
    return _numpy.concatenate([first, x, last], axis=-1)


def _both_ways(apply: Callable[[Any], Any], x: Any, axis: int, padtype: Any, padlen: int) -> Any:
    axis = normalise_axis(axis, x.ndim)
    extended = _extended(_numpy.moveaxis(x, axis, -1), padtype, padlen)
    y = np.flip(apply(np.flip(apply(extended), -1)), -1)
    cut = (y.shape[-1] - x.shape[axis]) // 2
    return _numpy.moveaxis(y[..., cut : cut + x.shape[axis]], -1, axis)


@where_traced(_LIBRARY, "filtfilt")
def filtfilt(
    b: Any, a: Any, x: Any, axis: int = -1, padtype: Any = "odd", padlen: Any = None,
    method: str = "pad", irlen: Any = None,
) -> Any:  # fmt: skip
    """scipy.signal.filtfilt: forward and backward, from the state of a constant signal."""
    if method != "pad":
        raise UnsupportedFunctionError(f"scipy.signal.filtfilt: method={method!r} has no rule{here()}")
    b, a, x = _coefficients(_vector("b", b), _vector("a", a), x)
    start = lfilter_zi(b, a)
    padlen = 3 * max(a.shape[0], b.shape[0]) if padlen is None else padlen
    return _both_ways(lambda y: _filtered(b, a, y, start * y[..., :1])[0], x, axis, padtype, padlen)


@where_traced(_LIBRARY, "sosfiltfilt")
def sosfiltfilt(sos: Any, x: Any, axis: int = -1, padtype: Any = "odd", padlen: Any = None) -> Any:
    """scipy.signal.sosfiltfilt, with sections that are known unless `padlen` is given."""
    sos, x = _sections(sos, x)
    if padlen is None:
        taps = 2 * sos.shape[0] + 1
        ends = [int(np.sum(np.asarray(sos)[:, place] == 0)) for place in (2, 5)]
        padlen = 3 * (taps - min(ends))
    starts, scale = [], np.ones((), x.dtype)
    for number in range(sos.shape[0]):
        b, a = sos[number, :3], sos[number, 3:]
        starts.append(scale * lfilter_zi(b, a))
        scale = scale * np.sum(b) / np.sum(a)

    def apply(y: Any) -> Any:
        first = y[..., :1]
        for number, start in enumerate(starts):
            y, _ = _filtered(sos[number, :3], sos[number, 3:], y, start * first)
        return y

    return _both_ways(apply, x, axis, padtype, padlen)


@where_traced(_LIBRARY, "freqz")
def freqz(
    b: Any, a: Any = 1, worN: Any = 512, whole: bool = False, plot: Any = None,
    fs: Any = 2 * np.pi, include_nyquist: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """scipy.signal.freqz: the quotient of the polynomials of z⁻¹ on the unit circle."""
    w, _ = scipys(_LIBRARY, "freqz")([1.0], 1, worN, whole, fs=fs, include_nyquist=include_nyquist)
    turn = np.exp(-2j * np.pi * np.multiply.outer(w / fs, np.arange(max(np.size(b), np.size(a)))))
    b, a = _vector("b", b), _vector("a", a)
    return w, (turn[:, : b.shape[0]] @ b) / (turn[:, : a.shape[0]] @ a)


def _cropped(full: Any, mode: str, ones: Any, others: Any) -> Any:
    """Return the part of a full convolution that `mode` asks for."""
    if mode == "full":
        return full
    extents = ones if mode == "same" else [one - other + 1 for one, other in zip(ones, others, strict=True)]
    starts = [(total - extent) // 2 for total, extent in zip(full.shape, extents, strict=True)]
    return full[tuple(slice(at, at + extent) for at, extent in zip(starts, extents, strict=True))]


def _pair(name: str, in1: Any, in2: Any, mode: str) -> tuple[Any, Any, bool]:
    """Return two arrays, for the mode 'valid' the larger one first, and whether they changed places."""
    one, other = array(in1), array(in2)
    if one.ndim != other.ndim or mode not in ("full", "same", "valid"):
        raise ShapeError(
            f"scipy.signal.{name}: mode {mode!r} of shapes {one.shape} and {other.shape}{here()}"
        )
    pairs = list(zip(one.shape, other.shape, strict=True))
    if mode != "valid" or all(mine >= its for mine, its in pairs):
        return one, other, False
    if any(mine > its for mine, its in pairs):
        raise ShapeError(
            f"scipy.signal.{name}: mode 'valid' of shapes {one.shape} and {other.shape}: one must be "
            f"at least as large as the other along every axis{here()}"
        )
    return other, one, True


@where_traced(_LIBRARY, "convolve")
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """scipy.signal.convolve, over all axes."""
    one, other, _ = _pair("convolve", in1, in2, mode)
    padded = np.pad(one, [(extent - 1,) * 2 if mode != "valid" else (0, 0) for extent in other.shape])
    windows = np.lib.stride_tricks.sliding_window_view(padded, other.shape)
    found = np.tensordot(windows, np.flip(other), axes=other.ndim)
    return found if mode == "valid" else _cropped(found, mode, one.shape, other.shape)


@where_traced(_LIBRARY, "correlate")
def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """scipy.signal.correlate: the convolution with the conjugate, backward."""
    one, other, exchanged = _pair("correlate", in1, in2, mode)
    found = convolve(one, np.conjugate(np.flip(other)), mode)
    return np.conjugate(np.flip(found)) if exchanged else found


@where_traced(_LIBRARY, "fftconvolve")
def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """scipy.signal.fftconvolve over all axes, as the product of the spectra."""
    if axes is not None:
        raise UnsupportedFunctionError(f"scipy.signal.fftconvolve: the option axes= has no rule{here()}")
    one, other, _ = _pair("fftconvolve", in1, in2, mode)
    sizes = [mine + its - 1 for mine, its in zip(one.shape, other.shape, strict=True)]
    axes = list(range(one.ndim))
    if "c" in (one.dtype.kind, other.dtype.kind):
        spectrum = fourier.fftn(one, sizes, axes) * fourier.fftn(other, sizes, axes)
        full = fourier.ifftn(spectrum, sizes, axes)
    else:
        spectrum = fourier.rfftn(one, sizes, axes) * fourier.rfftn(other, sizes, axes)
        full = fourier.irfftn(spectrum, sizes, axes)
    return _cropped(full, mode, one.shape, other.shape)


def _in_the_plane(of: Callable[..., Any]) -> Callable[..., Any]:
    """Return scipy.signal.convolve2d or correlate2d, by the function of any number of axes."""

    def applied(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: float = 0) -> Any:
        if boundary != "fill" or fillvalue != 0:
            raise UnsupportedFunctionError(
                f"scipy.signal: of traced images, {boundary=}, {fillvalue=} has no rule; scipy.ndimage has "
                f"borders of all kinds{here()}"
            )
        return of(in1, in2, mode)

    return applied


@where_traced(_LIBRARY, "medfilt")
def medfilt(volume: Any, kernel_size: Any = 3) -> Any:
    """scipy.signal.medfilt: medians of windows, with zeros beyond the ends."""
    x = array(volume)
    sizes = tuple(np.broadcast_to(3 if kernel_size is None else kernel_size, x.ndim).tolist())
    padded = _numpy.pad(x, [(size // 2, size // 2) for size in sizes])
    windows = np.lib.stride_tricks.sliding_window_view(padded, sizes)
    return _numpy.median(windows, axis=tuple(range(x.ndim, 2 * x.ndim)))


@where_traced(_LIBRARY, "welch")
def welch(
    x: Any, fs: float = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None,
    nfft: Any = None, detrend: Any = "constant", return_onesided: bool = True, scaling: str = "density",
    axis: int = -1, average: str = "mean",
) -> tuple[Any, Any]:  # fmt: skip
    """scipy.signal.welch of real signals: the mean of the spectra of segments that overlap."""
    x = array(x)
    axis = normalise_axis(axis, x.ndim)
    if detrend not in ("constant", False) or x.dtype.kind == "c" or not return_onesided or average != "mean":
        raise UnsupportedFunctionError(
            f"scipy.signal.welch: of traced signals, real ones with detrend='constant' or False, one side "
            f"and average='mean' have a rule{here()}"
        )
    known = isinstance(window, (str, tuple))
    length = min(x.shape[axis], nperseg or (256 if known else len(window)))
    taper = scipys(_LIBRARY, "get_window")(window, length) if known else np.asarray(window)
    overlap = length // 2 if noverlap is None else noverlap
    nfft = length if nfft is None else nfft
    windows = np.lib.stride_tricks.sliding_window_view(_numpy.moveaxis(x, axis, -1), length, axis=-1)
    segments = windows[..., :: length - overlap, :]
    if detrend:
        segments = segments - np.mean(segments, axis=-1, keepdims=True)
    power = np.abs(fourier.rfft(segments * taper, nfft)) ** 2
    power = power / (fs * np.sum(taper**2) if scaling == "density" else np.sum(taper) ** 2)
    twice = np.full(power.shape[-1], 2.0)
    twice[0] = 1.0
    twice[-1] = 1.0 if nfft % 2 == 0 else 2.0
    density = np.mean(power * twice, axis=-2)
    return np.fft.rfftfreq(nfft, 1 / fs), _numpy.moveaxis(density, -1, axis)


@where_traced(_LIBRARY, "periodogram")
def periodogram(
    x: Any, fs: float = 1.0, window: Any = "boxcar", nfft: Any = None, detrend: Any = "constant",
    return_onesided: bool = True, scaling: str = "density", axis: int = -1,
) -> tuple[Any, Any]:  # fmt: skip
    """scipy.signal.periodogram: one segment, which is the signal."""
    extent = np.shape(x)[axis]
    return tuple(welch(x, fs, window or "boxcar", extent, 0, nfft, detrend, return_onesided, scaling, axis))


# What stands in traced functions for functions of scipy.signal.
IN_TRACES: dict[str, Any] = {
    **{
        function.__name__: function
        for function in (
            lfilter, lfilter_zi, sosfilt, filtfilt, sosfiltfilt, freqz, convolve, correlate, fftconvolve,
            medfilt, welch, periodogram,
        )
    },
    "convolve2d": where_traced(_LIBRARY, "convolve2d")(_in_the_plane(convolve)),
    "correlate2d": where_traced(_LIBRARY, "correlate2d")(_in_the_plane(correlate)),
    "oaconvolve": where_traced(_LIBRARY, "oaconvolve")(fftconvolve),
    **{name: along_axis(_LIBRARY, name) for name in ("detrend", "savgol_filter", "hilbert")},
    "resample": along_axis(_LIBRARY, "resample", 0),
    "decimate": along_axis(_LIBRARY, "decimate"),
}  # fmt: skip
