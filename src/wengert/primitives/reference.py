"""Reference semantics of the operations that NumPy has not under one name.

Each function needs NumPy (and SciPy for `erf`) only and stands alone: `Program.to_python` copies the source
of those a program uses into what it emits, so they carry no annotations.
"""

# mypy: disallow-untyped-defs=False

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ir.emitted_functions import emitted

Array = np.ndarray[Any, Any]


@emitted
def sigmoid(x):
    """1/(1 + exp(−x)) without overflow: only exp(−|x|) is ever computed."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + decay), decay / (1 + decay))


@emitted
def softplus(x):
    """log(1 + exp x) without overflow."""
    return np.logaddexp(0, x)


@emitted
def erf(x):
    """Error function."""
    try:
        from scipy import special
    except ImportError:  # where only this source is, and NumPy
        import math

        return np.vectorize(math.erf, otypes=[x.dtype])(x)
    return special.erf(x)


@emitted
def xlogy(x, y):
    """x log y, and 0 where x is 0 whatever y is."""
    return np.where(x == 0, 0 * x, x * np.log(np.where(x == 0, np.ones_like(y), y)))


# In which sums of numbers of single precision are added up.
WIDER: dict[Any, Any] = {
    np.dtype(np.float32): np.dtype(np.float64),
    np.dtype(np.complex64): np.dtype(np.complex128),
}


def wide_sum(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """Sum whose rounding error does not grow with the number of terms: float32 is added up in float64."""
    wide = WIDER.get(x.dtype)
    if wide is None:
        return np.sum(x, axis=axis, keepdims=keepdims)
    return np.sum(x, axis=axis, dtype=wide, keepdims=keepdims).astype(x.dtype)


@emitted
def logsumexp(x, axis=None, keepdims=False):
    """log of the sum of exp x, shifted by the maximum; −inf where all elements are −inf."""
    top = np.max(x, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    total = (
        np.log(np.sum(np.exp(x - shift), axis=axis, dtype=np.float64, keepdims=True)).astype(x.dtype) + shift
    )
    return total if keepdims else np.squeeze(total, axis=axis)


@emitted
def exp_difference(x, y):
    """exp(x − y), the softmax of x where y is its logsumexp: y = −inf (all of x is −inf) counts as 0."""
    return np.exp(x - np.where(y == -np.inf, np.zeros_like(y), y))


@emitted
def softmax(x, axis=-1):
    """exp x over its sum, shifted by the maximum; 0 where all elements are −inf."""
    top = np.max(x, axis=axis, keepdims=True)
    powers = np.exp(x - np.where(np.isfinite(top), top, 0))
    total = np.sum(powers, axis=axis, keepdims=True)
    return powers / np.where(total == 0, 1, total)


@emitted
def spread(x, low, high, interior):
    """Put zeros before (low), after (high) and between (interior) the elements along each axis."""
    extents = zip(x.shape, low, high, interior, strict=True)
    shape = [before + after + n + max(n - 1, 0) * between for n, before, after, between in extents]
    result = np.zeros(shape, x.dtype)
    places = tuple(
        slice(before, before + n + max(n - 1, 0) * between, between + 1)
        for n, before, between in zip(x.shape, low, interior, strict=True)
    )
    result[places] = x
    return result


@emitted
def scatter_add(updates, *indices, axes, shape):
    """Zeros of `shape` to which `updates` are added at `indices` along `axes`; repeated places add up."""
    result = np.zeros(shape, updates.dtype)
    at = dict(zip(axes, indices, strict=True))
    np.add.at(result, tuple(at.get(axis, slice(None)) for axis in range(len(shape))), updates)
    return result


def gather(x: Any, *indices: Any, axes: Any) -> Any:
    """x at `indices` along `axes`, as NumPy's integer-array indexing."""
    at = dict(zip(axes, indices, strict=True))
    return x[tuple(at.get(axis, slice(None)) for axis in range(x.ndim))]


@emitted
def philox(counter, key):
    """Philox-4x32-10 (Salmon et al. 2011): four words for each four-word counter under a two-word key."""
    words = [word.astype(np.uint64) for word in counter]
    key_low, key_high = (np.uint64(word) for word in key)
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    for _ in range(10):
        first, second = words[0] * np.uint64(0xD2511F53), words[2] * np.uint64(0xCD9E8D57)
        words = [
            (second >> half) ^ words[1] ^ key_low,
            second & mask,
            (first >> half) ^ words[3] ^ key_high,
            first & mask,
        ]
        key_low = (key_low + np.uint64(0x9E3779B9)) & mask
        key_high = (key_high + np.uint64(0xBB67AE85)) & mask
    return words


@emitted
def random_uniform(key, shape, dtype):
    """Uniform numbers of [0, 1): the high 24 bits of one word for float32, 53 bits of two words for float64.

    Element i of float32 is word i mod 4 of counter (i div 4, 0, 0, 0); float64 takes two words each.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64))
    per_block = 4 if dtype == np.float32 else 2
    blocks = np.arange(-(-size // per_block), dtype=np.uint64)
    zero = np.zeros_like(blocks)
    counter = [blocks & np.uint64(0xFFFFFFFF), blocks >> np.uint64(32), zero, zero]
    words = np.stack(philox(counter, key), axis=-1)
    if dtype == np.float32:
        values = (words >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)
    else:
        high, low = words[:, 0::2] >> np.uint64(5), words[:, 1::2] >> np.uint64(6)
        values = (high * np.float64(2**26) + low) * np.float64(2.0**-53)
    return values.reshape(-1)[:size].reshape(shape)


@emitted
def fold_in(key, number):
    """Return a new key from a key and a number: distinct numbers give independent streams."""
    number = np.asarray(number).astype(np.uint64)
    low, high = number & np.uint64(0xFFFFFFFF), number >> np.uint64(32)
    # The third counter word keeps this stream apart from those that `random_uniform` reads.
    words = philox([low, high, np.asarray(1), np.asarray(0)], key)
    return np.array([words[0], words[1]], dtype=np.uint32)
