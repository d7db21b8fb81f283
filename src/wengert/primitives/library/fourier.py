"""Discrete Fourier, cosine and sine transforms along one axis: linear, so their derivatives are transforms.

The matrix of the complex transform is symmetric: it is its own transpose. Of the spectrum of real numbers
half is kept; the transpose of that is an inverse transform, in which each frequency counts as it did before.
"""

# mypy: disallow-untyped-defs=False

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.emitted_functions import emitted
from wengert.ir.primitive import Primitive
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.batching import over_axes
from wengert.primitives.complex_numbers import real_dtype
from wengert.primitives.kinds import DType, floating, library

# The norm that the inverse has of which a transform is the transpose.
DUAL = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
# The types of cosine and sine transforms that are inverse to each other, and where orthogonal transposes.
INVERSE_TYPE = {1: 1, 2: 3, 3: 2, 4: 4}


def complex_dtype(dtype: DType) -> DType:
    """Return the dtype of complex numbers whose parts are of a floating dtype."""
    return np.result_type(dtype, np.complex64)


def _complex(dtypes: Sequence[Any]) -> tuple[DType, ...]:
    return tuple(complex_dtype(dtype) for dtype in floating(dtypes))


def _operations(out: TensorType, types: Sequence[TensorType], params: Any) -> int:
    longest = max(out.shape[params["axis"]], types[0].shape[params["axis"]])
    return int(2.5 * max(out.size, types[0].size) * max(1, math.ceil(math.log2(longest))))


def _along(name: str, x: TensorType, axis: int) -> int:
    """Return how many numbers are transformed together.

    Raises
    ------
    ShapeError
        When there is no such axis, or nothing along it.
    """
    if axis >= x.ndim:
        raise ShapeError(f"{name}: no axis {axis} in an array of shape {x.shape}")
    if not x.shape[axis]:
        raise ShapeError(f"{name}: there is nothing to transform along axis {axis} of shape {x.shape}")
    return x.shape[axis]


def _resized(x: TensorType, axis: int, extent: int, dtype: DType) -> TensorType:
    return tensor_type((*x.shape[:axis], extent, *x.shape[axis + 1 :]), dtype)


def _same(name: str, x: TensorType, axis: int) -> TensorType:
    _along(name, x, axis)
    return x


fft: Primitive = library(
    "fft",
    numpy=np.fft.fft,
    infer=lambda x, axis, norm: _same("fft", x, axis),
    promote=_complex,
    vjp=lambda ct, out, x, axis, norm: (fft(ct, axis=axis, norm=norm),),
    linear=True,
    complex=True,
    flops=_operations,
    batch=over_axes,
    source="DLMF 1.17.27; Cooley & Tukey 1965",
)

ifft: Primitive = library(
    "ifft",
    numpy=np.fft.ifft,
    infer=lambda x, axis, norm: _same("ifft", x, axis),
    promote=_complex,
    vjp=lambda ct, out, x, axis, norm: (ifft(ct, axis=axis, norm=norm),),
    linear=True,
    complex=True,
    flops=_operations,
    batch=over_axes,
    source="DLMF 1.17.27; Cooley & Tukey 1965",
)


def _counts(n: int, ndim: int, axis: int, dtype: DType, of_both: float) -> np.ndarray[Any, Any]:
    """Return 1 for frequency 0 and half the sampling rate, and `of_both` for what has a mirror image."""
    count = np.full(n // 2 + 1, of_both, real_dtype(dtype))
    count[0] = 1
    if n % 2 == 0:
        count[-1] = 1
    return count.reshape((-1,) + (1,) * (ndim - axis - 1))


def _rfft_type(x: TensorType, axis: int, norm: str) -> TensorType:
    return _resized(x, axis, _along("rfft", x, axis) // 2 + 1, complex_dtype(x.dtype))


def _rfft_vjp(ct: Any, out: Any, x: Any, axis: int, norm: str) -> tuple[Any, ...]:
    n = x.shape[axis]
    halved = np.conjugate(ct) * _counts(n, x.ndim, axis, ct.dtype, 0.5)
    return (irfft(halved, n=n, axis=axis, norm=DUAL[norm]),)


rfft = library(
    "rfft",
    numpy=np.fft.rfft,
    infer=_rfft_type,
    promote=floating,
    vjp=_rfft_vjp,
    linear=True,
    flops=_operations,
    batch=over_axes,
    source="DLMF 1.17.27, of which a real signal leaves the first half",
)


def _irfft_type(x: TensorType, n: int, axis: int, norm: str) -> TensorType:
    if _along("irfft", x, axis) != n // 2 + 1 or n < 1:
        raise ShapeError(f"irfft: {x.shape[axis]} frequencies along axis {axis} for a signal of length {n}")
    return _resized(x, axis, n, real_dtype(x.dtype))


def _irfft_vjp(ct: Any, out: Any, x: Any, n: int, axis: int, norm: str) -> tuple[Any, ...]:
    spectrum = np.conjugate(rfft(ct, axis=axis, norm=DUAL[norm]))
    return (spectrum * _counts(n, x.ndim, axis, x.dtype, 2.0),)


irfft = library(
    "irfft",
    numpy=np.fft.irfft,
    infer=_irfft_type,
    promote=_complex,
    vjp=_irfft_vjp,
    linear=True,
    complex=True,
    flops=_operations,
    batch=over_axes,
    source="DLMF 1.17.27, with the mirrored half of the spectrum left out",
)


@emitted
def cosine_transform(x, type, axis):
    """Orthogonal discrete cosine transform of a type from 1 to 4."""
    from scipy import fft

    return fft.dct(x, type=type, axis=axis, norm="ortho")


@emitted
def sine_transform(x, type, axis):
    """Orthogonal discrete sine transform of a type from 1 to 4."""
    from scipy import fft

    return fft.dst(x, type=type, axis=axis, norm="ortho")


def _cosine_type(x: TensorType, type: int, axis: int) -> TensorType:
    if _along("dct", x, axis) < 2 and type == 1:
        raise ShapeError("dct of type 1 is of two numbers or more")
    return x


dct: Primitive = library(
    "dct",
    numpy=cosine_transform,
    infer=_cosine_type,
    vjp=lambda ct, out, x, type, axis: (dct(ct, type=INVERSE_TYPE[type], axis=axis),),
    linear=True,
    complex=True,
    flops=_operations,
    batch=over_axes,
    source="Rao & Yip, Discrete Cosine Transform (1990), 2.2",
)

dst: Primitive = library(
    "dst",
    numpy=sine_transform,
    infer=lambda x, type, axis: _same("dst", x, axis),
    vjp=lambda ct, out, x, type, axis: (dst(ct, type=INVERSE_TYPE[type], axis=axis),),
    linear=True,
    complex=True,
    flops=_operations,
    batch=over_axes,
    source="Rao & Yip, Discrete Cosine Transform (1990), 2.4",
)
