"""Counter-based random numbers: a key gives the same numbers on every executor, in any order.

A key is two uint32 words. There is no hidden state: the same key gives the same numbers, `fold_in` and
`split` make new keys from old ones.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import DTypeError, ShapeError
from wengert.ir.composite import composite
from wengert.ir.primitive import Interval, Kind, NotDifferentiable, Primitive, register
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives import reference
from wengert.primitives.kinds import unchanged

UINT32 = np.dtype(np.uint32)
_PIECEWISE = NotDifferentiable("random bits do not depend on their key in a differentiable way")
_WORDS = Interval(0, 2**31, integer=True)


def _check_key(name: str, key_type: TensorType) -> None:
    if key_type.dtype != UINT32 or key_type.shape != (2,):
        raise ShapeError(f"{name}: a key is two uint32 words (see random.key), not {key_type}")


def _uniform_type(key_type: TensorType, *, shape: tuple[int, ...], dtype: np.dtype[Any]) -> TensorType:
    _check_key("random uniform", key_type)
    return tensor_type(shape, dtype)


random_uniform = register(
    Primitive(
        name="random_uniform",
        kind=Kind.RANDOM,
        numpy=lambda key, shape, dtype: reference.random_uniform(key, shape, dtype),
        infer=_uniform_type,
        promote=unchanged,
        vjp=_PIECEWISE,
        python=lambda key, *, shape, dtype: f"random_uniform({{0}}, {shape}, np.{dtype.name})",
        flops=lambda out, operands, params: 25 * out.size,
        domain=(_WORDS,),
        source="Salmon, Moraes, Dror & Shaw 2011 (Philox-4x32-10)",
    )
)


def _fold_type(key_type: TensorType, number: TensorType) -> TensorType:
    _check_key("fold_in", key_type)
    if number.shape != () or number.dtype.kind not in "iu":
        raise ShapeError(f"fold_in: takes a key and one integer, got {number}")
    return key_type


fold_in_primitive = register(
    Primitive(
        name="fold_in",
        kind=Kind.RANDOM,
        numpy=reference.fold_in,
        infer=_fold_type,
        promote=unchanged,
        vjp=_PIECEWISE,
        python="fold_in({0}, {1})",
        flops=lambda out, operands, params: 100,
        domain=(_WORDS, _WORDS),
        source="Salmon, Moraes, Dror & Shaw 2011 (Philox-4x32-10)",
    )
)


def key(seed: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return the key of a seed.

    Parameters
    ----------
    seed : int
        0 ≤ seed < 2⁶⁴.

    Returns
    -------
    ndarray of uint32, shape (2,)

    Raises
    ------
    DTypeError
        When the seed is not such an integer.
    """
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise DTypeError(f"a seed is an integer from 0 to 2**64 - 1, got {seed!r}")
    return np.array([int(seed) & 0xFFFFFFFF, int(seed) >> 32], dtype=np.uint32)


def fold_in(key: Any, number: Any) -> Any:
    """Return a new key made from `key` and an integer, for example a step number.

    Parameters
    ----------
    key : array or tensor of uint32, shape (2,)
    number : int, or integer array or tensor of shape ()
    """
    return fold_in_primitive(key, number)


def split(key: Any, count: int = 2) -> list[Any]:
    """Return `count` independent keys."""
    return [fold_in(key, number) for number in range(count)]


def uniform(key: Any, shape: tuple[int, ...] = (), dtype: Any = np.float64) -> Any:
    """Return numbers drawn uniformly from [0, 1).

    Parameters
    ----------
    key : array or tensor of uint32, shape (2,)
    shape : tuple of int
    dtype : float32 or float64
    """
    dtype = np.dtype(dtype)
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise DTypeError(f"random numbers are float32 or float64, not {dtype}")
    return random_uniform(key, shape=tuple(int(extent) for extent in shape), dtype=dtype)


@composite
def normal(key: Any, shape: tuple[int, ...] = (), dtype: Any = np.float64) -> Any:
    """Return standard normal numbers by the Box–Muller transform √(−2 ln(1 − u)) cos(2π v).

    Parameters
    ----------
    key : array or tensor of uint32, shape (2,)
    shape : tuple of int
    dtype : float32 or float64

    Notes
    -----
    Box & Muller 1958. u < 1, so the logarithm is finite.
    """
    radius, angle = split(key)
    u, v = uniform(radius, shape, dtype), uniform(angle, shape, dtype)
    return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * math.pi * v)


@composite
def bernoulli(key: Any, probability: Any = 0.5, shape: tuple[int, ...] = ()) -> Any:
    """Return booleans that are true with the given probability.

    Parameters
    ----------
    key : array or tensor of uint32, shape (2,)
    probability : float, or array or tensor that broadcasts to `shape`
    shape : tuple of int
    """
    return uniform(key, shape, np.float32) < probability
