"""Random numbers on the device: the words of `wengert.primitives.reference`, bit for bit."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

_FACTORS = 0xD2511F53, 0xCD9E8D57
_STEPS = 0x9E3779B9, 0xBB67AE85
_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def _philox(counter: list[Any], key: Any) -> list[Any]:
    """Philox-4x32-10 of four words each of a counter, held in uint64."""
    words = [jnp.asarray(word, jnp.uint64) for word in counter]
    low, high = (key[place].astype(jnp.uint64) for place in range(2))
    for _ in range(10):
        first, second = words[0] * np.uint64(_FACTORS[0]), words[2] * np.uint64(_FACTORS[1])
        words = [
            (second >> _HALF) ^ words[1] ^ low,
            second & _MASK,
            (first >> _HALF) ^ words[3] ^ high,
            first & _MASK,
        ]
        low, high = (low + np.uint64(_STEPS[0])) & _MASK, (high + np.uint64(_STEPS[1])) & _MASK
    return words


def random_uniform(key: Any, *, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return numbers in [0, 1); see `reference.random_uniform`."""
    size = math.prod(shape)
    per_block = 4 if dtype == np.float32 else 2
    blocks = jnp.arange(-(-size // per_block), dtype=jnp.uint64)
    zero = jnp.zeros_like(blocks)
    words = jnp.stack(_philox([blocks & _MASK, blocks >> _HALF, zero, zero], key), axis=-1)
    if dtype == np.float32:
        values = (words >> np.uint64(8)).astype(jnp.float32) * np.float32(2.0**-24)
    else:
        high, low = words[:, 0::2] >> np.uint64(5), words[:, 1::2] >> np.uint64(6)
        values = (high.astype(jnp.float64) * 2.0**26 + low.astype(jnp.float64)) * 2.0**-53
    return values.reshape(-1)[:size].reshape(shape)


def fold_in(key: Any, number: Any) -> Any:
    """Return a new key made from a key and an integer; see `reference.fold_in`."""
    wide = number.astype(jnp.uint64)
    words = _philox([wide & _MASK, wide >> _HALF, 1, 0], key)
    return jnp.stack([words[0], words[1]]).astype(jnp.uint32)
