"""The line by which each iteration of a loop finds what the one before left."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ir.primitive import Interval, Kind, Primitive
from wengert.ir.types import TensorType
from wengert.primitives.batching import repeated
from wengert.primitives.kinds import unchanged


def _numpy(carries: Any, initial: Any, *, axis: int, reverse: bool) -> Any:
    before = (slice(None),) * axis
    first = np.expand_dims(initial, axis)
    others = carries[(*before, slice(1, None) if reverse else slice(None, -1))]
    return np.concatenate([others, first] if reverse else [first, others], axis=axis)


def _vjp(ct: Any, out: Any, carries: Any, initial: Any, *, axis: int, reverse: bool) -> tuple[Any, Any]:
    before = (slice(None),) * axis
    none = np.zeros_like(initial)[(*before, None)]
    others = ct[(*before, slice(None, -1) if reverse else slice(1, None))]
    first = ct[(*before, -1 if reverse else 0)]
    return np.concatenate([none, others] if reverse else [others, none], axis=axis), first


def _batch(primitive: Primitive, mapped: Any, size: int, carries: Any, initial: Any, **params: Any) -> Any:
    """Run over the iterations of an outer loop: their axis comes first."""
    begun = initial if mapped[1] else repeated(initial, size)
    return primitive(carries, begun, **{**params, "axis": params["axis"] + 1})


def _infer(carries: TensorType, initial: TensorType, *, axis: int, reverse: bool) -> TensorType:
    return carries


# (carries after all iterations, initial) → carries before all iterations. No user meets it: not registered.
EARLIER = Primitive(
    name="earlier",
    kind=Kind.MOVEMENT,
    numpy=_numpy,
    infer=_infer,
    promote=unchanged,
    vjp=_vjp,
    python="earlier({0}, {1})",
    flops=lambda out, types, params: 0,
    domain=(Interval(-3, 3), Interval(-3, 3)),
    source="Werbos 1990",
    linear=True,
    batch=_batch,
)
