"""What a line is in JAX: by the name of its universal function where it has one, by a table elsewhere.

A primitive that stands in neither is written out in simpler ones, or left to NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from wengert.ir.primitive import Primitive
from wengert.primitives.contraction import LONG
from wengert.primitives.reference import WIDER
from wengert.run.xla import device_random

Operation = Callable[..., Any]


def operation_of(primitive: Primitive) -> Operation | None:
    """Return the function of JAX arrays that a primitive is, None where there is none.

    It takes the operands and the parameters, and gives the value.
    """
    own = OPERATIONS.get(primitive.name)
    if own is None and isinstance(primitive.numpy, np.ufunc):
        named: Operation | None = getattr(jnp, primitive.numpy.__name__, None)
        return named
    return own


def _converted(x: Any, dtype: np.dtype[Any]) -> Any:
    """x in another dtype; what an integer cannot hold becomes its nearest value, and NaN 0."""
    if x.dtype.kind == "c" and dtype.kind not in "cb":
        x = x.real
    if x.dtype.kind != "f" or dtype.kind not in "iu":
        return x.astype(dtype)
    limits = np.iinfo(dtype)
    whole = jnp.trunc(x)
    above, below = whole >= float(limits.max) + 1, whole < float(limits.min)
    inside = jnp.where(above | below | jnp.isnan(x), 0, x).astype(dtype)
    least, most = np.array(limits.min, dtype), np.array(limits.max, dtype)
    return jnp.where(above, most, jnp.where(below, least, inside))


def _floor_divide(x: Any, y: Any) -> Any:
    """x // y, which is 0 for integers where y is 0; for floats with NumPy's signs of 0."""
    if x.dtype.kind != "f":
        return jnp.where(y == 0, jnp.zeros((), x.dtype), jnp.floor_divide(x, jnp.where(y == 0, 1, y)))
    rest = jnp.fmod(x, y)
    exact = (x - rest) / y - ((rest != 0) & ((y < 0) != (rest < 0)))
    below = jnp.floor(exact)
    nearest = jnp.where(exact == 0, jnp.copysign(0, x / y), below + (exact - below > 0.5))
    return jnp.where(y == 0, x / y, nearest).astype(x.dtype)


def _remainder(x: Any, y: Any) -> Any:
    """x − y·(x // y), of the sign of y, which is 0 for integers where y is 0."""
    if x.dtype.kind != "f":
        return jnp.where(y == 0, jnp.zeros((), x.dtype), jnp.remainder(x, jnp.where(y == 0, 1, y)))
    rest = jnp.fmod(x, y)
    moved = jnp.where((y < 0) != (rest < 0), rest + y, rest)
    return jnp.where(rest == 0, jnp.copysign(jnp.zeros((), x.dtype), y), moved)


def _fmod(x: Any, y: Any) -> Any:
    """The remainder of the sign of x, which is 0 for integers where y is 0."""
    if x.dtype.kind == "f":
        return jnp.fmod(x, y)
    return jnp.where(y == 0, jnp.zeros((), x.dtype), jnp.fmod(x, jnp.where(y == 0, 1, y)))


