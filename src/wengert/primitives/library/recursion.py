"""Linear recursions along the last axis, which digital filters with feedback are made of."""

# mypy: disallow-untyped-defs=False

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.emitted_functions import emitted
from wengert.ir.types import TensorType, tensor_type
from wengert.primitives.batching import Mapped, aligned
from wengert.primitives.kinds import broadcast_shapes, library


@emitted
def recursion(a, x):
    """The sequence y with Σₖ a[k] y[n − k] = x[n], y being 0 before it begins, along the last axis."""
    from scipy import signal

    dtype = np.result_type(a, x)
    if a.ndim == 1:
        return signal.lfilter(np.ones(1, dtype), a, x, axis=-1).astype(dtype)
    heads = np.broadcast_shapes(a.shape[:-1], x.shape[:-1])
    a, x = np.broadcast_to(a, heads + a.shape[-1:]), np.broadcast_to(x, heads + x.shape[-1:])
    found = np.empty(x.shape, dtype)
    for place in np.ndindex(heads):
        found[place] = signal.lfilter(np.ones(1, dtype), a[place], x[place])
    return found


def _type(a: TensorType, x: TensorType) -> TensorType:
    if not a.ndim or not x.ndim or not a.shape[-1]:
        raise ShapeError(f"recursion: coefficients of shape {a.shape} and a sequence of shape {x.shape}")
    heads = broadcast_shapes("recursion", [tensor_type(one.shape[:-1], one.dtype) for one in (a, x)])
    return tensor_type((*heads, x.shape[-1]), x.dtype)


def _vjp(ct: Any, out: Any, a: Any, x: Any) -> tuple[Any, ...]:
    """The matrix of the recursion has a[k] on diagonal k below the first: its transpose runs backward."""
    by_x = np.flip(recurrence(a, np.flip(ct, -1)), -1)
    extent = x.shape[-1]
    by_a = [
        -np.sum(by_x[..., min(k, extent) :] * out[..., : max(extent - k, 0)], axis=-1)
        for k in range(a.shape[-1])
    ]
    return np.stack(by_a, axis=-1), by_x


def _batched(primitive: Any, mapped: Mapped, size: int, a: Any, x: Any) -> Any:
    """Apply it to a batch; SciPy takes all sequences at once where they share the coefficients."""
    rank = max(a.ndim - mapped[0], x.ndim - mapped[1])
    x = aligned(x, rank) if mapped[1] else x
    return primitive(aligned(a, rank) if mapped[0] else a, x)


recurrence = library(
    "recursion",
    numpy=recursion,
    infer=_type,
    vjp=_vjp,
    operands=2,
    complex=True,
    flops=lambda out, types, params: 2 * out.size * types[0].shape[-1],
    batch=_batched,
    source="Oppenheim & Schafer, Discrete-Time Signal Processing (2010), 6.3",
)
