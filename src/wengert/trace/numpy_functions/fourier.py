"""numpy.fft and scipy.fft: transforms over one or several axes, with their sizes and norms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import ConfigurationError, ShapeError
from wengert.primitives.library import fourier as primitives
from wengert.trace.numpy_functions.table import array, implements, normalise_axes, normalise_axis, whole
from wengert.trace.tensor import here


def _norm(norm: Any) -> str:
    """Return the norm by name; None is NumPy's and SciPy's default.

    Raises
    ------
    ConfigurationError
        When there is no such norm.
    """
    if norm is None:
        return "backward"
    if norm not in primitives.DUAL:
        raise ConfigurationError(f"norm is 'backward', 'ortho' or 'forward', got {norm!r}{here()}")
    return str(norm)


def _sized(x: Any, n: Any, axis: int) -> Any:
    """Return the first `n` entries along an axis, zeros after the last.

    Raises
    ------
    ShapeError
        When `n` is not positive.
    """
    extent = x.shape[axis]
    size = extent if n is None else whole(n, "n")
    if size < 1:
        raise ShapeError(f"there is nothing to transform: n={size}{here()}")
    if size < extent:
        return x[(slice(None),) * axis + (slice(size),)]
    if size > extent:
        return np.pad(x, [(0, size - extent) if one == axis else (0, 0) for one in range(x.ndim)])
    return x


def _real(name: str, x: Any) -> Any:
    x = array(x)
    if x.dtype.kind == "c":
        raise ConfigurationError(
            f"{name} is of real numbers, not of {x.dtype}: fft takes complex ones{here()}"
        )
    return x


@implements(np.fft.fft)
def fft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
    """np.fft.fft."""
    a = array(a)
    place = normalise_axis(axis, a.ndim)
    return primitives.fft(_sized(a, n, place), axis=place, norm=_norm(norm))


@implements(np.fft.ifft)
def ifft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
    """np.fft.ifft."""
    a = array(a)
    place = normalise_axis(axis, a.ndim)
    return primitives.ifft(_sized(a, n, place), axis=place, norm=_norm(norm))


@implements(np.fft.rfft)
def rfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
    """np.fft.rfft.

    Raises
    ------
    ConfigurationError
        When the signal is complex.
    """
    a = _real("rfft", a)
    place = normalise_axis(axis, a.ndim)
    return primitives.rfft(_sized(a, n, place), axis=place, norm=_norm(norm))


@implements(np.fft.irfft)
def irfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
    """np.fft.irfft; imaginary parts of frequency 0 and of half the sampling rate have no part."""
    a = array(a)
    place = normalise_axis(axis, a.ndim)
    size = 2 * (a.shape[place] - 1) if n is None else whole(n, "n")
    return primitives.irfft(_sized(a, size // 2 + 1, place), n=size, axis=place, norm=_norm(norm))


@implements(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
    """np.fft.hfft."""
    return irfft(np.conjugate(array(a)), n, axis, primitives.DUAL[_norm(norm)])


@implements(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
    """np.fft.ihfft."""
    return np.conjugate(rfft(a, n, axis, primitives.DUAL[_norm(norm)]))


def _sizes_and_axes(a: Any, s: Any, axes: Any, half: bool = False) -> tuple[list[Any], list[int]]:
    """Return the size for each axis that is transformed, by default its extent, and the axes.

    Raises
    ------
    ShapeError
        When there are not as many sizes as axes.
    """
    if axes is None:
        places = list(range(a.ndim))[-len(s) :] if s is not None else list(range(a.ndim))
    else:
        places = [normalise_axis(one, a.ndim) for one in axes]
    sizes = [-1] * len(places) if s is None else list(s)
    if len(sizes) != len(places):
        raise ShapeError(f"{len(sizes)} sizes for {len(places)} axes{here()}")
    if half and not places:
        raise ShapeError(f"at least one axis has to be transformed{here()}")
    return [a.shape[p] if size in (-1, None) else size for size, p in zip(sizes, places, strict=True)], places


def _each(transform: Callable[..., Any], a: Any, s: Any, axes: Any, norm: Any) -> Any:
    a = array(a)
    for size, axis in reversed(list(zip(*_sizes_and_axes(a, s, axes), strict=True))):
        a = transform(a, size, axis, norm)
    return a


@implements(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    """np.fft.fftn."""
    return _each(fft, a, s, axes, norm)


@implements(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    """np.fft.ifftn."""
    return _each(ifft, a, s, axes, norm)


@implements(np.fft.fft2)
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    """np.fft.fft2."""
    return fftn(a, s, axes, norm)


@implements(np.fft.ifft2)
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    """np.fft.ifft2."""
    return ifftn(a, s, axes, norm)


@implements(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    """np.fft.rfftn."""
    a = array(a)
    sizes, places = _sizes_and_axes(a, s, axes, half=True)
    return _each(fft, rfft(a, sizes[-1], places[-1], norm), sizes[:-1], places[:-1], norm)


@implements(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    """np.fft.irfftn."""
    a = array(a)
    sizes, places = _sizes_and_axes(a, s, axes, half=True)
    last = None if s is None else sizes[-1]
    return irfft(_each(ifft, a, sizes[:-1], places[:-1], norm), last, places[-1], norm)


@implements(np.fft.rfft2)
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    """np.fft.rfft2."""
    return rfftn(a, s, axes, norm)


@implements(np.fft.irfft2)
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    """np.fft.irfft2."""
    return irfftn(a, s, axes, norm)


def _shifted(x: Any, axes: Any, sign: int) -> Any:
    x = array(x)
    places = normalise_axes(axes, x.ndim)
    return np.roll(x, tuple(sign * (x.shape[one] // 2) for one in places), places)


@implements(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    """np.fft.fftshift."""
    x = array(x)
    return _shifted(x, axes, 1)


@implements(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    """np.fft.ifftshift."""
    return _shifted(x, axes, -1)


def _trigonometric(is_sine: bool, x: Any, type: int, n: Any, axis: Any, norm: Any, orthogonal: Any) -> Any:
    """Return a cosine or sine transform: the orthogonal one, scaled as the norm says.

    Raises
    ------
    ConfigurationError
        When there is no such type.
    """
    if type not in primitives.INVERSE_TYPE:
        raise ConfigurationError(
            f"cosine and sine transforms have the types 1, 2, 3 and 4, got {type!r}{here()}"
        )
    x = array(x)
    place = normalise_axis(axis, x.ndim)
    x = _sized(x, n, place)
    extent = x.shape[place]
    # The squared norm of a basis vector is half the period of the extended signal, except at the edges.
    period = 2 * (extent + (1 if is_sine else -1)) if type == 1 else 2 * extent
    norm = _norm(norm)
    edges = np.ones(extent, x.dtype if x.dtype.kind == "f" else np.float64)
    if not (norm == "ortho" if orthogonal is None else orthogonal):
        if not is_sine and type < 4:
            edges[0] = math.sqrt(2)
        if (type == 1 and not is_sine) or (is_sine and type in (2, 3)):
            edges[-1] = math.sqrt(2)
    edges = edges.reshape((-1,) + (1,) * (x.ndim - place - 1))
    power = {"backward": 0.5, "ortho": 0.0, "forward": -0.5}[norm]
    transform: Any = primitives.dst if is_sine else primitives.dct
    found = transform(x / edges if type in (1, 3) else x, type=type, axis=place) * period**power
    return found * edges if type in (1, 2) else found


def dct(
    x: Any, type: int = 2, n: Any = None, axis: Any = -1, norm: Any = None, orthogonalize: Any = None
) -> Any:
    """scipy.fft.dct."""
    return _trigonometric(False, x, type, n, axis, norm, orthogonalize)


def dst(
    x: Any, type: int = 2, n: Any = None, axis: Any = -1, norm: Any = None, orthogonalize: Any = None
) -> Any:
    """scipy.fft.dst."""
    return _trigonometric(True, x, type, n, axis, norm, orthogonalize)


def inverted(transform: Callable[..., Any]) -> Callable[..., Any]:
    """Return scipy.fft.idct of `dct`, and idst of `dst`."""

    def inverse(
        x: Any, type: int = 2, n: Any = None, axis: Any = -1, norm: Any = None, orthogonalize: Any = None
    ) -> Any:
        other = primitives.INVERSE_TYPE.get(type, type)
        return transform(x, other, n, axis, primitives.DUAL[_norm(norm)], orthogonalize)

    return inverse


def over_axes(transform: Callable[..., Any]) -> Callable[..., Any]:
    """Return scipy.fft.dctn of `dct`, and the like."""

    def transformed(
        x: Any, type: int = 2, s: Any = None, axes: Any = None, norm: Any = None, *, orthogonalize: Any = None
    ) -> Any:
        def along(a: Any, size: Any, axis: int, norm: Any) -> Any:
            return transform(a, type, size, axis, norm, orthogonalize)

        return _each(along, x, s, axes, norm)

    return transformed