def _summing(function: Operation) -> Operation:
    """Return a sum or mean in which long sums of float32 are added up in float64."""

    def reduction(x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
        wide = WIDER.get(x.dtype) if math.prod(x.shape[axis] for axis in axes) > LONG else None
        return function(x, axis=axes, keepdims=keepdims, dtype=wide).astype(x.dtype)

    return reduction


def _reducing(function: Operation) -> Operation:
    return lambda x, *, axes, keepdims: function(x, axis=axes, keepdims=keepdims)


def _position(function: Operation) -> Operation:
    """Return the position of an extreme along an axis, or in all elements."""

    def position(x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:
        if len(axes) == 1:
            return function(x, axis=axes[0], keepdims=keepdims)
        return function(x.reshape(-1)).reshape((1,) * x.ndim if keepdims else ())

    return position


def _cumsum(x: Any, *, axis: int) -> Any:
    return jnp.cumsum(x, axis=axis, dtype=WIDER.get(x.dtype)).astype(x.dtype)


def _padded(x: Any, *, low: Sequence[int], high: Sequence[int], interior: Sequence[int]) -> Any:
    return lax.pad(x, jnp.zeros((), x.dtype), list(zip(low, high, interior, strict=True)))


def _fourier(function: Operation) -> Operation:
    return lambda x, *, axis, norm: function(x, axis=axis, norm=norm)


def _at(axes: Sequence[int], indices: Sequence[Any], rank: int) -> tuple[Any, ...]:
    given = dict(zip(axes, indices, strict=True))
    return tuple([given.get(axis, slice(None)) for axis in range(rank)])


def _gather(x: Any, *indices: Any, axes: Sequence[int]) -> Any:
    return x.at[_at(axes, indices, x.ndim)].get(mode="clip")


def _scatter_add(updates: Any, *indices: Any, axes: Sequence[int], shape: tuple[int, ...]) -> Any:
    return jnp.zeros(shape, updates.dtype).at[_at(axes, indices, len(shape))].add(updates, mode="drop")


def in_range(*operands: Any, **params: Any) -> Any:
    """Return whether the indices of an indexing line are those of elements: a boolean without axes.

    XLA takes the nearest element for others, where NumPy's reference raises an error.
    """
    if "count" in params:
        (labels,) = operands
        return jnp.all((labels >= 0) & (labels < params["count"]))
    first, *indices = operands
    shape = params.get("shape", first.shape)
    good = jnp.array(True)
    for axis, index in zip(params["axes"], indices, strict=True):
        good &= jnp.all((index >= -shape[axis]) & (index < shape[axis]))
    return good


OPERATIONS: dict[str, Operation] = {
    "pow": jnp.power,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "erf": jax.scipy.special.erf,
    "erfc": jax.scipy.special.erfc,
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "fmod": _fmod,
    "where": jnp.where,
    "stop_gradient": lambda x: x,
    "astype": _converted,
    "real": jnp.real,
    "imag": jnp.imag,
    "conj": jnp.conj,
    "matmul": jnp.matmul,
    "sum": _summing(jnp.sum),
    "mean": _summing(jnp.mean),
    "prod": _reducing(jnp.prod),
    "max": _reducing(jnp.max),
    "min": _reducing(jnp.min),
    "any": _reducing(jnp.any),
    "all": _reducing(jnp.all),
    "argmax": _position(jnp.argmax),
    "argmin": _position(jnp.argmin),
    "cumsum": _cumsum,
    "cumprod": lambda x, *, axis: jnp.cumprod(x, axis=axis),
    "reshape": lambda x, *, shape: x.reshape(shape),
    "transpose": lambda x, *, axes: x.transpose(axes),
    "expand_dims": lambda x, *, axes: jnp.expand_dims(x, axes),
    "squeeze": lambda x, *, axes: jnp.squeeze(x, axes),
    "broadcast_to": lambda x, *, shape: jnp.broadcast_to(x, shape),
    "flip": lambda x, *, axes: jnp.flip(x, axes),
    "concatenate": lambda *parts, axis: jnp.concatenate(parts, axis=axis),
    "pad": _padded,
    "slice": lambda x, *, start, stop, step: x[tuple(map(slice, start, stop, step))],
    "gather": _gather,
    "scatter_add": _scatter_add,
    "one_hot": lambda labels, *, count, dtype: (labels[..., None] == jnp.arange(count)).astype(dtype),
    "random_uniform": device_random.random_uniform,
    "fold_in": device_random.fold_in,
    "fft": _fourier(jnp.fft.fft),
    "ifft": _fourier(jnp.fft.ifft),
    "rfft": _fourier(jnp.fft.rfft),
    "irfft": lambda x, *, axis, n, norm: jnp.fft.irfft(x, n=n, axis=axis, norm=norm),
    "argsort": lambda x: jnp.argsort(x, axis=-1, stable=True),
}
